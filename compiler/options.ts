/** What `compile` takes by name. A row is an option: what it must be, and above it what it is for. */
import type { EntryName } from "../runtime/plan.ts";
import {
  callable,
  count,
  flag,
  kind,
  type OptionsOf,
  type OptionTable,
  oneOf,
  positive,
  someOf,
  wordFor,
} from "./diagnostics/option-table.ts";
import { isOptimizer, type OptimizerChoice, optimizerNames } from "./optimizers.ts";
import { type LoopOwner, loopOwners } from "./partition/loop-owner.ts";
import type { Direction } from "./partition/loop-strategy.ts";
import type { Storage } from "./pipelines.ts";
import { elaborateTable } from "./semantics/elaborate.ts";

/** What an executable can be asked to do. */
export const entryNames: readonly EntryName[] = ["train", "estimate", "infer", "update", "start", "step"];

export const storages: readonly Storage[] = ["f32", "f16"];

export const compileTable = {
  ...elaborateTable,
  /** Examples at a time. Default 64. */
  batch: count,
  /** Length of the training sequences: how many steps have statistics of their own (T_max). Default 100. */
  time: count,
  /** What `update` is a step of: a name, or a name with options, `{ name: "adamw", weightDecay: 0.05 }`. Default `adam`. */
  optimizer: kind<OptimizerChoice>(
    `one of ${optimizerNames.join(", ")}, or an object of its name and options`,
    // What is in the object is for `readOptimizer` to say.
    (value) => isOptimizer(value) || (typeof value === "object" && value !== null && "name" in value),
    optimizerNames,
  ),
  /** Entries to compile, by default all that the graph allows: an application that only infers needs no other's code. */
  entries: someOf(entryNames),
  /**
   * Bytes that all regions together may take for `time` steps. Where they would take more, more is computed again and less is
   * kept; the results are the same but for the order of sums. Gradients with respect to inputs are not to be had then.
   */
  memory: positive,
  /** Whether the sequences of a batch may differ in length: its `lengths` say. */
  ragged: flag,
  /** Also gradients with respect to inputs, as outputs `d_NAME`. */
  inputGradients: flag,
  /**
   * Also gradients with respect to the states after each step, as outputs `d_state/NAME` [T, B, …] of `train`; of a loop in
   * `reverse`, from its own first step to its last. Where `memory` has a sequence cut in segments, they are not to be had.
   */
  stateGradients: flag,
  /** In how many parts at most kernels take the batch, each for a workgroup of its own. By default as many as are estimated best. */
  parts: count,
  /** Who owns the loops over the steps. Default: the cheapest. C0306: an owner that cannot be. */
  loops: wordFor<Direction, LoopOwner>(["forward", "backward"], loopOwners),
  /** As what the values saved for the backward pass are stored. Default `f32`. C0307: `f16` for a target without. */
  storage: oneOf(storages),
  /** Told every stage when it is done; the text is made when asked for. */
  observe: callable<(stage: string, text: () => string) => void>(),
} satisfies OptionTable;

export interface CompileOptions extends OptionsOf<typeof compileTable> {}
