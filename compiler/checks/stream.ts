/** Models that cannot be run on the steps so far: step by step, or from batch to batch. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import type { Refused } from "../passes/steps-so-far.ts";

/** Throws C0308: a stream is asked for, but some output needs steps that are yet to come. */
export const refuseStream = (why: Refused, file: string): never =>
  refuse("C0308", "this model cannot be run step by step", why, file);

/** Throws C0310: states are to go on from batch to batch, but something needs other steps than those so far. */
export const refuseCarry = (why: Refused, file: string): never =>
  refuse("C0310", "sequences of this model cannot go on from batch to batch", why, file);

function refuse(code: "C0308" | "C0310", what: string, { refused, help }: Refused, file: string): never {
  const span = { file, start: 0, end: 0 };
  throw new CompileError([{ code, severity: "error", message: `${what}: ${refused}`, span, help }]);
}
