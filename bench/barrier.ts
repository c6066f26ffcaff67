/**
 * What do threads cost: a barrier between two dispatches, and waking the workers for an entry? Runs a kernel that does nothing for
 * many steps and for one. The extra time of a step on several threads is the barrier. The figures are those of `usualCosts` in
 * `runtime/wasm/thread-schedule.ts`.
 *
 *     npx tsx bench/barrier.ts [--threads 2]
 */
import { parseArgs } from "node:util";
import { wasmBackend } from "../runtime/wasm/wasm.ts";
import { bareExecutable, bareKernel } from "./bare-kernel.ts";
import { machine, table } from "./measure.ts";
import { median } from "./median.ts";

/** So many that the time to wake the workers is negligible. */
const STEPS = 10_000;
const RUNS = 21;

/** Medians in microseconds: of a step among many, and of a run of one step. */
async function timesOf(threads: number): Promise<{ readonly step: number; readonly run: number }> {
  const backend = wasmBackend({ threads, costs: { barrier: 0, start: 0 } });
  try {
    const executable = await backend.open(bareExecutable(bareKernel("nothing", threads, [])));
    const microseconds = async (steps: number): Promise<number> => {
      await executable.prepare(steps);
      const times: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const start = performance.now();
        await executable.run("infer", steps);
        times.push(1000 * (performance.now() - start));
      }
      return median(times.slice(1));
    };
    return { step: (await microseconds(STEPS)) / STEPS, run: await microseconds(1) };
  } finally {
    backend.close();
  }
}

const { values } = parseArgs({ options: { threads: { type: "string", default: "2" } } });
const threads = Number(values.threads);
const [alone, together] = [await timesOf(1), await timesOf(threads)];
const here = machine();
console.log(`${here.cpu}, ${here.cores} cores, ${here.platform}, Node ${here.node}\n`);
console.log(
  table(
    ["µs, medians", "a step", "a run of one step"],
    [
      ["one thread", alone.step.toFixed(2), alone.run.toFixed(1)],
      [`${threads} threads`, together.step.toFixed(2), together.run.toFixed(1)],
      ["a barrier, and waking", (together.step - alone.step).toFixed(2), (together.run - alone.run).toFixed(1)],
    ],
  ),
);
