/**
 * How fast is what `cellc export --to pytorch` writes, beside our own kernels and what people write by hand? Run
 * `npx tsx bench/pytorch.ts [ROUNDS]` where /usr/bin/python3 has PyTorch: sequential MNIST pixel by pixel, trained and at inference, in
 * turn. Results go to `results/pytorch.json`.
 */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { compare } from "./comparisons.ts";
import { contenders } from "./contenders.ts";
import { machine, writeResult } from "./measure.ts";
import { type Result, report } from "./report.ts";
import { sideBySide } from "./side-by-side.ts";
import type { Workload } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/pytorch.json", import.meta.url));

const pixels = { H: 100, T: 784, D: 1 };
const workloads: readonly Workload[] = [
  { name: "pixels-train", about: "training, MNIST pixel by pixel, 32 examples", kind: "train", B: 32, ...pixels },
  { name: "pixels", about: "inference, MNIST pixel by pixel, one example", kind: "sequence", B: 1, ...pixels },
  { name: "pixels-32", about: "inference, MNIST pixel by pixel, 32 examples", kind: "sequence", B: 32, ...pixels },
];

const repeats = positiveWholeNumber(process.argv[2] ?? "9");
const [load] = loadavg();
const wanted = contenders([1, 2], process.env)
  .filter(({ name, peer }) => name === "cellc wasm" || peer === "torch")
  .map((one) => ({ ...one, forms: one.forms.filter(({ cell }) => cell !== "lnlstm") }));
const say = (line: string): void => console.error(line);
const measured = await sideBySide(workloads, wanted, { repeats, budget: 900, only: [], say });
const result: Result = {
  date: new Date().toISOString(),
  machine: machine(),
  load,
  ...{ withheld: [], cold: [], counts: [], sizes: [] },
  workloads,
  sideBySide: measured,
  comparisons: compare(measured.rows),
};
console.log(report(result));
writeResult(RESULT, result);
