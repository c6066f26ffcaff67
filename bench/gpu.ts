/**
 * How fast are compiled cells on a GPU, compared with others? Run `npx tsx bench/gpu.ts [ROUNDS] [SECONDS]` on a machine with a GPU: our
 * WGSL against PyTorch on CUDA, eager, in a CUDA graph, with torch.compile, and with cuDNN's `nn.LSTM`, and at inference also against ONNX
 * Runtime Web on WebGPU. An adapter that is a CPU, or a PyTorch without CUDA, is refused: its rows say why and have no times. Nobody has
 * to watch it: it ends within SECONDS, 540 if they are not said, and what is measured by then is in `results/gpu.json`.
 */
import { fileURLToPath } from "node:url";
import { positiveWholeNumber } from "../cli/options.ts";
import { gpuContenders, gpuWorkloads } from "./gpu-contenders.ts";
import { measureGpu } from "./gpu-run.ts";

const file = fileURLToPath(new URL("results/gpu.json", import.meta.url));
const [repeats, seconds] = [process.argv[2] ?? "5", process.argv[3] ?? "540"].map(positiveWholeNumber);
/** What hangs costs a sixth of the time, and the others have the rest. */
const limit = seconds / 6;
const say = (line: string): void => console.error(line);

const rows = await measureGpu({
  ...{ workloads: gpuWorkloads, contenders: gpuContenders("python3"), repeats, seconds, limit, file, say },
});
for (const { workload, contender, cell, form, times, stepMicroseconds, difference, error, note } of rows) {
  const time = times === undefined ? error : `${times.median.toFixed(1)} ms, ${stepMicroseconds?.toFixed(1)} µs a step`;
  const apart = difference === undefined ? "" : `, results differ by ${difference.toExponential(1)}`;
  const noted = note === undefined ? "" : ` (${note})`;
  console.log(
    `${workload.padEnd(14)} ${cell.padEnd(7)} ${contender.padEnd(19)} ${form.padEnd(21)} ${time}${apart}${noted}`,
  );
}
say(rows.some(({ times }) => times) ? `written to ${file}` : "nothing could be measured here, so nothing is written");
// A driver that hangs can keep a peer from ending, which must not keep this waiting.
process.exit();
