/**
 * Every cell and model of the library as ONNX, in ONNX Runtime against the reference and against our own WebAssembly:
 * `npx tsx test/targets/onnx/library.ts [NAME …]`. It needs `npm run bench:setup`.
 */
import { fileHost } from "../../../cli/api/file-host.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { NotInOnnx } from "../../../targets/onnx/refusal.ts";
import { places } from "../../compile/backends.ts";
import { exampleFolders, examplesIn } from "../../compile/examples.ts";
import { floor } from "../../compile/tolerances.ts";
import { computed, exportedFrom, inferenceStudy, STEPS } from "./exported.ts";
import { onnxRuntime } from "./onnxruntime-node.ts";

const BATCH = 3;
/** Below, at and above the number of steps with statistics of their own. */
const TIMES = [STEPS - 2, STEPS, STEPS + 4];
/** Small dimensions make gates and states of different sizes. */
const wanted = process.argv.slice(2);
const run = onnxRuntime();
const { target } = places.wasm;
const backend = await places.wasm.open();

let failed = 0;
for (const folder of exampleFolders)
  for (const { path, entry } of examplesIn(folder, "cell", "model")) {
    if (wanted.length > 0 && !wanted.includes(entry)) continue;
    const name = `${path.replace(/^examples\/|\.cell$/g, "")}:${entry}`;
    try {
      console.log(await line(name, path, entry));
    } catch (error) {
      failed++;
      const reason =
        error instanceof NotInOnnx ? error.message : (error as Error).stack?.split("\n").slice(0, 4).join("\n    ");
      console.log(`${name}: REFUSED ${reason}`);
    }
  }
backend.close();
console.log(failed === 0 ? "all agree" : `${failed} failed`);

async function line(name: string, path: string, entry: string): Promise<string> {
  const { graph, dims } = elaborate(path, fileHost, { entry });
  let [reference, ours, own] = [0, 0, 0];
  let loops = "";
  for (const ragged of [false, true])
    for (const time of TIMES) {
      const limited = time > STEPS && graph.ops.some(({ op }) => op === "whole");
      if (limited) continue;
      const lengths = ragged ? [time, Math.max(1, time - 2), 1] : undefined;
      const axes = new Set(
        graph.ops.flatMap((op) =>
          op.op === "leaf" && "axis" in op.attrs.leaf && op.attrs.leaf.axis ? [op.attrs.leaf.axis] : [],
        ),
      );
      const lengthsOver = Object.fromEntries(
        [...axes].map((axis) => [axis, ragged ? [1, time, Math.max(1, time - 1)] : [time, time, time]]),
      );
      const options = { dims, batch: BATCH, time, nearInitial: 0.1, ...(lengths && { lengths }), lengthsOver };
      const study = inferenceStudy(graph, options);
      const made = exportedFrom(graph, study, options);
      loops = made.loops.map(({ op, why }) => (why === undefined ? op : `${op} (${why})`)).join(", ");
      const found = await computed(graph, study, options, made, run);
      const wasm = (await study.run(target, backend, ["infer"])).get("infer")!;
      for (const [key, numbers] of found) {
        const truth = study.reference("infer").get(key)!;
        const error = relativeError(truth, numbers, floor.tensor);
        if (Number.isNaN(error) || numbers.some(Number.isNaN))
          throw new Error(`${key} is no number at T = ${time}, ragged ${ragged}`);
        reference = Math.max(reference, error);
        own = Math.max(own, relativeError(truth, wasm.get(key)!, floor.tensor));
        ours = Math.max(ours, relativeError(wasm.get(key)!, numbers, floor.tensor));
      }
    }
  const flag = Math.max(reference, ours) < 1e-5 ? "" : " TOO LARGE";
  if (flag) failed++;
  return `${name} | ${loops} | ${reference.toExponential(1)} | ${ours.toExponential(1)} | ${own.toExponential(1)}${flag}`;
}
