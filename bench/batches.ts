/**
 * How fast is inference for a few examples at once, beside ONNX Runtime? Run `npx tsx bench/batches.ts [ROUNDS]` after `npm run
 * bench:setup`: the workloads `stream` and `sequence` with 1, 2, 4 and 8 examples. Results go to `results/batches.json`.
 */
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { besideOurs } from "./beside-ours.ts";
import { withExamples } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/batches.json", import.meta.url));

await besideOurs(RESULT, {
  peers: ["onnx", "onnx-web"],
  workloads: withExamples([1, 2, 4, 8]),
  repeats: positiveWholeNumber(process.argv[2] ?? "9"),
  budget: 600,
});
