import type { Executable } from "../runtime/plan.ts";
import { codeFiles, type Files } from "./targets.ts";

/** A compiled model as files: its code, and `plan.json`. */
export const executableFiles = ({ plan, code }: Executable): Files => ({
  ...codeFiles(code),
  "plan.json": `${JSON.stringify(plan, null, 2)}\n`,
});
