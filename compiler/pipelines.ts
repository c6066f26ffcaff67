/**
 * Each entry's passes, in order: those that all machines share, which `lower.ts` runs, and those that prepare a graph for one
 * machine (`schedule.ts`).
 */

import type { Bindings } from "./ir/tensor.ts";
import type { Pass } from "./ir/types.ts";
import { joinsInMemory, type Machine } from "./machine.ts";
import { afterLoop } from "./passes/after-loop.ts";
import { carry } from "./passes/carry.ts";
import { cheapInputs } from "./passes/cheap-inputs.ts";
import { deferWeightGradients } from "./passes/defer-weight-gradients.ts";
import { delayLines } from "./passes/delay-lines.ts";
import { derive } from "./passes/derive.ts";
import { elementwiseLoops } from "./passes/elementwise-loops.ts";
import { foldWeights } from "./passes/fold-weights.ts";
import { fuseReductions } from "./passes/fuse-reductions.ts";
import { gates } from "./passes/gates.ts";
import { groups } from "./passes/groups.ts";
import { halfResiduals } from "./passes/half-residuals.ts";
import { hoist, hoistNumbers } from "./passes/hoist.ts";
import { intoLoop } from "./passes/into-loop.ts";
import { loopOrder } from "./passes/loop-order.ts";
import { materialise } from "./passes/materialise.ts";
import { meanNoise } from "./passes/mean-noise.ts";
import { ownClocks, ownSteps } from "./passes/own-steps.ts";
import { type Mode, place } from "./passes/place.ts";
import { prepackWeights } from "./passes/prepack-weights.ts";
import { ragged } from "./passes/ragged.ts";
import { recompute } from "./passes/recompute.ts";
import { recurrences } from "./passes/recurrences.ts";
import { retime } from "./passes/retime.ts";
import { shiftMeans } from "./passes/shift-means.ts";
import { simplify } from "./passes/simplify.ts";
import { sink } from "./passes/sink.ts";
import { splitBatch } from "./passes/split-batch.ts";

export interface PipelineOptions {
  readonly ragged?: boolean;
  /** Sequences go on from batch to batch. */
  readonly carry?: boolean;
  readonly inputGradients?: boolean;
  readonly stateGradients?: boolean;
  /** The most parts in which the batch is taken, and the number of its examples. */
  readonly parts?: number;
  readonly batch?: number;
  /** Values of several gates that are added up are computed gate by gate, too. Default: true. */
  readonly reducedGates?: boolean;
  /** The sizes of dimensions, to weigh memory against arithmetic. */
  readonly extents?: Bindings;
  /** The cost of a byte of memory, in flops. Default: that of `save`. */
  readonly byte?: number;
}

/** The pipelines of one compilation. Where two begin with the same passes, these are the same objects, and run once. */
export interface Pipelines {
  /** Names every parameter, statistic and input. */
  readonly placed: readonly Pass[];
  readonly train: readonly Pass[];
  readonly estimate: readonly Pass[];
  readonly infer: readonly Pass[];
  /** `stream` makes a first state and a step of the result of `before`; each goes through `after`. */
  readonly stream: { readonly before: readonly Pass[]; readonly after: readonly Pass[] };
  /** `segment` cuts the result of `before` in pieces; each goes through `after`. */
  readonly segments: Readonly<Record<"train" | "estimate" | "infer", readonly Pass[]>> & {
    readonly after: readonly Pass[];
  };
  readonly update: readonly Pass[];
}

const placing = (lengths: boolean, carried = false): Readonly<Record<Mode, readonly Pass[]>> => {
  const of = (mode: Mode): readonly Pass[] => [
    recurrences,
    // A delay reaches back into the batch before.
    ...(carried ? [delayLines, ownClocks] : lengths ? [ownSteps] : []),
    ...[loopOrder, hoist, place(mode, lengths)],
    ...(lengths ? [ragged] : []),
  ];
  return { train: of("train"), estimate: of("estimate"), infer: of("infer") };
};

/**
 * What makes an elaborated graph that of one mode; for sequences of equal length, and for those that may differ. The same for sequences
 * that go on from batch to batch.
 */
export const placement = {
  equal: placing(false),
  ragged: placing(true),
  carried: { equal: placing(false, true), ragged: placing(true, true) },
} as const;

export interface ExportedOptions {
  /** Sequences may differ in length. */
  readonly ragged?: boolean;
  /** Sequences come in parts: states are inputs and results. */
  readonly carry?: boolean;
}

/** What makes an elaborated graph one for inference that other programs run: without what kernels alone like. */
export const exported = ({ ragged: lengths, carry: parts }: ExportedOptions): readonly Pass[] => [
  ...(parts ? placement.carried : placement)[lengths ? "ragged" : "equal"].infer,
  ...[meanNoise, simplify, ...(parts ? [carry] : [])],
  ...[foldWeights, simplify, afterLoop, simplify],
];

/** @param estimates whether estimating statistics differs from training; if not, both share their passes up to `derive` */
export function pipelinesOf(options: PipelineOptions, estimates: boolean): Pipelines {
  const modes = (options.carry ? placement.carried : placement)[options.ragged ? "ragged" : "equal"];
  const backward = derive({
    inputs: options.inputGradients ?? false,
    states: options.stateGradients ?? false,
    extents: options.extents,
    byte: options.byte,
  });
  const placed = modes.train;
  const ready = [simplify, ...(options.carry ? [carry] : [])];
  const forward = {
    train: [...placed, ...ready],
    estimate: [...(estimates ? modes.estimate : placed), ...ready],
    infer: [...modes.infer, ...ready, foldWeights, simplify],
  };
  const last = finishing(options);
  return {
    placed,
    train: [...forward.train, backward, ...leavingTheLoop, ...last],
    estimate: [...forward.estimate, ...last],
    infer: [...forward.infer, ...last],
    // A stream has no padding, and no batch to be taken in parts.
    stream: {
      before: [...placement.equal.infer, simplify, delayLines],
      after: [foldWeights, simplify, ...finishing({ reducedGates: options.reducedGates })],
    },
    segments: {
      train: [...forward.train, delayLines],
      estimate: [...forward.estimate, delayLines],
      infer: [...forward.infer, delayLines],
      after: [...leavingTheLoop, ...last],
    },
    update: [simplify],
  };
}

/** How the values saved for the backward pass are stored. */
export type Storage = "f32" | "f16";

export interface PreparationOptions {
  readonly machine: Machine;
  readonly dims: Readonly<Record<string, number>>;
  readonly storage?: Storage;
}

/** Prepares a graph for one machine and one size, or a piece of one that runs `inSegments`. */
export const preparation = ({ machine, dims, storage }: PreparationOptions, inSegments: boolean): readonly Pass[] => [
  intoLoop(machine),
  cheapInputs(machine),
  materialise(inSegments, joinsInMemory(machine)),
  prepackWeights(machine, dims),
  ...(storage === "f16" ? [halfResiduals] : []),
  recompute(machine),
];

/** Moves out of the backward loop whatever need not be in it. */
const leavingTheLoop: readonly Pass[] = [
  ...[simplify, deferWeightGradients],
  ...[simplify, fuseReductions],
  ...[simplify, hoistNumbers],
  simplify,
];

/** Brings a derived graph into the shape that kernels like. */
const finishing = ({ parts = 1, batch: examples, reducedGates }: PipelineOptions): readonly Pass[] => {
  const batch = examples ?? 1;
  // Parts of equal size; the last has what is left.
  const size = Math.ceil(batch / parts);
  const inParts = size < batch ? [shiftMeans(true), splitBatch(Math.ceil(batch / size))] : [shiftMeans()];
  const inGroups = examples === undefined ? [] : [groups(examples)];
  return [...inGroups, elementwiseLoops, retime, simplify, sink, gates(reducedGates), simplify, ...inParts];
};
