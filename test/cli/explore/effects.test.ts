import fc from "fast-check";
import { expect, test } from "vitest";
import { seededStreams } from "../../../cli/data/streams.ts";
import { mainEffects } from "../../../cli/explore/effects.ts";
import { mayBeZero } from "../../../cli/statistics/paired.ts";

const NORMS = ["none", "batch", "layer"];

/** All combinations at two sites, with values by `value`. */
const grid = (value: (hh: string, xh: string, seed: number) => number | undefined, seeds: number) =>
  NORMS.flatMap((hh) =>
    NORMS.map((xh) => {
      const values = Array.from({ length: seeds }, (_, seed) => value(hh, xh, seed));
      return { placement: { hh, xh }, values: values.every((one) => one !== undefined) ? values : undefined };
    }),
  );

test("of a grid without interactions, effects are what each norm adds at its site", () => {
  const gain = fc.integer({ min: -100, max: 100 });
  fc.assert(
    fc.property(fc.tuple(gain, gain, gain, gain), gain, ([batchHh, layerHh, batchXh, layerXh], seedGain) => {
      const hh: Record<string, number> = { none: 0, batch: batchHh, layer: layerHh };
      const xh: Record<string, number> = { none: 0, batch: batchXh, layer: layerXh };
      const effects = mainEffects(grid((a, b, seed) => hh[a] + xh[b] + seed * seedGain, 3));
      expect(effects.map(({ site, norm, placements }) => [site, norm, placements])).toEqual([
        ["hh", "batch", 3],
        ["hh", "layer", 3],
        ["xh", "batch", 3],
        ["xh", "layer", 3],
      ]);
      const means = [batchHh, layerHh, batchXh, layerXh];
      effects.forEach(({ difference: { mean, interval } }, at) => {
        expect(mean).toBeCloseTo(means[at], 9);
        expect(interval![0]).toBeCloseTo(means[at], 9);
        expect(interval![1]).toBeCloseTo(means[at], 9);
      });
    }),
    { numRuns: 20 },
  );
});

test("a pair without a value for every seed does not count, and is counted", () => {
  const effects = mainEffects(
    grid((hh, xh, seed) => (hh === "batch" && xh === "none" && seed === 1 ? undefined : 1), 2),
  );
  expect(effects[0]).toMatchObject({ site: "hh", norm: "batch", placements: 2, unfinished: 1 });
});

test("without none at a site, the first norm is the reference; sites in any order are one placement", () => {
  const effects = mainEffects([
    { placement: { hh: "batch", xh: "layer" }, values: [1, 2] },
    { placement: { xh: "layer", hh: "rms" }, values: [2, 4] },
  ]);
  expect(effects).toHaveLength(1);
  expect(effects[0]).toMatchObject({ site: "hh", norm: "rms", reference: "batch", difference: { mean: 1.5 } });
});

test("placements that differ in more than one site tell nothing of either", () => {
  const effects = mainEffects([
    { placement: { hh: "batch", xh: "layer" }, values: [1] },
    { placement: { hh: "none", xh: "none" }, values: [2] },
  ]);
  expect(effects).toEqual([]);
});

test("of a grid in which nothing has an effect, hardly ever one looks clear", () => {
  let clear = 0;
  for (let trial = 0; trial < 100; trial++) {
    const uniform = seededStreams(trial)("grid");
    let at = 0;
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform(at++))) * Math.cos(2 * Math.PI * uniform(at++));
    if (mainEffects(grid(normal, 5)).some(({ difference }) => !mayBeZero(difference))) clear++;
  }
  expect(clear).toBeLessThanOrEqual(10);
});
