/** The scheduled entries of an executable, and the memory they share. */
import type { EntryName } from "../runtime/plan.ts";
import { printBuffers } from "./buffers/print.ts";
import { type Shared, sharedTensors } from "./buffers/shared.ts";
import { checkDims } from "./checks/dims.ts";
import { checkMemory } from "./checks/memory.ts";
import { refuseCarry, refuseStream } from "./checks/stream.ts";
import { decayedParameters } from "./decayed-parameters.ts";
import type { Graph, OpOf } from "./ir/types.ts";
import { printKernel } from "./kernel-ir/print.ts";
import { type LowerOptions, lower, lowerable, lowerUpdate, refusalToCarry, segmented, streamed } from "./lower.ts";
import { ownsUnits } from "./machine.ts";
import { type Programs, type Schedule, within } from "./memory-budget.ts";
import { type Decaying, optimizerGraph, parameterRows } from "./optimizer-graph.ts";
import { readOptimizer, slotsOf } from "./optimizers.ts";
import type { CompileOptions } from "./options.ts";
import { printPartition } from "./partition/print.ts";
import { DEAR_BYTE } from "./passes/save.ts";
import { units } from "./passes/units.ts";
import { printSchedule } from "./print-schedule.ts";
import { recurrences } from "./proofs/linear-recurrence.ts";
import { type Scheduled, schedule, scheduleSegments } from "./schedule.ts";
import type { ElaborateOptions } from "./semantics/elaborate.ts";
import type { Target } from "./target.ts";

export interface EntryOptions extends Omit<CompileOptions, keyof ElaborateOptions> {
  /** A number for every dimension of the graph but `batch`, `time` and `steps`. */
  readonly dims: Readonly<Record<string, number>>;
  /** The file it was elaborated from, for messages. */
  readonly path: string;
}

/** The number of steps that statistics are kept for, unless the caller says another. */
export const defaultSteps = 100;

export interface Entries {
  readonly scheduled: Schedule;
  readonly shared: Shared;
}

/** Lowers and schedules the entries of an elaborated graph. Throws `CompileError` if a size or an option is impossible. */
export function scheduleEntries(graph: Graph, options: EntryOptions, { machine }: Pick<Target, "machine">): Entries {
  const { batch = 64, time = defaultSteps, loops, storage } = options;
  const optimizer = readOptimizer(options.optimizer);
  const dims = { ...options.dims, batch, steps: time };
  const sized = units(options.dims).run(graph);
  const lowering: LowerOptions = { ...options, batch, extents: dims, reducedGates: ownsUnits(machine) };
  // A model without a loss can be run and its statistics estimated, but there is nothing to train; one without parameters has
  // nothing to update.
  const hasLoss = graph.results.some((r) => r.kind === "loss");
  const wanted = (entry: EntryName): boolean => options.entries?.includes(entry) ?? true;
  const names = lowerable.filter((entry) => wanted(entry) && (hasLoss || entry !== "train"));
  const refused = options.carry ? refusalToCarry(sized) : undefined;
  if (refused) refuseCarry(refused, options.path);
  const { placed, entries } = lower(sized, lowering, names);
  const shared = sharedTensors(
    placed,
    dims,
    slotsOf(optimizer),
    wanted("update") && hasLoss,
    decayedParameters(graph, optimizer),
    machine.outputs?.width,
  );
  checkDims([...Object.values(entries), placed], dims, options.path);

  const programs: Programs = {
    ...entries,
    ...(shared.trained && {
      update: lowerUpdate(optimizerGraph(optimizer, { statistics: shared.stats > 0, decaying: decayingOf(shared) })),
    }),
    ...streamPrograms(sized, options, lowering),
  };
  const inputs = placed.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf" && isInput(op));
  const make = (some: Programs, length?: number): Schedule =>
    new Map(
      Object.entries(some).map(([entry, program]): [EntryName, Scheduled] => {
        const own = entry === "update" || isOfStream(entry) ? [] : inputs;
        const bound = entry === "update" ? updateDims(shared) : dims;
        const to = { entry, dims: bound, machine, shared, inputs: own, loops, storage };
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
  show(scheduled, graph, machine, options.observe);
  return { scheduled, shared };
}

/** Shows the forms after the passes to `observe`. */
function show(scheduled: Schedule, graph: Graph, machine: Target["machine"], observe: CompileOptions["observe"]): void {
  const each = (print: (entry: string, s: Scheduled) => string) => () =>
    [...scheduled].map(([entry, s]) => print(entry, s)).join("\n");
  const partitions = each((entry, s) => printPartition(entry, s.partition));
  const kernels = each((_, s) => s.kernels.map(({ kernel }) => printKernel(kernel)).join("\n"));
  const buffers = each((entry, s) => printBuffers(entry, s.buffers, s.partition));
  observe?.("partition", partitions);
  observe?.("buffers", buffers);
  observe?.("kernel-ir", kernels);
  observe?.("schedule", () =>
    printSchedule(
      scheduled,
      machine,
      recurrences(graph).filter((loop) => loop.length > 0),
    ),
  );
}

/** The dimensions of `update`. */
export const updateDims = ({ params, decayed, stats }: Shared) => ({
  batch: parameterRows,
  row: params / parameterRows,
  decayed,
  decayed_row: decayed / parameterRows,
  kept_row: (params - decayed) / parameterRows,
  statistics: stats / parameterRows,
});

const decayingOf = ({ params, decayed }: Shared): Decaying =>
  decayed === 0 ? "none" : decayed === params ? "all" : "some";

/**
 * The programs of a stream, unless other entries are asked for; `start` goes with `step`. Throws C0308 if they are asked for but
 * impossible.
 */
function streamPrograms(graph: Graph, { entries, path }: EntryOptions, lowering: LowerOptions): Programs {
  const asked = entries?.some(isOfStream);
  if (asked === false) return {};
  const made = streamed(graph, lowering);
  if ("step" in made) return made;
  if (asked) refuseStream(made, path);
  return {};
}

const isOfStream = (entry: string): boolean => entry === "start" || entry === "step";

const isInput = (op: OpOf<"leaf">): boolean => ["input", "index"].includes(op.attrs.leaf.kind);
