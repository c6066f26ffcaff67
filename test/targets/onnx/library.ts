/**
 * Every cell and model of the library as ONNX, in ONNX Runtime against the reference and against our own WebAssembly: as it is, and with a
 * batch norm at each of its sites. Run `npx tsx test/targets/onnx/library.ts [NAME …]` after `npm run bench:setup`. All of it goes to
 * `bench/results/onnx-library.json`.
 */
import { fileURLToPath } from "node:url";
import { machine, writeResult } from "../../../bench/measure.ts";
import { fileHost } from "../../../cli/api/file-host.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import { hasSteps } from "../../../compiler/ir/steps.ts";
import type { Graph } from "../../../compiler/ir/types.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { placeName } from "../../../compiler/semantics/site-names.ts";
import type { Backend } from "../../../runtime/backend.ts";
import { places } from "../../compile/backends.ts";
import { type Example, exampleFolders, examplesIn } from "../../compile/examples.ts";
import { floor, tolerance } from "../../compile/tolerances.ts";
import { computed, exportedFrom, inferenceStudy, STEPS } from "./exported.ts";
import { onnxRuntime } from "./onnxruntime-node.ts";

const RESULT = fileURLToPath(new URL("../../../bench/results/onnx-library.json", import.meta.url));
const BATCH = 3;
/** Below, at and above the number of steps with statistics of their own. */
const TIMES = [STEPS - 2, STEPS, STEPS + 4];

interface Row {
  readonly model: string;
  /** Where norms were placed. */
  readonly place?: string;
  readonly loops: readonly string[];
  /** Worst errors: ONNX Runtime's from the reference and from our WebAssembly, and this one's from the reference. */
  readonly error: number;
  readonly fromOurs: number;
  readonly ofOurs: number;
}

interface Case extends Example {
  readonly place?: string;
}

const wanted = process.argv.slice(2);
const run = onnxRuntime();
const { target } = places.wasm;
const backend = await places.wasm.open();
const rows: Row[] = [];
let failed = 0;
for (const folder of exampleFolders)
  for (const example of examplesIn(folder, "cell", "model")) {
    if (wanted.length > 0 && !wanted.includes(example.entry)) continue;
    const { sites } = elaborate(example.path, fileHost, { entry: example.entry });
    // A scan with the weights of another has its norms, too, and all steps of a sequence at once have no statistics over examples.
    const own = sites.filter(({ like, type }) => like === undefined && !hasSteps(type));
    const place = own.map(({ name }) => `${placeName(name)}=batch`).join();
    for (const one of [example, ...(place === "" ? [] : [{ ...example, place }])]) {
      const label = `${one.path.replace(/^examples\/|\.cell$/g, "")}:${one.entry}${"place" in one ? " with batch norms" : ""}`;
      try {
        const row = await measured(one, backend);
        rows.push(row);
        const isWrong = Math.max(row.error, row.fromOurs) >= tolerance.forward;
        if (isWrong) failed++;
        const errors = [row.error, row.fromOurs, row.ofOurs].map((n) => n.toExponential(1)).join(" | ");
        console.log(`${label} | ${row.loops.join(", ")} | ${errors}${isWrong ? " | TOO LARGE" : ""}`);
      } catch (error) {
        failed++;
        console.log(`${label} | REFUSED: ${(error as Error).message}`);
      }
    }
  }
backend.close();
console.log(failed === 0 ? `all ${rows.length} agree` : `${failed} of ${rows.length} do not agree`);
if (wanted.length === 0)
  writeResult(RESULT, { date: new Date().toISOString(), machine: machine(), tolerance: tolerance.forward, rows });
process.exitCode = failed === 0 ? 0 : 1;

/** The names of the time axes besides the main one. */
function otherAxes({ ops }: Graph): ReadonlySet<string> {
  const leaves = ops.flatMap((op) => (op.op === "leaf" ? [op.attrs.leaf] : []));
  return new Set(leaves.flatMap((leaf) => ("axis" in leaf && leaf.axis ? [leaf.axis] : [])));
}

async function measured({ path, entry, place }: Case, on: Backend): Promise<Row> {
  const { graph, dims } = elaborate(path, fileHost, { entry, ...(place && { place }) });
  let [error, fromOurs, ofOurs] = [0, 0, 0];
  let loops: readonly string[] = [];
  // What has all steps as features has room for so many.
  const isLimited = graph.ops.some(({ op }) => op === "whole");
  for (const time of TIMES.filter((t) => !isLimited || t <= STEPS))
    for (const lengths of [undefined, [time, Math.max(1, time - 2), 1]]) {
      const others = lengths ? [1, time, Math.max(1, time - 1)] : [time, time, time];
      const lengthsOver = Object.fromEntries([...otherAxes(graph)].map((axis) => [axis, others]));
      const options = { dims, batch: BATCH, time, nearInitial: 0.1, lengthsOver, ...(lengths && { lengths }) };
      const study = inferenceStudy(graph, options);
      const made = exportedFrom(graph, study, options);
      loops = made.loops.map(({ op }) => op);
      const wasm = (await study.run(target, on, ["infer"])).get("infer")!;
      for (const [key, numbers] of await computed(graph, study, options, made, run)) {
        const truth = study.reference("infer").get(key)!;
        const ours = wasm.get(key)!;
        if (numbers.some(Number.isNaN)) throw new Error(`${key} is no number at ${time} steps`);
        error = Math.max(error, relativeError(truth, numbers, floor.tensor));
        fromOurs = Math.max(fromOurs, relativeError(ours, numbers, floor.tensor));
        ofOurs = Math.max(ofOurs, relativeError(truth, ours, floor.tensor));
      }
    }
  return { model: `${path}: ${entry}`, ...(place && { place }), loops, error, fromOurs, ofOurs };
}
