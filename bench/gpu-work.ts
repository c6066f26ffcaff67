/** What a run on a GPU consists of: counted from plans and Kernel IR, and for other schedules from their published source. */
import { fileURLToPath } from "node:url";
import { fileHost } from "../cli/api/file-host.ts";
import { compile } from "../compiler/compile.ts";
import { lanesOf } from "../compiler/kernel-ir/type-of.ts";
import type { Kernel, Memory } from "../compiler/kernel-ir/types.ts";
import { flopsOf, type Measure, tally } from "../compiler/kernel-ir/work.ts";
import type { LoopChoice } from "../compiler/partition/loop-strategy.ts";
import type { Command, Extent, Plan } from "../runtime/plan.ts";
import { wgsl } from "../targets/wgsl/target.ts";
import { movedBy, recordKernels } from "./traffic.ts";
import type { Cell, Workload } from "./workloads.ts";

/** A dispatch. What is said of a workgroup is of the first: others may have less to do. */
export interface Dispatched {
  readonly kernel: string;
  /** How often it runs: T times in a loop over time steps. */
  readonly times: number;
  readonly groups: number;
  /** Invocations of a workgroup. */
  readonly lanes: number;
  /** Operations on f32 of a workgroup; a multiply-add is two. */
  readonly flops: number;
  /** Floats that a workgroup loads from workgroup memory and stores there, and those in storage, as often as it does. */
  readonly tileFloats: number;
  readonly regionFloats: number;
  /** Barriers of a workgroup, one after another: for workgroup memory alone, and for storage. */
  readonly tileBarriers: number;
  readonly barriers: number;
  /** Bytes of storage that the dispatch moves, each float once: the least, if a cache holds them while it runs. */
  readonly bytes: number;
}

export type Use = "training" | "inference";

/** With two steps, one is like all others. */
const FEW = 2;

/** The dispatches of a run of T steps of what the compiler makes for WebGPU, in order. Who owns the loops is its own choice, unless it is said. */
export function dispatchesOf(
  cell: Cell,
  { B, H, T, D }: Pick<Workload, "B" | "H" | "T" | "D">,
  use: Use,
  loops?: LoopChoice,
): readonly Dispatched[] {
  const entry = use === "training" ? "train" : "infer";
  const heard = recordKernels(wgsl);
  const file = fileURLToPath(new URL(`../examples/cells/${cell}.cell`, import.meta.url));
  // At inference one row of statistics serves all steps.
  const options = {
    entry: cell,
    batch: B,
    time: use === "training" ? T : 1,
    dims: { D, H },
    entries: [entry] as const,
    loops,
  };
  const { plan } = compile(file, options, heard.target, fileHost).executable;
  const kernels = new Map(heard.kernels().map((kernel) => [kernel.name, kernel]));
  const counted = (command: Command, loop?: { readonly reverse: boolean }): Dispatched => {
    const kernel = command.do === "dispatch" ? kernels.get(command.kernel) : undefined;
    if (kernel === undefined) throw new Error("sequences in segments are not counted");
    return countsOfKernel(kernel, T, { times: loop ? T : 1, bytes: bytesOf(plan, kernel, T, loop) });
  };
  return plan.entries[entry]!.commands.flatMap((command) =>
    command.do === "steps" ? command.commands.map((inner) => counted(inner, command)) : [counted(command)],
  );
}

/** What grows with the sequence grows by the same for each step. */
function bytesOf(plan: Plan, kernel: Kernel, T: number, loop: { readonly reverse: boolean } | undefined): number {
  // Of the steps that have a neighbour on the side where they read.
  if (loop) return movedBy(plan, kernel, loop.reverse ? 0 : 1, FEW);
  const [one, two] = [1, FEW].map((steps) => movedBy(plan, kernel, 0, steps));
  return one + (T - 1) * (two - one);
}

const nothing: Measure = { store: () => 0, barrier: () => 0, lanes: (iterations) => iterations };

/** Loads and stores of one kind of memory, in floats. */
const accesses = (kind: Memory["kind"]): Measure => ({
  ...nothing,
  of: (e) => (e.k === "load" && e.memory.kind === kind ? lanesOf(e.type) : 0),
  store: ({ memory, type }) => (memory.kind === kind ? lanesOf(type) : 0),
});

/** Counts of a kernel for sequences of `T` steps. */
export function countsOfKernel(kernel: Kernel, T: number, known: Pick<Dispatched, "times" | "bytes">): Dispatched {
  const extent = ({ fixed, perStep }: Extent): number => fixed + perStep * T;
  const sum = (measure: Measure): number => tally(kernel, measure, T);
  return {
    ...{ kernel: kernel.name, ...known, groups: kernel.grid.map(extent).reduce((a, b) => a * b), lanes: kernel.lanes },
    flops: sum({ ...nothing, of: flopsOf }),
    tileFloats: sum(accesses("tile")),
    regionFloats: sum(accesses("region")),
    tileBarriers: sum({ ...nothing, barrier: ({ only }) => (only === "tiles" ? 1 : 0) }),
    barriers: sum({ ...nothing, barrier: ({ only }) => (only === "tiles" ? 0 : 1) }),
  };
}

/** A float's bytes. */
const WIDTH = 4;
/** Of an op that stands for a function: e^x, tanh. As in the compiler's own count. */
const FUNCTION = 8;

/**
 * ONNX Runtime Web's `LSTM` on WebGPU, from its source (onnxruntime/core/providers/webgpu/rnn/lstm.cc at 03362fd, in version 1.30): a dispatch a
 * step, in which each invocation computes the four gates of a unit of an example, x @ W of the step included, all from storage and
 * without workgroup memory. Around them two states are set to zero and two copied out, and `export` transposes input and output.
 */
export function onnxWebDispatches({ B, H, T, D }: Pick<Workload, "B" | "H" | "T" | "D">): readonly Dispatched[] {
  const lanes = Math.min(B * H, 256);
  const plain = { lanes, tileFloats: 0, tileBarriers: 0, barriers: 0 };
  const copy = (kernel: string, floats: number): Dispatched => ({
    ...{ ...plain, kernel, times: 1, groups: Math.ceil(floats / lanes), flops: 0 },
    ...{ regionFloats: 2 * lanes, bytes: 2 * WIDTH * floats },
  });
  const gates = 4;
  // Weights, both biases; x, h and c in; h, c and y out.
  const read = gates * H * (D + H) + 2 * gates * H + B * (D + 2 * H);
  return [
    copy("Transpose of x", T * B * D),
    copy("LstmZeroFill of h", B * H),
    copy("LstmZeroFill of c", B * H),
    {
      ...{ ...plain, kernel: "LstmCell", times: T, groups: Math.ceil((B * H) / lanes) },
      flops: lanes * (2 * gates * (D + H) + 2 * gates + 5 * FUNCTION + 4),
      // A float of x or h for four of the weights.
      regionFloats: lanes * ((gates + 1) * (D + H) + 2 * gates + 4),
      bytes: WIDTH * (read + 3 * B * H),
    },
    copy("LstmStateCopy of h", B * H),
    copy("LstmStateCopy of c", B * H),
    copy("Transpose of y", T * B * H),
  ];
}
