/** Every cell and model of the library, before ONNX's own checker. */
import { expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { refusalOfParts } from "../../../compiler/lower.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { exampleFolders, examplesIn } from "../../compile/examples.ts";
import { check } from "./checker.ts";
import { exportedFrom, inferenceStudy, STEPS } from "./exported.ts";

const examples = exampleFolders.flatMap((folder) => examplesIn(folder, "cell", "model"));
const SMALL = { batch: 1, time: STEPS };

/** Each in one way, the next in another; all of them in all ways with `CELLC_ALL_ONNX=1`. */
it("ONNX's checker finds nothing wrong with any cell or model, with lengths and without, whole and in parts", async () => {
  const models = examples.flatMap(({ path, entry }, n) => {
    const { graph, dims } = elaborate(path, fileHost, { entry });
    const ways = [{}, { lengths: [STEPS] }, ...(refusalOfParts(graph) === undefined ? [{ carry: true }] : [])];
    const tried = process.env.CELLC_ALL_ONNX ? ways : [ways[n % ways.length]];
    return tried.map((way) => {
      const options = { dims, ...SMALL, ...way };
      const study = inferenceStudy(graph, { ...options, carry: false });
      return { name: `${entry} ${JSON.stringify(way)}`, ...exportedFrom(graph, study, options) };
    });
  });
  const found = await check(models.map(({ encoded }) => encoded));
  for (const [i, { name, model }] of models.entries()) {
    expect([name, found[i].fault]).toEqual([name, undefined]);
    const declared = model.graph.output.map((output) => output.name);
    expect(Object.keys(found[i].outputs ?? {}), name).toEqual(declared);
  }
});
