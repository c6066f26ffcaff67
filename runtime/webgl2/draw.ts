/** Starts a pass once: renders its outputs, those together that can be, and copies what replaces something that it reads. */
import type { IndexTimes } from "../texture-index.ts";
import type { Image } from "./image.ts";
import { type Pass, sampledBy, targetsOf, together } from "./pass.ts";
import { rectangles } from "./ranges.ts";
import type { Renderer } from "./renderer.ts";
import type { Bound, Textures } from "./textures.ts";

/** Renders `count` texels of each output. */
export function draw(
  renderer: Renderer,
  pass: Pass,
  bound: ReadonlyMap<string, Bound>,
  textures: Textures,
  times: IndexTimes,
  count: number,
): void {
  const targets = targetsOf(pass, bound, textures, times);
  const sampled = (sampler: string): Image => sampledBy(pass, sampler, bound, times);
  for (const group of together(targets)) renderer.render({ pass, targets: group, sampled, times, count });
  // All outputs are computed of what the regions held before.
  for (const { first, image, copyTo } of targets)
    if (copyTo) renderer.copy(image, rectangles(first, count, image.bits), copyTo);
}
