/** Dense f64 tensors: what the reference interpreter computes with. */
import * as dim from "./dim.ts";
import type { Type } from "./types.ts";

/** A number for each dimension, by name. */
export type Bindings = Readonly<Record<string, number>>;

/** `data` in row-major order of [time?, batch?, ...features]. */
export interface Tensor {
  readonly type: Type;
  /** Extents in that same order. */
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function extents(type: Type, dims: Bindings): number[] {
  const leading = [...(type.time ? ["time"] : []), ...(type.batch ? ["batch"] : [])].map(dim.variable);
  return [...leading, ...type.shape].map((d) => dim.evaluate(d, dims));
}

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function tensor(type: Type, dims: Bindings, data?: ArrayLike<number>): Tensor {
  const shape = extents(type, dims);
  const n = count(shape);
  if (data !== undefined && data.length !== n) throw new Error(`expected ${n} numbers, got ${data.length}`);
  return { type, shape, data: data ? new Float64Array(data) : new Float64Array(n) };
}

/**
 * Strides of `t` over the aligned index space [time, batch, ...features of rank `rank`]: 0 along axes that `t` lacks or in
 * which it has extent 1.
 */
export function alignedStrides(t: Tensor, rank: number): number[] {
  const strides = new Array<number>(rank + 2).fill(0);
  let step = 1;
  let axis = t.shape.length - 1;
  for (let i = 0; i < t.type.shape.length; i++, axis--) {
    strides[rank + 1 - i] = t.shape[axis] === 1 ? 0 : step;
    step *= t.shape[axis];
  }
  for (const [present, at] of [
    [t.type.batch, 1],
    [t.type.time, 0],
  ] as const) {
    if (!present) continue;
    strides[at] = step;
    step *= t.shape[axis--];
  }
  return strides;
}

/** The aligned extents of `t`: [time or 1, batch or 1, ...features padded with 1 in front to `rank`]. */
export function alignedShape(t: Tensor, rank: number): number[] {
  const shape = new Array<number>(rank + 2).fill(1);
  let axis = t.shape.length - 1;
  for (let i = 0; i < t.type.shape.length; i++, axis--) shape[rank + 1 - i] = t.shape[axis];
  if (t.type.batch) shape[1] = t.shape[axis--];
  if (t.type.time) shape[0] = t.shape[axis];
  return shape;
}

/** Calls `visit` for every index of `shape` in row-major order, with the flat offsets that `strides` give. */
export function forEachIndex(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (offsets: readonly number[], position: number) => void,
): void {
  const n = count(shape);
  const index = new Array<number>(shape.length).fill(0);
  const offsets = strides.map(() => 0);
  for (let position = 0; position < n; position++) {
    visit(offsets, position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      for (let k = 0; k < offsets.length; k++) offsets[k] += strides[k][axis];
      if (index[axis] < shape[axis]) break;
      for (let k = 0; k < offsets.length; k++) offsets[k] -= strides[k][axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

/**
 * As `forEachIndex`, for loops that run along the last axis themselves: `visit` is called once for every index of the other
 * axes, with the offsets and the position where the row starts, its length, and what each offset advances by along it.
 */
export function forEachRow(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (offsets: readonly number[], position: number, n: number, steps: readonly number[]) => void,
): void {
  const n = shape.length === 0 ? 1 : shape[shape.length - 1];
  const steps = strides.map((s) => (s.length === 0 ? 0 : s[s.length - 1]));
  const outer = strides.map((s) => s.slice(0, -1));
  forEachIndex(shape.slice(0, -1), outer, (offsets, row) => visit(offsets, row * n, n, steps));
}

export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/** `x` broadcast to `type`. */
export function broadcastTo(x: Tensor, type: Type, dims: Bindings): Tensor {
  const y = tensor(type, dims);
  const rank = type.shape.length;
  forEachRow(alignedShape(y, rank), [alignedStrides(x, rank)], ([i], at, n, [di]) => {
    for (let k = 0; k < n; k++, i += di) y.data[at + k] = x.data[i];
  });
  return y;
}
