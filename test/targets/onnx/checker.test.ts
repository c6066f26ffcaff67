/** Every cell and model of the library, before ONNX's own checker. */
import { expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { exampleFolders, examplesIn } from "../../compile/examples.ts";
import { check } from "./checker.ts";
import { exportedFrom, inferenceStudy, STEPS } from "./exported.ts";

const examples = exampleFolders.flatMap((folder) => examplesIn(folder, "cell", "model"));
const SMALL = { batch: 1, time: STEPS };

it("ONNX's checker finds nothing wrong with any cell or model, with lengths and without", async () => {
  const models = examples.flatMap(({ path, entry }) => {
    const { graph, dims } = elaborate(path, fileHost, { entry });
    return [undefined, [STEPS]].map((lengths) => {
      const options = { dims, ...SMALL, ...(lengths && { lengths }) };
      const study = inferenceStudy(graph, options);
      return { name: `${entry}, lengths ${lengths}`, ...exportedFrom(graph, study, options) };
    });
  });
  const found = await check(models.map(({ encoded }) => encoded));
  for (const [i, { name, model }] of models.entries()) {
    expect([name, found[i].fault]).toEqual([name, undefined]);
    const declared = model.graph.output.map((output) => output.name);
    expect(Object.keys(found[i].outputs ?? {}), name).toEqual(declared);
  }
});
