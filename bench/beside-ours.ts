/** Measures peers beside our own kernels on WebAssembly, on one thread and on two, and writes the result. */
import { loadavg } from "node:os";
import { compare } from "./comparisons.ts";
import { contenders } from "./contenders.ts";
import { machine, writeResult } from "./measure.ts";
import { type Result, report } from "./report.ts";
import { sideBySide } from "./side-by-side.ts";
import type { Workload } from "./workloads.ts";

export interface BesideOptions {
  readonly peers: readonly string[];
  readonly workloads: readonly Workload[];
  /** Rounds in turn. */
  readonly repeats: number;
  /** The most seconds of each workload. */
  readonly budget: number;
}

/** Prints the report, and writes it as JSON to `file`. */
export async function besideOurs(file: string, { peers, workloads, repeats, budget }: BesideOptions): Promise<void> {
  const [load] = loadavg();
  const wanted = contenders([1, 2], process.env)
    .filter((one) => one.name === "cellc wasm" || peers.includes(one.peer))
    .map((one) => ({ ...one, forms: one.forms.filter(({ cell }) => cell !== "lnlstm") }));
  const say = (line: string): void => console.error(line);
  const measured = await sideBySide(workloads, wanted, { repeats, budget, only: [], say });
  const result: Result = {
    date: new Date().toISOString(),
    machine: machine(),
    load,
    ...{ withheld: [], cold: [], counts: [], sizes: [] },
    workloads,
    sideBySide: measured,
    comparisons: compare(measured, workloads),
  };
  console.log(report(result));
  await writeResult(file, result);
}
