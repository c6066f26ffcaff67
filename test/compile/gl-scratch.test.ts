import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { opened, places } from "./backends.ts";
import { computations, Study } from "./study.ts";
import { examplesIn } from "./examples.ts";

describe("glsl", () => {
  const place = places.glsl;
  const backend = opened(place);
  it.each(examplesIn("examples/cells", "cell"))("$entry", async ({ path, entry }) => {
    const d = elaborate(path, fileHost, { entry });
    const few: Readonly<Record<string, number>> = { D: 3, H: 8, L: 2, U: 6, R: 2 };
    const chosen = Object.fromEntries(Object.keys(d.dims).map((k) => [k, few[k] ?? 2]));
    const { graph, dims } = elaborate(path, fileHost, { entry, dims: chosen });
    const study = new Study(graph, { dims, batch: 4, time: 3, seed: 3 });
    const errors = await study.targetErrors(place.target, backend(), computations);
    console.log("ERR", entry, errors.forward, errors.gradient);
    expect(errors.forward).toBeLessThan(1e-5);
    expect(errors.gradient).toBeLessThan(1e-4);
  });
});
