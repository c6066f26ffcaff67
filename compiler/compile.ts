/**
 * The whole pipeline, from a file's text to an executable:
 *
 *     text ─► elaborate ─► Tensor IR ─► units ─► hoist ─► place ─► derive ─► defer ─► absorb ─► rotate ─► sink ─► gates
 *     ─► about ─► schedule ─► Kernel IR ─► target
 *
 * with `simplify` behind each pass from `place` to `gates`. To infer, `fold` stands in place of what derives; where sequences differ in
 * length, `ragged` stands behind `place`.
 *
 * One elaborated graph is compiled to train, to estimate statistics, to infer, to begin a stream and to run a step of it; and an
 * optimiser's own graph to update.
 */
import type { Alone, Entry, EntryName, Executable, KernelInfo, Plan, Tensor } from "../runtime/plan.ts";
import { sealed } from "../runtime/seal.ts";
import { printBuffers } from "./buffers/print.ts";
import { bytesOf, segmentLength } from "./buffers/segment-length.ts";
import { type Shared, sharedTensors } from "./buffers/shared.ts";
import { checkDims } from "./checks/dims.ts";
import { checkMemory } from "./checks/memory.ts";
import { checkStorage } from "./checks/storage.ts";
import { refuseStream } from "./checks/stream.ts";
import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import { identityOf } from "./equations.ts";
import { printGraph } from "./ir/text.ts";
import type { Graph, Op, OpOf, Pass } from "./ir/types.ts";
import { workOf } from "./kernel-ir/work.ts";
import { optimizerGraph, optimizers, parameterRows } from "./optimizers.ts";
import type { CompileOptions } from "./options.ts";
import { costOfChosen } from "./partition/loop-strategy.ts";
import { printPartition } from "./partition/print.ts";
import { deferWeightGradients } from "./passes/defer-weight-gradients.ts";
import { derive } from "./passes/derive.ts";
import { foldWeights } from "./passes/fold-weights.ts";
import { fuseReductions } from "./passes/fuse-reductions.ts";
import { gates } from "./passes/gates.ts";
import { hoist, hoistNumbers } from "./passes/hoist.ts";
import { loopOrder } from "./passes/loop-order.ts";
import { type Mode, place } from "./passes/place.ts";
import { ragged } from "./passes/ragged.ts";
import { retime } from "./passes/retime.ts";
import { DEAR_BYTE, type Extents } from "./passes/save.ts";
import { type Segmented, segment } from "./passes/segment.ts";
import { shiftMeans } from "./passes/shift-means.ts";
import { simplify } from "./passes/simplify.ts";
import { sink } from "./passes/sink.ts";
import { splitBatch } from "./passes/split-batch.ts";
import { type Refused, type Streamed, stream } from "./passes/stream.ts";
import { units } from "./passes/units.ts";
import { printSchedule } from "./print-schedule.ts";
import { aloneStatistics } from "./proofs/alone.ts";
import { withAverages } from "./proofs/averages.ts";
import { type Moment, moments } from "./proofs/moments.ts";
import { batchOfOne, prove } from "./proofs/prove.ts";
import { type Scheduled, schedule, scheduleSegments } from "./schedule.ts";
import { type Elaborated, type ElaborateOptions, elaborate } from "./semantics/elaborate.ts";
import type { SiteInfo } from "./semantics/sites.ts";
import type { SourceHost } from "./source-host.ts";
import type { Target } from "./target.ts";

export interface Compilation extends Pick<Elaborated, "sites" | "parameters"> {
  /** What the population's statistics are. */
  readonly moments: readonly Moment[];
  readonly executable: Executable;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Compiles a cell or model of the file at `path` for `target`.
 * Throws `CompileError` with every error of the file in source order.
 */
export function compile(path: string, options: CompileOptions, target: Target, host: SourceHost): Compilation {
  const elaborated = elaborate(path, host, options);
  const { graph, dims, sites, parameters } = elaborated;
  options.observe?.("elaborate", () => printGraph(graph));
  // Warnings after errors: what is wrong with a size is said by what needs it.
  const executable = compileGraph(graph, { ...options, dims, path, sites: [...sites, ...parameters] }, target);
  const { batch, entries } = options;
  const trains = batch === 1 && (entries?.some((entry) => entry === "train" || entry === "estimate") ?? true);
  const warnings = [...elaborated.warnings, ...prove(elaborated), ...(trains ? batchOfOne(elaborated) : [])];
  return { executable, warnings, sites, parameters, moments: moments(graph) };
}

export interface GraphOptions extends Omit<CompileOptions, keyof ElaborateOptions> {
  /** A number for every dimension of the graph but `batch`, `time` and `steps`. */
  readonly dims: Readonly<Record<string, number>>;
  /** The file it was elaborated from, for messages. */
  readonly path: string;
  /** What stands on its sites and parameters, in the text's words. */
  readonly sites?: readonly SiteInfo[];
}

/** Everything behind elaboration: a graph to an executable. Throws `CompileError` (C0217) for extents that are none. */
export function compileGraph(elaborated: Graph, options: GraphOptions, target: Target): Executable {
  checkStorage(options.storage, target);
  const graph = withAverages(elaborated);
  const { batch = 64, optimizer = "adam" } = options;
  const parts = options.parts ?? bestParts(graph, options, target);
  const { scheduled, shared } = scheduleGraph(graph, { ...options, parts }, target);
  const kernels = [...scheduled.values()].flatMap((s) => s.kernels.map((k) => k.kernel));
  const alone = batch === 1 ? aloneStatistics(elaborated, options.dims) : new Map<string, Alone>();
  const entries = Object.fromEntries(
    [...scheduled].map(([name, { tensors, commands, regions }]): [string, Entry] => [
      name,
      { tensors: tensors.map((tensor) => withAlone(tensor, alone)), commands, regions },
    ]),
  );
  const plan: Plan = {
    format: 4,
    name: graph.name,
    target: target.name,
    dims: { ...options.dims, batch },
    ...identityOf(elaborated, options.dims, shared.tensors, options.sites),
    slots: shared.slots,
    optimizer,
    ...(kernels.some((k) => k.subgroups) && { features: ["subgroups"] }),
    entries,
    kernels: kernels.map((kernel): KernelInfo => {
      const { name, lanes, regions } = kernel;
      return { name, work: workOf(kernel), lanes, regions };
    }),
  };
  return { plan, code: sealed(plan, target.assemble(kernels)) };
}

function withAlone(tensor: Tensor, statistics: ReadonlyMap<string, Alone>): Tensor {
  const { role } = tensor;
  const alone = role.kind === "batch_stat" ? statistics.get(role.of) : undefined;
  return role.kind === "batch_stat" && alone ? { ...tensor, role: { ...role, alone } } : tensor;
}

/** A batch that fills the lanes of more than one workgroup, in parts if that is estimated to take the loops less time. */
function bestParts(graph: Graph, options: GraphOptions, target: Target): number {
  const { batch = 64 } = options;
  const { lanes } = target.machine;
  if (lanes === 1 || batch <= lanes) return 1;
  const withLoops = lowerable.filter((entry) => options.entries?.includes(entry) ?? true);
  const cost = (parts: number): number => {
    const { scheduled } = scheduleGraph(graph, { ...options, entries: withLoops, parts, observe: undefined }, target);
    return [...scheduled.values()].flatMap((s) => s.loops).reduce((sum, loop) => sum + costOfChosen(loop), 0);
  };
  const most = Math.ceil(batch / lanes);
  return cost(most) < cost(1) ? most : 1;
}

/** The schedules of a graph's entries, and the memory they share. */
function scheduleGraph(
  graph: Graph,
  options: GraphOptions,
  target: Target,
): { readonly scheduled: Schedule; readonly shared: Shared } {
  const { batch = 64, time = 100, optimizer = "adam", observe } = options;
  const dims = { ...options.dims, batch, steps: time };
  const sized = units(options.dims).run(graph);
  const lowering: LowerOptions = { ...options, batch, extents: dims };
  // A model without a loss can be run and its statistics estimated, but there is nothing to train; one without parameters has
  // nothing to update.
  const hasLoss = graph.results.some((r) => r.kind === "loss");
  const wanted = (entry: EntryName): boolean => options.entries?.includes(entry) ?? true;
  const names = lowerable.filter((entry) => wanted(entry) && (hasLoss || entry !== "train"));
  const graphs = lower(sized, lowering, names);
  const shared = sharedTensors(graphs.placed, dims, optimizers[optimizer].slots, wanted("update") && hasLoss);
  const inputs = graphs.placed.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf" && isInput(op));
  checkDims([...Object.values(graphs.entries), graphs.placed], dims, options.path);

  const programs: Programs = {
    ...graphs.entries,
    ...(shared.trained && { update: simplify.run(optimizerGraph(optimizer, { statistics: shared.stats > 0 })) }),
    ...streamPrograms(sized, options),
  };
  const make = (some: Programs, length?: number): Schedule =>
    new Map(
      Object.entries(some).map(([entry, program]): [EntryName, Scheduled] => {
        const own = entry === "update" || isOfStream(entry) ? [] : inputs;
        const bound = entry === "update" ? updateDims(shared) : dims;
        const { loops, storage } = options;
        const to = { entry, dims: bound, machine: target.machine, shared, inputs: own, loops, storage };
        return [
          entry as EntryName,
          "pieces" in program ? scheduleSegments(program, length, to) : schedule(program, to),
        ];
      }),
    );
  const scheduled = within(options.memory, time, make, programs, {
    thrifty: () => lower(sized, { ...lowering, byte: DEAR_BYTE, observe: undefined }, names).entries,
    segmented: () => segmented(sized, lowering),
  });
  checkMemory(scheduled, time);
  const each = (print: (entry: string, s: Scheduled) => string) => () =>
    [...scheduled].map(([entry, s]) => print(entry, s)).join("\n");
  observe?.(
    "partition",
    each((entry, s) => printPartition(entry, s.partition)),
  );
  observe?.(
    "buffers",
    each((entry, s) => printBuffers(entry, s.buffers, s.partition)),
  );
  observe?.("schedule", () => printSchedule(scheduled, target.machine));

  return { scheduled, shared };
}

/** What `update` counts by. */
const updateDims = ({ params, stats }: Shared) => ({
  batch: parameterRows,
  row: params / parameterRows,
  statistics: stats / parameterRows,
});

/** The programs of a stream where they are wanted: `start` goes with `step`. Throws C0308 where they are asked for in vain. */
function streamPrograms(graph: Graph, { entries, path }: GraphOptions): Programs {
  const asked = entries?.some(isOfStream);
  if (asked === false) return {};
  const made = streamed(graph);
  if ("step" in made) return made;
  if (asked) refuseStream(made, path);
  return {};
}

type Schedule = ReadonlyMap<EntryName, Scheduled>;
type Programs = Readonly<Partial<Record<EntryName, Graph | Segmented>>>;

/**
 * The schedule that is fastest of those that need no more than `budget` bytes for `steps` steps: with what is best saved for the
 * backward loop; with as much of it as can be computed again instead; then in segments, the longest that fit. Throws C0305.
 */
function within(
  budget: number | undefined,
  steps: number,
  make: (programs: Programs, length?: number) => Schedule,
  programs: Programs,
  others: { readonly thrifty: () => Programs; readonly segmented: () => Programs },
): Schedule {
  /** `programs`, with those that `better` has another for. */
  const instead = (better: Programs): Programs =>
    Object.fromEntries(
      Object.entries(programs).map(([entry, program]) => [entry, better[entry as EntryName] ?? program]),
    );
  const whole = make(programs);
  if (budget === undefined || bytesOf(whole, steps) <= budget) return whole;
  const thrifty = make(instead(others.thrifty()));
  if (bytesOf(thrifty, steps) <= budget) return thrifty;
  const cut = instead(others.segmented());
  return make(cut, segmentLength(make(cut, 1), steps, budget));
}

export type { CompileOptions, Target };

/** The entries that are made of a whole graph by all passes; `update` and the stream's have their own. */
export type Lowerable = "train" | "estimate" | "infer";
const lowerable: readonly Lowerable[] = ["train", "estimate", "infer"];

export interface Lowered<Name extends Lowerable = Lowerable> {
  /** Placed for training, otherwise as elaborated: names every parameter, statistic and input. */
  readonly placed: Graph;
  readonly entries: Readonly<Record<Name, Graph>>;
}

export interface LowerOptions
  extends Pick<CompileOptions, "observe" | "ragged" | "inputGradients" | "stateGradients" | "parts" | "batch"> {
  /** What dimensions will be, to weigh memory against arithmetic by. */
  readonly extents?: Extents;
  /** What a byte of memory costs, in flops, if not what it usually does. */
  readonly byte?: number;
}

/** The passes: from an elaborated graph to the graph of each entry point, or of those in `entries`. */
export function lower<Name extends Lowerable = Lowerable>(
  graph: Graph,
  options: LowerOptions = {},
  entries: readonly Name[] = lowerable as readonly Name[],
): Lowered<Name> {
  const through = (from: Graph, passes: readonly Pass[], shown: boolean): Graph =>
    passes.reduce((g, pass) => {
      const after = pass.run(g);
      if (shown) options.observe?.(pass.name, () => printGraph(after));
      return after;
    }, from);
  const hoisted = through(graph, [loopOrder, hoist], true);
  const placed = (mode: Mode): Graph => placing(mode, options.ragged).reduce((g, pass) => pass.run(g), hoisted);
  const train = placed("train");
  options.observe?.("place", () => printGraph(train));
  let simplified: Graph | undefined;
  const forward = (): Graph => {
    simplified ??= through(train, [simplify], true);
    return simplified;
  };
  const backward = [
    derive({
      inputs: options.inputGradients ?? false,
      states: options.stateGradients ?? false,
      extents: options.extents,
      byte: options.byte,
    }),
    ...leaving,
    ...finishing(options),
  ];
  // Nothing but masks, and how variances are averaged, makes it differ from training.
  const differs = train.ops.some(isMask) || train.results.some(({ kind }) => kind === "population");
  const estimated = (): Graph => (differs ? through(placed("estimate"), [simplify], false) : forward());
  const folded = (): Graph => through(through(placed("infer"), [simplify], false), [foldWeights], true);
  const make: Readonly<Record<Lowerable, () => Graph>> = {
    train: () => through(forward(), backward, true),
    estimate: () => through(estimated(), finishing(options), false),
    infer: () => through(folded(), [simplify, ...finishing(options)], false),
  };
  const made = entries.map((name) => [name, make[name]()] as const);
  return { placed: train, entries: Object.fromEntries(made) as Record<Name, Graph> };
}

/** What makes a graph the one of an entry. */
const placing = (mode: Mode, lengths = false): readonly Pass[] => [place(mode, lengths), ...(lengths ? [ragged] : [])];

/** What moves out of the backward loop whatever need not stand in it. */
const leaving: readonly Pass[] = [
  simplify,
  deferWeightGradients,
  simplify,
  fuseReductions,
  simplify,
  hoistNumbers,
  simplify,
];

/** What brings a derived graph in the shape that kernels like. */
const finishing = (options: LowerOptions): readonly Pass[] => [
  retime,
  simplify,
  sink,
  gates,
  simplify,
  ...parted(options),
];

/** Inference step by step, or why it cannot be had. There is no padding in a stream: `ragged` has nothing to say. */
export function streamed(graph: Graph): Streamed | Refused {
  const made = stream([loopOrder, hoist, place("infer"), simplify].reduce((g, pass) => pass.run(g), graph));
  if ("refused" in made) return made;
  const finished = (g: Graph): Graph => [foldWeights, simplify, ...finishing({})].reduce((h, pass) => pass.run(h), g);
  return { start: finished(made.start), step: finished(made.step) };
}

/** As `lower`, in pieces that need the memory of a segment of time each; undefined for what cannot be cut. */
export function segmented(
  graph: Graph,
  options: Pick<LowerOptions, "extents" | "ragged" | "parts" | "batch"> = {},
): Readonly<Record<keyof Lowered["entries"], Segmented | undefined>> {
  const hoisted = hoist.run(loopOrder.run(graph));
  const cut = (mode: Mode, backward: boolean): Segmented | undefined => {
    const passes = [...placing(mode, options.ragged), simplify, ...(mode === "infer" ? [foldWeights, simplify] : [])];
    return segment(
      passes.reduce((g, pass) => pass.run(g), hoisted),
      { backward, extents: options.extents, passes: [...leaving, ...finishing(options)] },
    );
  };
  return { train: cut("train", true), estimate: cut("estimate", false), infer: cut("infer", false) };
}

/** Means, and the batch where it is to be split: in parts of equal size, the last of which has what is left. */
function parted({ parts = 1, batch = 1 }: LowerOptions): readonly Pass[] {
  const size = Math.ceil(batch / parts);
  return size < batch ? [shiftMeans(true), splitBatch(Math.ceil(batch / size))] : [shiftMeans()];
}

const isOfStream = (entry: string): boolean => entry === "start" || entry === "step";

const isMask = (op: Op): boolean =>
  op.op === "leaf" && op.attrs.leaf.kind === "noise" && op.attrs.leaf.distribution === "bernoulli";

const isInput = (op: OpOf<"leaf">): boolean => ["input", "index"].includes(op.attrs.leaf.kind);
