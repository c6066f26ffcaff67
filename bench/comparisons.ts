/** The ratios that matter, by name: how many times as long one thing takes as another, in one side-by-side run. */
import type { Row } from "./side-by-side.ts";
import type { Cell } from "./workloads.ts";

/** Selects rows by contender and cell, with any number of threads. `form` default: any. */
interface Side {
  readonly contender: string;
  readonly cell: Cell;
  readonly form?: string;
}

interface Goal {
  readonly name: string;
  readonly workloads: readonly string[];
  /** The ratio is the fastest row of `over` divided by the fastest row of `under`. */
  readonly over: Side;
  readonly under: Side;
  /** The goal: the ratio is at least `least`, or at most `most`. */
  readonly least?: number;
  readonly most?: number;
}

const us = (cell: Cell): Side => ({ contender: "cellc wasm", cell });
const eager: Side = { contender: "PyTorch", cell: "bnlstm", form: "eager" };
const fused: Side = { contender: "PyTorch", cell: "lstm", form: "nn.LSTM" };

/** Whole sequences at inference, of this and of `onnx.ts`. */
export const sequences: readonly string[] = ["sequence", "pixels", "pixels-32"];

const goals: readonly Goal[] = [
  { name: "eager BN-LSTM / BN-LSTM", workloads: ["784"], over: eager, under: us("bnlstm"), least: 6 },
  { name: "eager BN-LSTM / BN-LSTM", workloads: ["512"], over: eager, under: us("bnlstm"), least: 2 },
  {
    name: "TorchScript BN-LSTM / BN-LSTM",
    workloads: ["784", "28", "512"],
    over: { contender: "PyTorch", cell: "bnlstm", form: "TorchScript" },
    under: us("bnlstm"),
  },
  { name: "nn.LSTM / BN-LSTM", workloads: ["784"], over: fused, under: us("bnlstm"), least: 1.5 },
  { name: "nn.LSTM / BN-LSTM", workloads: ["512"], over: fused, under: us("bnlstm"), least: 1 },
  { name: "nn.LSTM / LSTM", workloads: ["784", "28", "512", "stream", "sequence"], over: fused, under: us("lstm") },
  {
    name: "jax-js BN-LSTM / BN-LSTM",
    workloads: ["784"],
    over: { contender: "jax-js wasm", cell: "bnlstm" },
    under: us("bnlstm"),
    least: 12,
  },
  {
    name: "tfjs LSTM / BN-LSTM",
    workloads: ["784"],
    over: { contender: "tfjs wasm", cell: "lstm" },
    under: us("bnlstm"),
    least: 25,
  },
  {
    name: "ONNX Runtime LSTM / LSTM",
    workloads: ["stream", ...sequences],
    over: { contender: "ONNX Runtime", cell: "lstm", form: "LSTM" },
    under: us("lstm"),
  },
  ...(["lstm", "bnlstm"] as const).map((cell): Goal => {
    const of = cell === "lstm" ? "LSTM" : "BN-LSTM";
    return {
      ...{ name: `ONNX Runtime Scan / ${of}`, workloads: sequences },
      ...{ over: { contender: "ONNX Runtime", cell, form: "Scan" }, under: us(cell) },
    };
  }),
  { name: "BN-LSTM / LSTM", workloads: ["784", "28", "512"], over: us("bnlstm"), under: us("lstm"), most: 1.1 },
  { name: "LN-LSTM / LSTM", workloads: ["784", "28", "512"], over: us("lnlstm"), under: us("lstm") },
];

export interface Comparison {
  readonly workload: string;
  readonly name: string;
  readonly ratio: number;
  /** `≥ 6`, `≤ 1.1`; undefined if there is no goal. */
  readonly wanted?: string;
  readonly reached?: boolean;
}

/** Every ratio whose two sides were measured: a ratio of medians, each side with its best number of threads. */
export function compare(rows: readonly Row[]): readonly Comparison[] {
  return goals.flatMap(({ name, workloads, over, under, least, most }) =>
    workloads.flatMap((workload): readonly Comparison[] => {
      const [theirs, own] = [best(rows, workload, over), best(rows, workload, under)];
      if (theirs === undefined || own === undefined) return [];
      const ratio = theirs / own;
      if (least !== undefined) return [{ workload, name, ratio, wanted: `≥ ${least}`, reached: ratio >= least }];
      if (most !== undefined) return [{ workload, name, ratio, wanted: `≤ ${most}`, reached: ratio <= most }];
      return [{ workload, name, ratio }];
    }),
  );
}

/** The shortest median of the matching rows; undefined if none was measured. */
function best(rows: readonly Row[], workload: string, { contender, cell, form }: Side): number | undefined {
  const medians = rows.flatMap((row) => {
    const fits = row.workload === workload && row.contender === contender && row.cell === cell;
    return fits && (form === undefined || row.form === form) && row.times && !row.error ? [row.times.median] : [];
  });
  return medians.length === 0 ? undefined : Math.min(...medians);
}
