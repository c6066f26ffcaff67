/** Cells large enough that their products are tiled, and of extents that fit no tile, on WebGPU as in the reference. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/source-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const cases = [
  { cell: "bnlstm", D: 9, H: 21, batch: 18 },
  { cell: "lnlstm", D: 16, H: 44, batch: 7 },
] as const;

describe("products in tiles on WebGPU as in the reference:", () => {
  const backend = opened(places.wgsl);

  it.each(cases)("$cell, D=$D H=$H B=$batch, forward and backward", async ({ cell, D, H, batch }) => {
    const { graph, dims } = elaborate(`examples/${cell}.cell`, fileHost, { dims: { D, H } });
    const study = new Study(graph, { dims, batch, time: 3 });
    const { code } = study.compile(places.wgsl.target, ["train"]);
    expect(JSON.stringify(code)).toContain("left_tile");
    const errors = await study.targetErrors(places.wgsl.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
