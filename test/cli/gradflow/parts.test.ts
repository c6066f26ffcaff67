import { expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { meanNorms } from "../../../cli/gradflow/flow.ts";
import { placedWithGain } from "../../../cli/gradflow/gain.ts";
import { tanhDerivative } from "../../../cli/gradflow/tanh-derivative.ts";
import { elaborate } from "../../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../../compiler/semantics/placements.ts";
import { keyOf, normalAt } from "../../../runtime/random.ts";

test("the mean of tanh' is what the paper's figure 1b shows, to five digits", () => {
  const means = [0.1, 0.2, 0.3, 0.5, 0.7, 1].map((deviation) => tanhDerivative(deviation).mean.toFixed(5));
  expect(means).toEqual(["0.99019", "0.96288", "0.92305", "0.82648", "0.72959", "0.60571"]);
  expect(tanhDerivative(0)).toEqual({ deviation: 0, mean: expect.closeTo(1, 12), quartiles: [1, 1] });
});

test("its quartiles are those of a sample", () => {
  const key = keyOf(1, "tanh");
  for (const deviation of [0.1, 0.5, 1]) {
    const sample = Float64Array.from(
      { length: 20_000 },
      (_, i) => 1 - Math.tanh(deviation * normalAt(key, i)) ** 2,
    ).sort();
    const { quartiles } = tanhDerivative(deviation);
    expect(Math.abs(quartiles[0] - sample[5_000])).toBeLessThan(0.01);
    expect(Math.abs(quartiles[1] - sample[15_000])).toBeLessThan(0.01);
  }
});

test("norms are of each example by itself, and then averaged", () => {
  // Two steps, two examples, two units.
  const gradient = Float32Array.of(3, 4, 0, 0, 1, 0, 0, 2);
  expect(meanNorms(gradient, { steps: 2, examples: 2 })).toEqual([2.5, 1.5]);
  expect(meanNorms(gradient, { steps: 2, examples: 2, lengths: Uint32Array.of(1, 2) })).toEqual([2.5, 2]);
  expect(meanNorms(gradient, { steps: 2, examples: 2, lengths: Uint32Array.of(1, 1) })).toEqual([2.5]);
});

test("a gain takes the place of every norm's own, and nothing else changes", () => {
  const options = { dims: { D: 3, H: 4 } };
  const place = placedWithGain(elaborate("examples/cells/bnlstm.cell", fileHost, options), 0.7)!;
  const args = (extra: object) =>
    elaborate("examples/cells/bnlstm.cell", fileHost, { ...options, ...extra }).sites.map(({ norm }) => norm!.args);
  expect(args({ place: parsePlacements(place) })).toEqual(args({}).map((was) => ({ ...was, gamma: "0.7" })));
  expect(placedWithGain(elaborate("examples/cells/lstm.cell", fileHost, options), 0.7)).toBeUndefined();
});
