/** The options of `compile`. A row is an option: its type, and above it its documentation. */
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

/** The entries that an executable can have. */
export const entryNames: readonly EntryName[] = ["train", "estimate", "infer", "update", "start", "step"];

export const storages: readonly Storage[] = ["f32", "f16"];

export const compileTable = {
  ...elaborateTable,
  /** Examples at a time. Default 64. */
  batch: count,
  /** Length of the training sequences: the number of steps with statistics of their own (T_max). Default 100. */
  time: count,
  /**
   * The optimiser that `update` is a step of: a name, or a name with options, `{ name: "adamw", weightDecay: 0.05 }`. Default
   * `adam`.
   */
  optimizer: kind<OptimizerChoice>(
    `one of ${optimizerNames.join(", ")}, or an object of its name and options`,
    // `readOptimizer` checks what is in the object.
    (value) => isOptimizer(value) || (typeof value === "object" && value !== null && "name" in value),
    optimizerNames,
  ),
  /** Entries to compile. Default: all that the graph allows. An application that only infers needs no code for the others. */
  entries: someOf(entryNames),
  /**
   * The most bytes that all regions together may take for `time` steps. If they would take more, more is recomputed and less is
   * kept; results are the same except for the order of sums. Gradients with respect to inputs are then not available.
   */
  memory: positive,
  /** Whether the sequences of a batch may differ in length, which `lengths` then gives. */
  ragged: flag,
  /**
   * Whether sequences go on from batch to batch: `train`, `estimate` and `infer` then begin with the states that the batch before ended
   * with, for the examples that `Session` says. For truncated back-propagation through time. C0310: something needs other steps than
   * those so far.
   */
  carry: flag,
  /** Also gradients with respect to inputs, as outputs `d_NAME`. */
  inputGradients: flag,
  /**
   * Also gradients with respect to the states after each step, as outputs `d_state/NAME` [T, B, …] of `train`; for a loop in
   * `reverse`, from its own first step to its last. Not available where `memory` has a sequence cut in segments.
   */
  stateGradients: flag,
  /** The most parts in which kernels take the batch, each with a workgroup of its own. Default: the number estimated to be best. */
  parts: count,
  /** Who owns the loops over the steps. Default: the cheapest. C0306: an owner that is impossible. */
  loops: wordFor<Direction, LoopOwner>(["forward", "backward"], loopOwners),
  /** How the values saved for the backward pass are stored. Default `f32`. C0307: `f16` on a target that cannot store it. */
  storage: oneOf(storages),
  /** Called after every stage; the text is made on demand. */
  observe: callable<(stage: string, text: () => string) => void>(),
} satisfies OptionTable;

export interface CompileOptions extends OptionsOf<typeof compileTable> {}
