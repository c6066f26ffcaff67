/** Saves checkpoints of some megabytes to the path it is given, one after another, until it is killed. */
import { saveCheckpoint } from "../../cli/training/checkpoint.ts";

const data = new Float32Array(500_000);
for (let step = 1; ; step++) {
  data.fill(step);
  await saveCheckpoint(process.argv[2], {
    name: "loop",
    fingerprint: "0",
    dims: {},
    optimizer: "sgd",
    counters: { seed: 1, step, run: step, seen: [] },
    tensors: new Map([["W", { shape: [data.length], data }]]),
  });
  process.stdout.write(`${step}\n`);
}
