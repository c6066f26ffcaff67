/**
 * The adding problem (Hochreiter & Schmidhuber 1997, experiment 4, in the form of Le et al. 2015): T steps of a value in
 * [0, 1) and a marker; two markers are 1, one in each half of the sequence; the target is the sum of the two marked values.
 * Answering 1 always gives a mean squared error of 1/6.
 */
import { exit, Failure } from "../../failure.ts";
import { checkIndices, type RandomStreams, type ReadyTask, type Split, type TaskBatch } from "../task.ts";

const SPLITS: Readonly<Record<Split, number>> = { train: 50_000, validation: 5_000, test: 5_000 };

/** `steps` is T, at least 2. Example n of a split reads draws n·(T + 2) … of the stream `adding/<split>`. */
export function addingTask(steps: number, streams: RandomStreams): ReadyTask {
  if (!Number.isInteger(steps) || steps < 2) {
    throw new Failure("C0301", exit.usage, `adding: ${steps} steps; two marked values need at least 2`);
  }
  const half = Math.floor(steps / 2);
  return {
    name: "adding",
    summary: `the adding problem over ${steps} steps: the sum of the two marked values`,
    inputs: { x: { kind: "value", shape: [2], time: true }, y: { kind: "value", shape: [1], time: false } },
    dims: { D: 2, K: 1 },
    steps,
    splits: SPLITS,
    batch(split, indices): TaskBatch {
      checkIndices("adding", split, SPLITS[split], indices);
      const uniform = streams(`adding/${split}`);
      const examples = indices.length;
      const x = new Float32Array(steps * examples * 2);
      const y = new Float32Array(examples);
      for (let e = 0; e < examples; e++) {
        const draw = indices[e] * (steps + 2);
        for (let t = 0; t < steps; t++) x[(t * examples + e) * 2] = uniform(draw + t);
        const early = Math.floor(uniform(draw + steps) * half);
        const late = half + Math.floor(uniform(draw + steps + 1) * (steps - half));
        for (const t of [early, late]) {
          x[(t * examples + e) * 2 + 1] = 1;
          y[e] += x[(t * examples + e) * 2];
        }
      }
      return { inputs: { x, y }, steps, examples };
    },
  };
}
