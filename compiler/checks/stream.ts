/** Models that cannot be run step by step. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import type { Refused } from "../passes/stream.ts";

/** Throws C0308: a stream is asked for, but some output needs steps that are yet to come. */
export function refuseStream({ refused, help }: Refused, file: string): never {
  throw new CompileError([
    {
      code: "C0308",
      severity: "error",
      message: `this model cannot be run step by step: ${refused}`,
      span: { file, start: 0, end: 0 },
      help,
    },
  ]);
}
