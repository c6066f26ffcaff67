/** Lists of numbers as initialisers: `[1, 2, 4, 8]`, `[[0, 1], [1, 0]]`. */
import type { Init } from "../../runtime/plan.ts";
import type { Span } from "../diagnostics/span.ts";
import type * as dim from "../ir/dim.ts";
import type { Expr } from "../syntax/ast.ts";
import { extentOf, isConstant, numeric } from "./constants.ts";
import { type Context, showShape } from "./context.ts";
import { fitsKernels } from "./finite.ts";
import type { Meaning } from "./scope.ts";

/** A number, or a list of entries. */
export type Entry = { readonly span: Span } & ({ readonly number: number } | { readonly items: readonly Entry[] });

/** The numbers of a list as it is written. Undefined after a report. */
export function entriesOf(e: Expr, c: Context): Entry | undefined {
  const { span } = e;
  if (e.kind !== "list") {
    if (!isConstant(e, c)) {
      c.problems.error("C0216", span, "the entries of a list are numbers", {
        label: "not a number that is known while compiling",
        help: "combine whole lists element by element, or write blocks(a, b, …) for equal parts of the last dimension",
      });
      return undefined;
    }
    const number = numeric(e, c);
    return number !== undefined && fitsKernels(number, span, c) ? { span, number } : undefined;
  }
  const items = e.items.map((item) => entriesOf(item, c));
  return items.every((item) => item !== undefined) ? { span, items } : undefined;
}

/** The numbers of a list that is a norm's option; undefined if it has others. */
export function entriesOfMeaning(m: Meaning, span: Span): Entry | undefined {
  if (m.kind === "number") return { span, number: m.number };
  if (m.kind !== "list") return undefined;
  const items = m.items.map((item) => entriesOfMeaning(item, span));
  return items.every((item) => item !== undefined) ? { span, items } : undefined;
}

/** How deep lists are nested, by the first entries. */
export const depthOf = (entry: Entry): number =>
  "items" in entry ? 1 + (entry.items.length === 0 ? 0 : depthOf(entry.items[0])) : 0;

/** The last dimensions of `shape`, those that the list `entry` fills. Undefined after a report. */
export function listShape(entry: Entry, shape: readonly dim.Dim[], c: Context): readonly dim.Dim[] | undefined {
  const depth = depthOf(entry);
  if (depth <= shape.length) return shape.slice(shape.length - depth);
  c.problems.error("C0230", entry.span, `a list of ${depth} levels does not fit ${showShape(shape)}`, {
    label: `there ${shape.length === 1 ? "is 1 dimension" : `are ${shape.length} dimensions`}`,
  });
  return undefined;
}

/** The list as an initialiser of a parameter, whose last dimensions it fills. Undefined after a report. */
export function listInit(entry: Entry, shape: readonly dim.Dim[], c: Context): Init | undefined {
  const dims = listShape(entry, shape, c);
  if (dims === undefined) return undefined;
  const values: number[] = [];
  const counts: number[] = [];
  const take = (e: Entry, level: number): boolean => {
    if ("number" in e) {
      if (level === dims.length) return values.push(e.number) > 0;
      return uneven(e.span, "this is a number, and the entries beside it are lists");
    }
    if (level === dims.length) return uneven(e.span, "this is a list, and the entries beside it are numbers");
    counts[level] ??= e.items.length;
    const extent = extentOf(dims[level], c.world.numbers);
    const wanted = extent ?? counts[level];
    if (e.items.length === wanted && wanted > 0) return e.items.every((item) => take(item, level + 1));
    const lacks = extent === undefined ? `the one beside it ${wanted}` : `${showShape([dims[level]])} has ${extent}`;
    return uneven(
      e.span,
      `this list has ${e.items.length} ${e.items.length === 1 ? "entry" : "entries"}, and ${lacks}`,
    );
  };
  const uneven = (span: Span, message: string): false => {
    c.problems.error("C0230", span, message, { label: `for ${showShape(shape)}` });
    return false;
  };
  return take(entry, 0) ? { kind: "list", values, shape: counts } : undefined;
}
