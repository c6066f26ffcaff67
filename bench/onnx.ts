/**
 * How fast is what `cellc export --to onnx` writes, beside our own kernels? Run `npx tsx bench/onnx.ts [ROUNDS]` after `npm run
 * bench:setup`: sequential MNIST pixel by pixel at inference, for one example and for 32, in ONNX Runtime with an op for the LSTM and with
 * Scan, and on WebAssembly, in turn. Results go to `results/onnx.json`.
 */
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { besideOurs } from "./beside-ours.ts";
import type { Workload } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/onnx.json", import.meta.url));

const pixels = (name: string, about: string, B: number): Workload => ({
  ...{ name, about: `inference, MNIST pixel by pixel, ${about}`, kind: "sequence", B },
  ...{ H: 100, T: 784, D: 1 },
});
const workloads = [pixels("pixels", "one example", 1), pixels("pixels-32", "32 examples", 32)];

await besideOurs(RESULT, {
  peers: ["onnx", "onnx-web"],
  workloads,
  repeats: positiveWholeNumber(process.argv[2] ?? "15"),
  budget: 600,
});
