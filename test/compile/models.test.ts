/** The library of models: every file of `examples/models` is here by being there. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { opened, places } from "./backends.ts";
import { examplesIn } from "./examples.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const few: Readonly<Record<string, number>> = { D: 3, H: 4, M: 5, K: 3 };

function studyOf(path: string, entry: string, place = "", lengths?: readonly number[]): Study {
  const { dims } = elaborate(path, fileHost, { entry });
  const chosen = Object.fromEntries(Object.keys(dims).map((d) => [d, few[d] ?? 2]));
  const made = elaborate(path, fileHost, { entry, dims: chosen, ...(place && { place: parsePlacements(place) }) });
  return new Study(made.graph, { dims: made.dims, batch: 4, time: 3, lengths });
}

const models = examplesIn("examples/models", "model");

describe.each(models)("$entry", ({ path, entry }) => {
  const backend = opened(places.wasm);

  it("warns of nothing", () => {
    expect(elaborate(path, fileHost, { entry }).warnings).toEqual([]);
  });

  it.each([undefined, [3, 1, 2, 3]])(
    "has the gradients that differences show, also on WebAssembly, lengths %j",
    async (lengths) => {
      const study = studyOf(path, entry, "", lengths);
      expect(study.directionError()).toBeLessThan(tolerance.differences);
      const errors = await study.targetErrors(places.wasm.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );
});

it("the norms of a residual block are bound anew from outside", async () => {
  const [path, entry] = ["examples/models/residual.cell", "residual"];
  const place = "first=rms,second=batch,third=none,hh=layer";
  const { sites } = elaborate(path, fileHost, { entry, place: parsePlacements(place) });
  expect(Object.fromEntries(sites.map(({ name, norm }) => [name, norm?.name]))).toMatchObject({
    ...{ first: "rms", second: "batch", third: undefined, "rnn/hh": "layer" },
  });
  expect(studyOf(path, entry, place).directionError()).toBeLessThan(tolerance.differences);
});
