import type { Feed } from "./feed.ts";
import { elementsOf } from "./layout.ts";
import type { Noise } from "./plan.ts";
import { keyOf, meanOf, noiseAt } from "./random.ts";

/** The numbers of a noise for a run, by their index in a tensor of this name and shape. */
export type DrawNoise = (
  noise: Noise,
  tensor: { readonly name: string; readonly shape: readonly number[] },
  feed: Feed,
) => (index: number) => number;

/** Draws from the counter-based generator, or takes the mean. */
export const drawNoise: DrawNoise = (noise, { name, shape }, feed) => {
  if (feed.noise === "mean") {
    const mean = meanOf(noise);
    return () => mean;
  }
  const key = keyOf(feed.seed, `noise/${feed.purpose}/${name}`);
  // A step of a stream draws what the same step of a whole sequence would.
  const perStep = noise.distribution !== "bernoulli" && noise.perStep;
  const from = perStep ? (feed.stream?.step ?? 0) * elementsOf(shape) : 0;
  return (index) => noiseAt(noise, key, from + index, feed.run);
};
