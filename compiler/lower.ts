/** Runs the pipelines: from an elaborated graph to the graph of each entry. */
import { refuseGroups } from "./checks/groups.ts";
import { printGraph } from "./ir/text.ts";
import { axesOfInputs } from "./ir/time-axes.ts";
import type { Graph, Op, Pass } from "./ir/types.ts";
import type { Mode } from "./passes/place.ts";
import { type Segmented, segment } from "./passes/segment.ts";
import { sharedStatistics } from "./passes/shared-statistics.ts";
import { simplify } from "./passes/simplify.ts";
import { only, type Refused, refusalOfMeasures, refusalOfOutputs } from "./passes/steps-so-far.ts";
import { type Streamed, stream } from "./passes/stream.ts";
import { units } from "./passes/units.ts";
import {
  type ExportedOptions,
  exported,
  type PipelineOptions,
  type Pipelines,
  pipelinesOf,
  placement,
} from "./pipelines.ts";

/** The entries that all passes lower from the whole graph; `update` and the stream's have pipelines of their own. */
export type Lowerable = "train" | "estimate" | "infer";
export const lowerable: readonly Lowerable[] = ["train", "estimate", "infer"];

export interface Lowered<Name extends Lowerable = Lowerable> {
  /** Placed for training, otherwise as elaborated: names every parameter, statistic and input. */
  readonly placed: Graph;
  readonly entries: Readonly<Record<Name, Graph>>;
}

export interface LowerOptions extends PipelineOptions {
  /** Called after every pass; the text is made on demand. */
  readonly observe?: (stage: string, text: () => string) => void;
}

/** From an elaborated graph to the graph of each entry point, or of those in `entries`. Throws `CompileError`: C0243. */
export function lower<Name extends Lowerable = Lowerable>(
  graph: Graph,
  options: LowerOptions = {},
  entries: readonly Name[] = lowerable as readonly Name[],
): Lowered<Name> {
  const pipelines = pipelinesFor(graph, options);
  if ((options.ragged || isRagged(graph)) && entries.some((name) => name !== "infer")) refuseGroups(graph);
  const run = observed(options.observe);
  const names = run(graph, pipelines.placed);
  const made = entries.map((name) => [name, run(graph, pipelines[name])] as const);
  return { placed: names, entries: Object.fromEntries(made) as Record<Name, Graph> };
}

/** An elaborated graph with its norms in place. */
export const placed = (graph: Graph, mode: Mode): Graph => through(placement.equal[mode], graph);

/** Inference step by step, or why it is impossible. */
export function streamed(
  graph: Graph,
  { reducedGates }: Pick<PipelineOptions, "reducedGates"> = {},
): Streamed | Refused {
  const { before, after } = pipelinesFor(graph, { reducedGates }).stream;
  const made = stream(through(before, graph));
  if ("refused" in made) return made;
  return { start: through(after, made.start), step: through(after, made.step) };
}

/** Why sequences of this model cannot go on from batch to batch; undefined if they can. */
export function refusalToCarry(graph: Graph): Refused | undefined {
  const placed = through(placement.carried.equal.infer, graph);
  const [outputs, measures] = [["output"] as const, ["loss", "loss_term", "metric", "weight"] as const].map((kinds) =>
    simplify.run(only(placed, kinds)),
  );
  const found = refusalOfOutputs(outputs) ?? refusalOfMeasures(measures);
  if (found !== undefined || [outputs, measures].some(({ ops }) => ops.some(({ op }) => op === "scan"))) return found;
  return STATELESS;
}

/** As `lower`, in pieces that each need the memory of one segment of time; undefined for a graph that cannot be cut. */
export function segmented(
  graph: Graph,
  options: PipelineOptions = {},
): Readonly<Record<Lowerable, Segmented | undefined>> {
  const { segments } = pipelinesFor(graph, options);
  const cut = (name: Lowerable): Segmented | undefined =>
    segment(through(segments[name], graph), {
      backward: name === "train",
      extents: options.extents,
      passes: segments.after,
    });
  return { train: cut("train"), estimate: cut("estimate"), infer: cut("infer") };
}

export interface ExportableOptions extends ExportedOptions {
  /** Those of the graph. */
  readonly dims: Readonly<Record<string, number>>;
}

/**
 * An elaborated graph as other programs run it: what its outputs need, with its norms in place and its weights folded. Sequences may differ in
 * length with `ragged`, and wherever there are several time axes. With `carry`, there must be no `refusalOfParts`.
 */
export function exportable(graph: Graph, { dims, ragged = false, carry = false }: ExportableOptions): Graph {
  const sized = units(dims).run(only(graph, ["output"]));
  const made = through(exported({ ragged: ragged || isRagged(graph), carry }), sized);
  if (made.ops.some(isInput)) return made;
  // Outputs that need no input still have as many steps as there are.
  return { ...made, ops: [...sized.ops.filter(isInput), ...made.ops] };
}

/** Why the outputs of a model cannot be had of parts of sequences, one after the other; undefined if they can. */
export function refusalOfParts(graph: Graph): Refused | undefined {
  const outputs = simplify.run(only(through(placement.carried.equal.infer, graph), ["output"]));
  return refusalOfOutputs(outputs) ?? (outputs.ops.some(({ op }) => op === "scan") ? undefined : STATELESS);
}

const STATELESS: Refused = {
  refused: "it has no states",
  help: "leave the option out: its batches have nothing to do with each other",
};

const isInput = (op: Op): boolean => {
  if (op.op !== "leaf") return false;
  const { leaf } = op.attrs;
  return leaf.kind === "index" || (leaf.kind === "input" && leaf.target !== true);
};

/** The same, if the norms had statistics that all steps share. */
export const exportableIfShared = (graph: Graph, options: ExportableOptions): Graph =>
  exportable(through([sharedStatistics], graph), options);

/** The graph of one step of an optimiser. */
export const lowerUpdate = (graph: Graph): Graph => through(pipelinesOf({}, false).update, graph);

/** What passes have made of graphs: pipelines run once what they have in common at the beginning. */
const results = new WeakMap<Graph, WeakMap<Pass, Graph>>();

function ran(pass: Pass, graph: Graph): Graph {
  const known = results.get(graph) ?? new WeakMap<Pass, Graph>();
  results.set(graph, known);
  const after = known.get(pass) ?? pass.run(graph);
  known.set(pass, after);
  return after;
}

const through = (passes: readonly Pass[], graph: Graph): Graph => passes.reduce((g, pass) => ran(pass, g), graph);

/** A model of several time axes has padding: a shorter axis takes as many steps as the longest. */
const isRagged = (graph: Graph): boolean => axesOfInputs(graph).size > 1;

function pipelinesFor(graph: Graph, options: PipelineOptions): Pipelines {
  // Estimation differs from training only in masks, in what asks for it, and in how variances are averaged.
  const estimates = [graph, ...graph.norms.values()].some(({ ops }) => ops.some(differsInTraining));
  return pipelinesOf(isRagged(graph) ? { ...options, ragged: true } : options, estimates);
}

const isMask = (op: Op): boolean =>
  op.op === "leaf" && op.attrs.leaf.kind === "noise" && op.attrs.leaf.distribution === "bernoulli";

const differsInTraining = (op: Op): boolean =>
  op.op === "stat" || op.op === "training" || isMask(op) || (op.body?.ops.some(differsInTraining) ?? false);

/** Runs pipelines, and shows each pass in the first of them that has it: mostly the one for training. */
function observed(observe: LowerOptions["observe"]): (graph: Graph, passes: readonly Pass[]) => Graph {
  const shown = new Set<Pass>();
  return (graph, passes) => {
    const before = new Set(shown);
    return passes.reduce((from, pass) => {
      const after = ran(pass, from);
      if (!before.has(pass)) observe?.(pass.name, () => printGraph(after));
      shown.add(pass);
      return after;
    }, graph);
  };
}
