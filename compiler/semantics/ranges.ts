/** Indices against what they select from: `index(V)` never meets a table, classes or another index that lacks some of its values. */
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import { extentOf } from "./constants.ts";
import type { Context, World } from "./context.ts";
import type { Expansion } from "./problems.ts";

/** An index that meets something with `of` values. */
export interface Meeting {
  readonly index: dim.Dim;
  readonly of: dim.Dim;
  /** Both must have as many. A smaller index in a larger table is fine otherwise: each of its values is there. */
  readonly alike: boolean;
  /** What the index does with them, told with their number: `selects among 5 rows`. */
  readonly what: (n: string) => string;
  readonly span: Span;
  readonly expansions: readonly Expansion[];
}

/** Indices are stored as f32, which has all whole numbers up to here and not the next. */
const largestIndex = 2 ** 24;

/** Takes note that `index` selects from `of` values; looked at when the dimensions have their numbers. */
export function selects(
  index: Value,
  of: dim.Dim,
  what: Meeting["what"],
  span: Span,
  { world, problems }: Context,
): void {
  world.meetings.push({ index: index.type.below!, of, alike: false, what, span, expansions: problems.around });
}

/** Takes note that two indices are compared: they count the same things, or one of them is the place of a largest entry. */
export function compared(a: Value, b: Value, span: Span, { world, problems, builder }: Context): void {
  const isPlace = (v: Value): boolean => builder.ops.some((op) => op.op === "argmax" && op.results[0] === v);
  const [x, y] = [a.type.below!, b.type.below!];
  if (dim.equal(x, y)) return;
  const [placeA, placeB] = [isPlace(a), isPlace(b)];
  const what = (n: string): string =>
    placeA === placeB ? `is compared with one below ${n}` : `is compared with the place of the largest of ${n}`;
  const [index, of] = placeB && !placeA ? [x, y] : [y, x];
  world.meetings.push({ index, of, alike: placeA === placeB, what, span, expansions: problems.around });
}

/** Reports each index that is too large for what it meets: C0228. Where a dimension has no number yet, what holds for any counts. */
export function checkMeetings(world: World): void {
  const { problems, numbers } = world;
  const shown = (d: dim.Dim): string => {
    const n = extentOf(d, numbers);
    return n === undefined || dim.asNumber(d) !== undefined ? dim.show(d) : `${dim.show(d)} = ${n}`;
  };
  for (const { index, of, alike, what, span, expansions } of world.meetings) {
    const [i, n] = [extentOf(index, numbers), extentOf(of, numbers)];
    const apart = i !== undefined && n !== undefined ? (alike ? i !== n : i > n) : dim.exceeds(index, of);
    if (apart !== true) continue;
    problems.inside(expansions, () =>
      problems.error("C0228", span, `an index below ${shown(index)} ${what(shown(of))}`, {
        label: alike ? "they do not count the same things" : "some of its values are not there",
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
