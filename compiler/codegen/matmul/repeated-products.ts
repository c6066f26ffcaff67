/**
 * Products whose right operands, and whose results, stand at equal distances, such as a cell's gates in one weight: a loop over them has
 * the code of a single one.
 */
import type { Allocation } from "../../buffers/layout.ts";
import type { KExpr } from "../../kernel-ir/types.ts";
import type { ProductInMemory } from "./strided-product.ts";

/** The number of a product, and how many floats lie between the operands and the results of one and the next. */
export interface Repetition {
  readonly number: KExpr;
  readonly right: number;
  /** In the order of `targets`. */
  readonly targets: readonly number[];
}

/** The distances between products, if they are the same between any two that follow each other. */
export function equalDistances(products: readonly ProductInMemory[]): Omit<Repetition, "number"> | undefined {
  const [first, second, ...others] = products;
  if (products.some(({ targets }) => targets.length !== first.targets.length)) return undefined;
  const right = distance(first.right, second.right);
  const targets = first.targets.map((target, i) => distance(target, second.targets[i]));
  if (right === undefined || targets.includes(undefined)) return undefined;
  let before = second;
  for (const product of others) {
    if (distance(before.right, product.right) !== right) return undefined;
    if (targets.some((wanted, i) => distance(before.targets[i], product.targets[i]) !== wanted)) return undefined;
    before = product;
  }
  return { right, targets: targets as number[] };
}

/** Floats from an element of one allocation to the same element of another; undefined if it depends on the element or the step. */
function distance(a: Allocation, b: Allocation): number | undefined {
  if (a.buffer.region !== b.buffer.region || a.buffer.texture || b.buffer.texture) return undefined;
  if (a.batch !== b.batch || a.quads !== b.quads || a.strides.join() !== b.strides.join()) return undefined;
  if (a.steps || b.steps || JSON.stringify(a.frame) !== JSON.stringify(b.frame)) return undefined;
  if (a.buffer === b.buffer) return b.start - a.start;
  return a.buffer.time || b.buffer.time ? undefined : b.buffer.offset + b.start - a.buffer.offset - a.start;
}
