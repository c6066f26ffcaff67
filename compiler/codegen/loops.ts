/** Builds the loops of kernels: single ones, nests, and axes that are run through in blocks. */

import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";

/** Makes a name that the kernel does not have yet. */
export type Names = (hint: string) => string;

/** A variable of a kernel. */
export type Variable = Extract<KExpr, { k: "var" }>;

/** The integers from `from` to below `to`. */
export interface Bounds {
  readonly from: KExpr;
  readonly to: KExpr;
}

/** Bounds of which something is known at compile time. */
export interface IndexRange extends Bounds {
  /** The most iterations, if there is a limit. */
  readonly most: number | undefined;
  /** A number that always divides the count of iterations. */
  readonly multiple: number;
}

export interface LoopHeader extends Bounds {
  /** What the loop's variable is called, if the name is free. */
  readonly hint: string;
  /** Default `serial`. */
  readonly kind?: "serial" | "lanes";
  /** Default 1. */
  readonly step?: number;
}

/** All of `count`. */
export const upTo = (count: number): Bounds => ({ from: x.int(0), to: x.int(count) });

export function loop(
  names: Names,
  { hint, kind = "serial", from, to, step = 1 }: LoopHeader,
  body: (i: Variable) => readonly KStmt[],
): KStmt {
  const name = names(hint);
  return { s: "for", kind, name, from, to, step, body: body({ k: "var", name, type: "i32" }) };
}

/** `count` independent iterations, which the lanes of a workgroup divide among themselves. */
export const onLanes = (names: Names, count: number, body: (i: Variable) => readonly KStmt[]): KStmt =>
  loop(names, { hint: "i", kind: "lanes", ...upTo(count) }, body);

/** Loops inside each other, the first outermost; with none, the body alone. */
export function nest(
  names: Names,
  headers: readonly LoopHeader[],
  body: (indices: readonly Variable[]) => readonly KStmt[],
): readonly KStmt[] {
  const inside = (depth: number, indices: readonly Variable[]): readonly KStmt[] =>
    depth === headers.length ? body(indices) : [loop(names, headers[depth], (i) => inside(depth + 1, [...indices, i]))];
  return inside(0, []);
}

/** Loops over `range` in blocks of the given sizes, largest first; each size takes what the ones before left. */
export function inBlocks(
  names: Names,
  { hint, kind, ...range }: IndexRange & Pick<LoopHeader, "hint" | "kind">,
  sizes: readonly number[],
  body: (first: Variable, size: number) => readonly KStmt[],
): readonly KStmt[] {
  const statements: KStmt[] = [];
  let { from } = range;
  /** A number that divides how many are left. */
  let { multiple } = range;
  for (const size of sizes) {
    const exact = multiple % size === 0;
    const to = exact ? range.to : bound(names, statements, wholeBlocks(from, range.to, size));
    const [first, end] = [x.known(from), x.known(to)];
    if (first === undefined || end === undefined || end > first)
      statements.push(loop(names, { hint, kind, from, to, step: size }, (i) => body(i, size)));
    if (exact) break;
    from = to;
    multiple = commonDivisor(multiple, size);
  }
  return statements;
}

/** Where the blocks of a size end that fit between two positions. */
function wholeBlocks(from: KExpr, to: KExpr, size: number): KExpr {
  const left = x.sub(to, from);
  return x.add(from, x.sub(left, x.rem(left, x.int(size))));
}

/** A position under a name, unless it is a number: the blocks of the next size begin there. */
function bound(names: Names, into: KStmt[], value: KExpr): KExpr {
  if (value.k === "int") return value;
  const name = names("end");
  into.push({ s: "let", name, type: "i32", value });
  return x.variable(name, "i32");
}

/** The greatest number that divides both. */
export const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** The index along each axis of position `i` of axes that were flattened into one, outermost first. */
export function unflatten(i: KExpr, extents: readonly number[]): readonly KExpr[] {
  const indices: KExpr[] = [];
  let left = i;
  for (let k = extents.length - 1; k >= 0; k--) {
    // The outermost axis takes what is left: no position lies beyond its end.
    indices.unshift(k === 0 ? left : x.rem(left, x.int(extents[k])));
    left = x.div(left, x.int(extents[k]));
  }
  return indices;
}

/** Both conditions, the first of which may be missing. */
export const both = (a: KExpr | undefined, b: KExpr): KExpr => (a === undefined ? b : { k: "and", a, b });

/** The statements under a condition, if there is one. */
export const guarded = (condition: KExpr | undefined, then: readonly KStmt[]): readonly KStmt[] =>
  condition ? [{ s: "if", condition, then, else: [] }] : then;
