/**
 * How fast is what `cellc export --to onnx` writes, beside our own kernels? Run `npx tsx bench/onnx.ts [ROUNDS]` after `npm run
 * bench:setup`: sequential MNIST pixel by pixel at inference, for one example and for 32, in ONNX Runtime with an op for the LSTM and with
 * Scan, and on WebAssembly, in turn. Results go to `results/onnx.json`.
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

const RESULT = fileURLToPath(new URL("results/onnx.json", import.meta.url));

const pixels = (name: string, about: string, B: number): Workload => ({
  ...{ name, about: `inference, MNIST pixel by pixel, ${about}`, kind: "sequence", B },
  ...{ H: 100, T: 784, D: 1 },
});
const workloads = [pixels("pixels", "one example", 1), pixels("pixels-32", "32 examples", 32)];

const repeats = positiveWholeNumber(process.argv[2] ?? "15");
const [load] = loadavg();
const wanted = contenders([1, 2], process.env)
  .filter(({ name, peer }) => name === "cellc wasm" || peer === "onnx")
  .map((one) => ({ ...one, forms: one.forms.filter(({ cell }) => cell !== "lnlstm") }));
const say = (line: string): void => console.error(line);
const measured = await sideBySide(workloads, wanted, { repeats, budget: 600, only: [], say });
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
