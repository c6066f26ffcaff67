/**
 * How fast are compiled cells on a GPU, compared with PyTorch? Run `npx tsx bench/gpu.ts` on a machine with a GPU: our WGSL against
 * PyTorch on CUDA, eager, with torch.compile, and with cuDNN's `nn.LSTM`. An adapter that is a CPU, or a PyTorch without CUDA, is
 * refused: its rows say why and have no times. Results go to `results/gpu.json`, with the names of the devices.
 */
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { type Contender, contenders } from "./contenders.ts";
import { machine, writeResult } from "./measure.ts";
import { sideBySide } from "./side-by-side.ts";
import type { Workload } from "./workloads.ts";

const RESULT = fileURLToPath(new URL("results/gpu.json", import.meta.url));

/** MNIST pixel by pixel, where launching a step takes most of its time, and a layer large enough to fill a GPU. */
const workloads: readonly Workload[] = [
  { name: "784", about: "training, MNIST pixel by pixel", kind: "train", B: 64, H: 100, T: 784, D: 1 },
  { name: "1000", about: "training, a large layer", kind: "train", B: 128, H: 1000, T: 100, D: 50 },
];

const cuda: Contender = {
  peer: "torch",
  name: "PyTorch CUDA",
  threads: 1,
  command: ["python3", fileURLToPath(new URL("peers/torch_bench.py", import.meta.url)), "cuda"],
  environment: {},
  forms: [
    { cell: "bnlstm", name: "eager", kinds: ["train"] },
    { cell: "bnlstm", name: "torch.compile", kinds: ["train"] },
    { cell: "lstm", name: "nn.LSTM", kinds: ["train"] },
  ],
};

const repeats = positiveWholeNumber(process.argv[2] ?? "5");
const ours = contenders([1], process.env).filter(({ name }) => name === "cellc wgsl");
const say = (line: string): void => console.error(line);
const measured = await sideBySide(workloads, [...ours, cuda], { repeats, budget: 900, only: [], say });
for (const { workload, contender, cell, form, times, stepMicroseconds, difference, error } of measured.rows) {
  const time = times === undefined ? error : `${times.median.toFixed(1)} ms, ${stepMicroseconds?.toFixed(1)} µs a step`;
  const apart = difference === undefined ? "" : `, results differ by ${difference.toExponential(1)}`;
  console.log(`${workload.padEnd(5)} ${cell.padEnd(7)} ${contender.padEnd(13)} ${form.padEnd(14)} ${time}${apart}`);
}
if (measured.rows.some(({ times }) => times !== undefined)) {
  writeResult(RESULT, { date: new Date().toISOString(), machine: machine(), workloads, sideBySide: measured });
  say(`written to ${RESULT}`);
} else say("nothing could be measured here, so nothing is written");
