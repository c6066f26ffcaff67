import { checkPlan } from "./check-plan.ts";
import type { Code, Executable } from "./plan.ts";
import { type Sealed, sealedCode } from "./sealed-code.ts";
import { isRecord } from "./shown.ts";

/**
 * Checks what a backend opens: the plan as a whole, and that the code belongs to it. Every backend gets its code here, so that no plan
 * runs unchecked. Errors: C0411 (damaged, or parts of two executables), C0406 (another target).
 */
export function checkedCode<Kind extends Code["kind"]>(executable: Executable, kind: Kind): Sealed<Kind> {
  if (isRecord(executable)) checkPlan(executable.plan, kind);
  return sealedCode(executable, kind);
}
