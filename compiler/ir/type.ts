/** What can be asked of types: text, equality, and the shape rule that all elementwise ops share. */
import * as dim from "./dim.ts";
import type { Type } from "./types.ts";

/** Thrown by shape rules. The semantics turns it into a diagnostic at the user's source; elsewhere it is our error. */
export class ShapeError extends Error {}

export const scalar: Type = { dtype: "f32", time: false, batch: false, shape: [] };

/** `f32[time, batch, 4H]`, `f32[]`, `index(V)[batch]`. */
export function showType(t: Type): string {
  const below = t.dtype === "index" && t.below ? `(${dim.show(t.below)})` : "";
  return `${t.dtype}${below}[${[...(t.time ? ["time"] : []), ...(t.batch ? ["batch"] : []), ...t.shape.map(dim.show)].join(", ")}]`;
}

export function sameShape(a: readonly dim.Dim[], b: readonly dim.Dim[]): boolean {
  return a === b || (a.length === b.length && a.every((d, i) => dim.equal(d, b[i])));
}

export function sameType(a: Type, b: Type): boolean {
  return a.time === b.time && a.batch === b.batch && sameShape(a.shape, b.shape) && sameNumbers(a, b);
}

/** `t` with f32 elements: the type of a value computed from an index, or of a cotangent. */
export const real = (t: Type): Type => ({ ...t, dtype: "f32" });

/** Whether elements are of one kind: numbers, or indices with the same bound. */
export function sameNumbers(a: Type, b: Type): boolean {
  if (a.dtype === "f32" || b.dtype === "f32") return a.dtype === b.dtype;
  return a.below !== undefined && b.below !== undefined && dim.equal(a.below, b.below);
}

/** Throws if `t` is not an index, or has values that `of` entries lack whatever the dimensions are. */
export function mustSelect(t: Type, of: dim.Dim): void {
  if (t.dtype !== "index" || t.below === undefined) throw new ShapeError(`${showType(t)} is not an index`);
  if (dim.exceeds(t.below, of)) throw new ShapeError(`${showType(t)} does not select from ${dim.show(of)} entries`);
}

/** Feature shapes aligned from the right; extent 1 and missing axes are broadcast. */
export function broadcastShapes(a: readonly dim.Dim[], b: readonly dim.Dim[]): readonly dim.Dim[] {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length];
    const y = b[i - rank + b.length];
    if (x === undefined || (y !== undefined && dim.isOne(x))) return y;
    if (y === undefined || dim.isOne(y) || dim.equal(x, y)) return x;
    throw new ShapeError(`shapes [${a.map(dim.show).join(", ")}] and [${b.map(dim.show).join(", ")}] do not fit`);
  });
}

/** The type of an elementwise op on operands of these types. */
export function broadcastTypes(types: readonly Type[]): Type {
  return types.reduce(
    (a, b) => ({
      dtype: "f32",
      time: a.time || b.time,
      batch: a.batch || b.batch,
      shape: broadcastShapes(a.shape, b.shape),
    }),
    scalar,
  );
}

/** The number of elements a reduction of `t` over its own extra axes combines, as dimension texts. */
export function extentsOf(t: Type, batch: boolean, time: boolean, features: readonly number[]): readonly string[] {
  return [
    ...(batch && t.batch ? ["batch"] : []),
    ...(time && t.time ? ["time"] : []),
    ...features.map((i) => dim.show(t.shape[i])),
  ];
}
