import type { Numbers, Shaped } from "../inputs.ts";

/**
 * Numbers with their shape, which the type checker compares with the one that a model needs. The first extent of what varies with
 * time is any number: `ShapedTensor<readonly [number, 64, 28]>`.
 */
export interface ShapedTensor<Shape extends readonly number[] = readonly number[], Data extends Numbers = Numbers>
  extends Shaped {
  readonly data: Data;
  readonly shape: Shape;
}

/** Gives numbers their shape: `tensor(x, [T, 64, 28])`. The runtime checks that there are as many. */
export function tensor<const Shape extends readonly number[], Data extends Numbers>(
  data: Data,
  shape: Shape,
): ShapedTensor<Shape, Data> {
  return { data, shape };
}
