/** Starts a pass once: renders its outputs, those together that can be, and copies what replaces something that it reads. */
import type { IndexTimes } from "../texture-index.ts";
import type { Image } from "./image.ts";
import { type Pass, sampledBy, stepsAtOnce, targetsOf, together } from "./pass.ts";
import { rectangles } from "./ranges.ts";
import type { Renderer } from "./renderer.ts";
import type { Bound, Textures } from "./textures.ts";

/** Starts a pass for each of `steps` steps: `count` texels of each output, at once for as many as it can. */
export function drawSteps(
  renderer: Renderer,
  pass: Pass,
  bound: ReadonlyMap<string, Bound>,
  textures: Textures,
  { t, T }: Pick<IndexTimes, "t" | "T">,
  count: number,
  steps: number,
): void {
  for (let y = 0; y < steps; ) {
    const times = { t, T, y };
    const together = stepsAtOnce(pass, bound, times, steps - y);
    draw(renderer, pass, bound, textures, times, count, together);
    y += together;
  }
}

/** Renders `count` texels of each output, for so many steps. */
function draw(
  renderer: Renderer,
  pass: Pass,
  bound: ReadonlyMap<string, Bound>,
  textures: Textures,
  times: IndexTimes,
  count: number,
  steps: number,
): void {
  const targets = targetsOf(pass, bound, textures, times);
  const sampled = (sampler: string): Image => sampledBy(pass, sampler, bound, times);
  for (const group of together(targets)) renderer.render({ pass, targets: group, sampled, times, count, steps });
  // All outputs are computed of what the regions held before.
  for (const { first, image, shadowOf: region } of targets)
    if (region) textures.shadows!.copy(region, rectangles(first, count, image.bits), textures.region(region));
}
