/** Tells V8 that a command is a short program: it spends half of a compilation on code that has hardly been run when it is ready. */
import * as module from "node:module";
import { setFlagsFromString } from "node:v8";

/**
 * Has functions optimised after five times as much work as usual, and what was compiled of the next modules kept for the next process,
 * where Node can (from 22.8 on). To be called before those modules are imported.
 */
export function expectShortRun(): void {
  const { enableCompileCache } = module as { readonly enableCompileCache?: () => unknown };
  enableCompileCache?.();
  // Later versions have a compiler between the interpreter and the optimiser, and spend a tenth.
  const version = Number.parseInt(process.versions.v8, 10);
  if (version < 12) setFlagsFromString("--interrupt-budget=600000");
  else if (version === 12) setFlagsFromString("--invocation-count-for-turbofan=15000");
}
