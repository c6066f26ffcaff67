/** Relaxed SIMD: fuses multiplications and additions, which are then rounded once on machines that can. */
import type { Wat } from "./wat.ts";

const isList = (wat: Wat | undefined): wat is readonly Wat[] => Array.isArray(wat);

const isProduct = (wat: Wat): wat is readonly [string, Wat, Wat] => isList(wat) && wat[0] === "f32x4.mul";

/**
 * The same code with every product of vectors that is directly added or subtracted fused with that: a·b + c and c − a·b. Values
 * have no effects, so their order does not matter.
 */
export function fuse(wat: Wat): Wat {
  if (!isList(wat)) return wat;
  const [head, left, right] = wat;
  if (head === "f32x4.add" && isProduct(left)) return fused("f32x4.relaxed_madd", left, right);
  if (head === "f32x4.add" && isProduct(right)) return fused("f32x4.relaxed_madd", right, left);
  if (head === "f32x4.sub" && isProduct(right)) return fused("f32x4.relaxed_nmadd", right, left);
  return wat.map(fuse);
}

const fused = (instruction: string, [, a, b]: readonly [string, Wat, Wat], c: Wat): Wat => [
  instruction,
  fuse(a),
  fuse(b),
  fuse(c),
];
