/** Checks indices against what they select from: a table, the classes or another index must have all values of `index(V)`. */
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import { extentOf } from "./constants.ts";
import type { Context, World } from "./context.ts";
import type { Expansion } from "./problems.ts";

/** A use of an index with something that has `of` values. */
export interface IndexUse {
  readonly index: dim.Dim;
  readonly of: dim.Dim;
  /** Whether both must have equally many. Otherwise an index may be smaller than its table, which then has each of its values. */
  readonly sameSize: boolean;
  /** What the index does with them, given their number: `selects among 5 rows`. */
  readonly what: (n: string) => string;
  readonly span: Span;
  readonly expansions: readonly Expansion[];
}

/** Indices are stored as f32, which represents all whole numbers up to this one. */
const largestIndex = 2 ** 24;

/** Records that `index` selects from `of` values, to be checked when the dimensions have their numbers. */
export function recordSelection(
  index: Value,
  of: dim.Dim,
  what: IndexUse["what"],
  span: Span,
  { world, problems }: Context,
): void {
  world.indexUses.push({ index: index.type.below!, of, sameSize: false, what, span, expansions: problems.around });
}

/** Records that two indices are compared: they count the same things, or one of them is the position of a largest entry. */
export function recordComparison(a: Value, b: Value, span: Span, { world, problems, builder }: Context): void {
  const isPlace = (v: Value): boolean => builder.ops.some((op) => op.op === "argmax" && op.results[0] === v);
  const [x, y] = [a.type.below!, b.type.below!];
  if (dim.equal(x, y)) return;
  const [placeA, placeB] = [isPlace(a), isPlace(b)];
  const what = (n: string): string =>
    placeA === placeB ? `is compared with one below ${n}` : `is compared with the place of the largest of ${n}`;
  const [index, of] = placeB && !placeA ? [x, y] : [y, x];
  world.indexUses.push({ index, of, sameSize: placeA === placeB, what, span, expansions: problems.around });
}

/** Reports each index that is too large for its use: C0228. If a dimension has no number yet, only if it is too large for any. */
export function checkIndexBounds(world: World): void {
  const { problems, numbers } = world;
  const shown = (d: dim.Dim): string => {
    const n = extentOf(d, numbers);
    return n === undefined || dim.asNumber(d) !== undefined ? dim.show(d) : `${dim.show(d)} = ${n}`;
  };
  for (const { index, of, sameSize, what, span, expansions } of world.indexUses) {
    const [i, n] = [extentOf(index, numbers), extentOf(of, numbers)];
    const apart = i !== undefined && n !== undefined ? (sameSize ? i !== n : i > n) : dim.exceeds(index, of);
    if (apart !== true) continue;
    problems.inside(expansions, () =>
      problems.error("C0228", span, `an index below ${shown(index)} ${what(shown(of))}`, {
        label: sameSize ? "they do not count the same things" : "some of its values are not there",
        help: "declare the index with as many values as there are, or make the table as large",
      }),
    );
  }
  for (const { dim: size, span, expansions } of world.indexSizes) {
    const n = extentOf(size, numbers);
    if (n === undefined || n <= largestIndex) continue;
    problems.inside(expansions, () =>
      problems.error("C0228", span, `an index below ${shown(size)} is stored in 32 bits`, {
        label: `which have all whole numbers up to ${largestIndex.toLocaleString("en-US")} only`,
      }),
    );
  }
}
