/**
 * What would our WebGPU kernels do on a GPU that we do not have? `npx tsx bench/gpu-paper.ts` counts the dispatches of the workloads of
 * `gpu.ts` from plans and Kernel IR, estimates their times on three GPUs (`gpu-estimate.ts`), and sets the schedules of others beside
 * them. Results go to `results/gpu-paper.json`.
 */
import { fileURLToPath } from "node:url";
import { gpuWorkloads as all } from "./gpu-contenders.ts";
import * as figures from "./gpu-devices.ts";
import { estimateRun, type RunEstimate } from "./gpu-estimate.ts";
import { type Schedule, schedulesOf } from "./gpu-schedules.ts";
import { type Dispatched, dispatchesOf, onnxWebDispatches, type Use } from "./gpu-work.ts";
import { table, writeResult } from "./measure.ts";
import { productsOfForward, productsOfStep, type Workload } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/gpu-paper.json", import.meta.url));

/** Each for training and for inference. */
const gpuWorkloads = all.filter(({ kind }) => kind === "train");

/** A run, counted and estimated. */
interface Counted {
  readonly workload: string;
  readonly use: Use;
  readonly who: string;
  /** Operations of the products that cannot be left out. */
  readonly products: number;
  readonly dispatches: readonly Dispatched[];
  readonly estimates: Readonly<Record<string, RunEstimate>>;
}

const totals = (dispatches: readonly Dispatched[]) => {
  const sum = (of: (one: Dispatched) => number): number => dispatches.reduce((n, one) => n + one.times * of(one), 0);
  return {
    dispatches: sum(() => 1),
    gigaflops: sum(({ groups, flops }) => groups * flops) / 1e9,
    mebibytes: sum(({ bytes }) => bytes) / 2 ** 20,
    /** All are in a row, since a dispatch waits for the one before. */
    barriers: sum(({ tileBarriers, barriers }) => tileBarriers + barriers),
  };
};

function counted(workload: Workload, use: Use, who: string, dispatches: readonly Dispatched[]): Counted {
  const estimates = Object.fromEntries(
    figures.gpuDevices.map((device) => [device.name, estimateRun(dispatches, device)]),
  );
  const products = workload.T * (use === "training" ? productsOfStep(workload) : productsOfForward(workload));
  return { workload: workload.name, use, who, products, dispatches, estimates };
}

/** Batch norm in a dispatch a step, where the compiler chose one for all steps. */
function stepwise(workload: Workload, chosen: readonly Counted[]): readonly Counted[] {
  const isLoop = ({ use, who, dispatches }: Counted): boolean =>
    use === "training" && who === "BN-LSTM" && dispatches.some(({ times }) => times > 1);
  if (chosen.some(isLoop)) return [];
  const dispatches = dispatchesOf("bnlstm", workload, "training", { forward: "column", backward: "column" });
  return [counted(workload, "training", "BN-LSTM, a dispatch a step", dispatches)];
}

const runs = gpuWorkloads.flatMap((workload): readonly Counted[] => {
  const ours = (["training", "inference"] as const).flatMap((use) =>
    (["lstm", "bnlstm"] as const).map((cell) => {
      console.error(`counts ${cell}-${workload.name}, ${use}`);
      return counted(workload, use, cell === "lstm" ? "LSTM" : "BN-LSTM", dispatchesOf(cell, workload, use));
    }),
  );
  return [
    ...ours,
    ...stepwise(workload, ours),
    counted(workload, "inference", "ONNX Runtime Web, LSTM", onnxWebDispatches(workload)),
  ];
});

const percent = (part: number): string => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
const nameOf = ({ workload, use, who }: Counted): string => `${workload}, ${use}: ${who}`;

console.log("counted\n");
console.log(
  table(
    [
      "a run",
      "dispatches",
      "GFLOP",
      "÷ products",
      "MiB of storage",
      "barriers in a row",
      "longest: workgroups",
      "of lanes",
    ],
    runs.map((run) => {
      const { dispatches, gigaflops, mebibytes, barriers } = totals(run.dispatches);
      const most = run.dispatches.reduce((a, b) =>
        b.times * b.groups * b.flops > a.times * a.groups * a.flops ? b : a,
      );
      return [
        ...[
          nameOf(run),
          String(dispatches),
          gigaflops.toFixed(1),
          ((1e9 * gigaflops) / run.products).toFixed(1),
          mebibytes.toFixed(0),
          String(barriers),
        ],
        ...[String(most.groups), String(most.lanes)],
      ];
    }),
  ),
);
console.log(
  "\nestimated: ms, what it waits for, cores with work in the longest dispatch, part of the time that is dispatching\n",
);
console.log(
  table(
    ["a run", ...figures.gpuDevices.map(({ name }) => name)],
    runs.map((run) => [
      nameOf(run),
      ...figures.gpuDevices.map(({ name }) => {
        const { milliseconds, bound, busy, dispatching } = run.estimates[name];
        return `${milliseconds.toFixed(1)}, ${bound}, ${percent(busy)}, ${percent(dispatching)}`;
      }),
    ]),
  ),
);
console.log("\npublished schedules of an LSTM's forward pass\n");
const schedules: readonly (Schedule & { readonly workload: string })[] = gpuWorkloads.flatMap((workload) =>
  schedulesOf(workload).map((schedule) => ({ workload: workload.name, ...schedule })),
);
console.log(
  table(
    ["workload, schedule", "launches", "waits of the whole GPU", "MB of Wh to the cores"],
    schedules.map(({ workload, name, launches, waits, weightBytes }) => [
      ...[`${workload}: ${name}`, String(launches), String(waits), (weightBytes / 1e6).toFixed(1)],
    ]),
  ),
);
await writeResult(RESULT, {
  workloads: gpuWorkloads,
  devices: figures.gpuDevices,
  assumed: {
    flopsACycle: figures.FLOPS_A_CYCLE,
    tileFloatsACycle: figures.TILE_FLOATS_A_CYCLE,
    regionFloatsACycle: figures.REGION_FLOATS_A_CYCLE,
    tileBarrierMicroseconds: figures.TILE_BARRIER,
    barrierMicroseconds: figures.BARRIER,
  },
  runs,
  schedules,
});
console.error(`written to ${RESULT}`);
