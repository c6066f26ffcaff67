import type { Executable, Plan } from "../runtime/plan.ts";
import type { Kernel } from "./kernel-ir/types.ts";
import type { Machine } from "./machine.ts";

/** What the compiler asks of a target: facts about the machine, and code for kernels. */
export interface Target {
  readonly name: Plan["target"];
  readonly machine: Machine;
  assemble(kernels: readonly Kernel[]): Executable["code"];
}
