/** The cells of the library, small, and norms at their sites. */
import { fileHost } from "../../cli/api/file-host.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { hasAllSteps } from "../../compiler/ir/steps.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { type Example, examplesIn } from "./examples.ts";

const folder = "examples/cells";

export const cells = examplesIn(folder, "cell");

/** Dimensions as small as each cell has them: four heads need 4 · 2 units. */
export function small({ path, entry }: Example, place = "") {
  const { dims } = elaborate(path, fileHost, { entry });
  // Norms of two groups need an even number of units.
  const few: Readonly<Record<string, number>> = { D: "H" in dims ? 3 : 4, H: 8, L: 2, U: 6, R: 2, N: 2 };
  const chosen = Object.fromEntries(Object.keys(dims).map((d) => [d, few[d] ?? 2]));
  return elaborate(path, fileHost, { entry, dims: chosen, place: place ? parsePlacements(place) : [] });
}

/** The prelude's norms for values. */
export const norms = [
  "batch",
  "batch_renorm(r_max = 2, d_max = 1)",
  "sequence",
  "layer",
  "group(2)",
  "instance(2)",
  "rms",
  "cosine",
  "dyt",
  "ghost(2)",
  "atn(k = 2)",
  "l1(eps = 0.1)",
  "streaming",
];

const overExamples = /^(batch|sequence|l1|streaming|ghost|atn)/;

const inTwoGroups = /\(2\)/;

/** As many placements as there are norms; together they put each norm once at each site that may have it. */
export const placements = cells.flatMap((cell) => {
  const { sites, dims } = small(cell);
  return norms.map((_, k) => {
    const place = sites.map(({ name, recurrent, type }, j) => {
      const ofStep = norms.filter((norm) => !recurrent || norm !== "sequence");
      // Of all steps at once there are no statistics over examples.
      const fitting = hasAllSteps(type) ? ofStep.filter((norm) => !overExamples.test(norm)) : ofStep;
      const isOdd = type.shape.slice(-1).some((extent) => dim.evaluate(extent, { ...dims, steps: 2 }) % 2 !== 0);
      const some = isOdd ? fitting.filter((norm) => !inTwoGroups.test(norm)) : fitting;
      return `${placeName(name)}=${some[(k + j) % some.length]}`;
    });
    return { ...cell, place: place.join() };
  });
});
