/** Tells V8 that a process is short: half of a compilation can go into code that has hardly been run when it is ready. */
import { setFlagsFromString } from "node:v8";

const version = Number.parseInt(process.versions.v8, 10);

/**
 * What has V8 optimise a function after five times as much work as usual. Later versions have a compiler between the interpreter and the
 * optimiser, and lose a tenth.
 */
export const optimizeLater: readonly string[] =
  version < 12 ? ["--interrupt-budget=600000"] : version === 12 ? ["--invocation-count-for-turbofan=15000"] : [];

/** Does that for the whole process: for the command line, which is short and has its process to itself. */
export function expectShortRun(): void {
  for (const flag of optimizeLater) setFlagsFromString(flag);
}
