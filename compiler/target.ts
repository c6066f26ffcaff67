import type { Code } from "../runtime/plan.ts";
import type { Kernel } from "./kernel-ir/types.ts";
import type { Machine } from "./machine.ts";

/** What the compiler asks of a target: facts about the machine, and code for kernels. Programs only pass one on. */
export interface Target {
  /** The kind of its code. */
  readonly name: Code["kind"];
  readonly machine: Machine;
  assemble(kernels: readonly Kernel[]): Code;
}
