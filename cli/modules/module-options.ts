import type { CompileOptions } from "../../compiler/options.ts";
import type { ModuleOptions } from "./module-command.ts";

/** The command line's options as `compile` takes them. What was measured on this machine has no part in a module. */
export function compileOptionsOf(options: ModuleOptions): CompileOptions {
  const { entry, dims, place, cell, batch, time, entries, memory, parts, storage, ragged, schedule } = options;
  return { entry, dims, place, cells: cell, batch, time, entries, memory, parts, storage, ragged, loops: schedule };
}
