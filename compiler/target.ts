import type { Code } from "../runtime/plan.ts";
import type { Kernel } from "./kernel-ir/types.ts";
import type { Machine } from "./machine.ts";

/** What the compiler asks of a target: facts about the machine, and code for kernels. A program takes one as it is and passes it on. */
export interface Target {
  /** The kind of its code. */
  readonly name: Code["kind"];
  readonly machine: Machine;
  assemble(kernels: readonly Kernel[]): Code;
}
