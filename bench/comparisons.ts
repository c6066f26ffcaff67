/** The ratios that matter, by name: how many times as long one thing takes as another, in one side-by-side run. */
import type { Peak } from "./peak.ts";
import type { Row, SideBySide } from "./side-by-side.ts";
import { type Cell, productsOfStep, type Workload } from "./workloads.ts";

/** Selects rows by contender and cell, with any number of threads. `form` default: any. */
interface Side {
  readonly contender: string;
  readonly cell: Cell;
  readonly form?: string;
}

/** What is wanted of a figure: at least `least`, or at most `most`; neither if it only informs. */
export interface Wanted {
  readonly least?: number;
  readonly most?: number;
}

interface Goal {
  readonly name: string;
  readonly workloads: Readonly<Record<string, Wanted>>;
  /** The ratio is the fastest row of `over` divided by the fastest row of `under`. */
  readonly over: Side;
  readonly under: Side;
}

const us = (cell: Cell): Side => ({ contender: "cellc wasm", cell });
const eager: Side = { contender: "PyTorch", cell: "bnlstm", form: "eager" };
const fused: Side = { contender: "PyTorch", cell: "lstm", form: "nn.LSTM" };

/** Inference, of `main.ts`, `onnx.ts` and `batches.ts`: whole sequences, and a step at a time. */
const few = [2, 4, 8];
const sequences = ["sequence", ...few.map((n) => `sequence-${n}`), "pixels", "pixels-32"];
const streams = ["stream", ...few.map((n) => `stream-${n}`)];

/** For these, no ratio in particular. */
const informing = (...names: readonly string[]): Goal["workloads"] =>
  Object.fromEntries(names.map((name) => [name, {}]));

const goals: readonly Goal[] = [
  {
    name: "eager BN-LSTM / BN-LSTM",
    workloads: { "784": { least: 5 }, "512": { least: 2 }, "28": { least: 3 } },
    ...{ over: eager, under: us("bnlstm") },
  },
  {
    name: "TorchScript BN-LSTM / BN-LSTM",
    workloads: informing("784", "28", "512"),
    over: { contender: "PyTorch", cell: "bnlstm", form: "TorchScript" },
    under: us("bnlstm"),
  },
  {
    name: "nn.LSTM / BN-LSTM",
    workloads: { "784": { least: 2 }, "512": { least: 1.3 } },
    ...{ over: fused, under: us("bnlstm") },
  },
  {
    name: "nn.LSTM / LSTM",
    workloads: informing("784", "28", "512", "stream", "sequence"),
    ...{ over: fused, under: us("lstm") },
  },
  {
    name: "jax-js BN-LSTM / BN-LSTM",
    workloads: { "784": { least: 12 } },
    over: { contender: "jax-js wasm", cell: "bnlstm" },
    under: us("bnlstm"),
  },
  {
    name: "tfjs LSTM / BN-LSTM",
    workloads: { "784": { least: 25 } },
    over: { contender: "tfjs wasm", cell: "lstm" },
    under: us("bnlstm"),
  },
  {
    name: "ONNX Runtime LSTM / LSTM",
    workloads: { ...informing(...streams, ...sequences), stream: { least: 3 }, sequence: { least: 1.2 } },
    over: { contender: "ONNX Runtime", cell: "lstm", form: "LSTM" },
    under: us("lstm"),
  },
  {
    name: "ONNX Runtime Web LSTM / LSTM",
    workloads: informing(...streams, ...sequences),
    over: { contender: "ONNX Runtime Web", cell: "lstm", form: "LSTM" },
    under: us("lstm"),
  },
  ...(["lstm", "bnlstm"] as const).map((cell): Goal => {
    const of = cell === "lstm" ? "LSTM" : "BN-LSTM";
    return {
      ...{ name: `ONNX Runtime Scan / ${of}`, workloads: informing(...sequences) },
      ...{ over: { contender: "ONNX Runtime", cell, form: "Scan" }, under: us(cell) },
    };
  }),
  {
    name: "BN-LSTM / LSTM",
    workloads: { "784": { most: 1.1 }, "512": { most: 1.1 }, "28": { most: 1.1 } },
    ...{ over: us("bnlstm"), under: us("lstm") },
  },
  {
    name: "LN-LSTM / LSTM",
    workloads: informing("784", "512", "28"),
    ...{ over: us("lnlstm"), under: us("lstm") },
  },
];

/** Of the least time that a step's products can take here, as a part of what our step takes. */
const shares: Readonly<Record<string, Wanted>> = { "784": { least: 0.8 }, "512": {}, "28": {} };

export interface Comparison {
  readonly workload: string;
  readonly name: string;
  readonly ratio: number;
  /** `≥ 5`, `≤ 1.1`; undefined if there is no goal. */
  readonly wanted?: string;
  readonly reached?: boolean;
  /** Why the ratio says nothing. */
  readonly remark?: string;
}

/** A figure against what is wanted of it. */
export function judged(value: number, { least, most }: Wanted): Pick<Comparison, "wanted" | "reached"> {
  if (least !== undefined) return { wanted: `≥ ${least}`, reached: value >= least };
  return most === undefined ? {} : { wanted: `≤ ${most}`, reached: value <= most };
}

/** Every ratio whose two sides were measured: a ratio of medians, each side with its best number of threads. */
export function compare(
  { rows, peaks }: Pick<SideBySide, "rows" | "peaks">,
  workloads: readonly Workload[],
): readonly Comparison[] {
  const ratios = goals.flatMap(({ name, workloads, over, under }) =>
    Object.entries(workloads).flatMap(([workload, wanted]): readonly Comparison[] => {
      const [theirs, own] = [best(rows, workload, over), best(rows, workload, under)];
      if (theirs === undefined || own === undefined) return [];
      const ratio = theirs / own;
      return [{ workload, name, ratio, ...judged(ratio, wanted) }];
    }),
  );
  const reached = Object.entries(shares).flatMap(([name, wanted]): readonly Comparison[] => {
    const workload = workloads.find((one) => one.name === name);
    const [own, peak] = [best(rows, name, us("bnlstm")), peakOf(peaks[name] ?? [])];
    if (workload === undefined || own === undefined || peak === undefined) return [];
    const ratio = shareOfLimit(workload, peak, own);
    const found = { workload: name, name: "share of the limit, BN-LSTM", ratio };
    // Others took the processor away while the peak was measured.
    if (ratio > 1) return [{ ...found, remark: "not the limit: the machine was busy" }];
    return [{ ...found, ...judged(ratio, wanted) }];
  });
  return [...ratios, ...reached];
}

/** That of the most threads. */
const peakOf = (peaks: readonly Peak[]): Peak | undefined => peaks.toSorted((a, b) => a.threads - b.threads).at(-1);

/**
 * The time that a training run's products take at a measured peak, as a part of `milliseconds`, which a run takes. 1 cannot be
 * reached: it leaves no time for anything but products.
 */
export function shareOfLimit(workload: Workload, { gflops }: Pick<Peak, "gflops">, milliseconds: number): number {
  return (productsOfStep(workload) * workload.T) / (gflops.median * 1e6) / milliseconds;
}

/** The shortest median of the matching rows; undefined if none was measured. */
function best(rows: readonly Row[], workload: string, { contender, cell, form }: Side): number | undefined {
  const medians = rows.flatMap((row) => {
    const fits = row.workload === workload && row.contender === contender && row.cell === cell;
    return fits && (form === undefined || row.form === form) && row.times && !row.error ? [row.times.median] : [];
  });
  return medians.length === 0 ? undefined : Math.min(...medians);
}
