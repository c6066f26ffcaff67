/**
 * Elaborates parts of axes: `x[2:5]`, `x[6]`, `x[1, H:]`. Entries count from 0, an end is exclusive, and omitted axes stay whole; `none`
 * among them is a new axis of extent 1.
 */
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import type { Value } from "../ir/types.ts";
import type { Expr, Part } from "../syntax/ast.ts";
import { refuseAllSteps } from "./all-steps.ts";
import { asDim, extentOf } from "./constants.ts";
import { type Context, showShape, wanted } from "./context.ts";
import { describe, evaluate, misfit, toValue } from "./expressions.ts";
import { stepsHabit } from "./habits.ts";
import { type Meaning, poison, type Scope } from "./scope.ts";
import { slice } from "./slices.ts";

/** The entries `from` to `to` of an axis. The axis is dropped if it is a `single` entry. */
interface Bounds {
  readonly from: dim.Dim;
  readonly to: dim.Dim;
  readonly single: boolean;
}

export function part(e: Expr & { readonly kind: "part" }, c: Context): Meaning {
  const of = evaluate(e.of, c);
  if (of.kind === "poison") return poison;
  if (of.kind === "list") return entries(of.items, e, c);
  const x = toValue(of, e.of.span, c);
  return x === undefined ? poison : ofValue(x, e, c);
}

function ofValue(x: Value, e: Expr & { readonly kind: "part" }, c: Context): Meaning {
  const { shape } = x.type;
  if (hasAllSteps(x.type)) return refuseAllSteps("no part can be taken of a value", e.span, e.of.span, c);
  const parts = e.parts.filter((p) => !isNewAxis(p, c.scope));
  if (parts.length > shape.length) {
    const axes = shape.length === 1 ? "one feature axis" : `${shape.length === 0 ? "no" : shape.length} feature axes`;
    const is = [{ span: e.of.span, message: `this is ${showShape(shape)}` }];
    return misfit(
      e.span,
      `a value with ${axes} has no ${parts.length === 1 ? "entries" : "such part"}`,
      is,
      c,
      stepsHabit([x], c),
    );
  }
  const bounds: Bounds[] = [];
  for (const [axis, p] of parts.entries()) {
    const found = boundsOf(p, shape[axis], c);
    if (found === undefined) return poison;
    bounds.push(found);
  }
  const b = c.builder;
  const taken = bounds.reduce((v, { from, to }, axis) => {
    const isWhole = from.length === 0 && dim.equal(to, shape[axis]);
    return isWhole ? v : slice(v, axis, from, to, c);
  }, x);
  if (parts.length === e.parts.length && !bounds.some(({ single }) => single)) return { kind: "value", value: taken };
  let axis = 0;
  const named = e.parts.flatMap((p) => {
    if (isNewAxis(p, c.scope)) return [dim.constant(1)];
    const extent = taken.type.shape[axis];
    return bounds[axis++].single ? [] : [extent];
  });
  const left = [...named, ...taken.type.shape.slice(axis)];
  return { kind: "value", value: b.one("reshape", [taken], { shape: left.map(dim.show) }) };
}

/** One entry or several of a list, such as the result of `split`. */
function entries(items: readonly Meaning[], e: Expr & { readonly kind: "part" }, c: Context): Meaning {
  if (e.parts.length > 1) {
    c.problems.error("C0222", e.span, "a list has entries along one axis only");
    return poison;
  }
  const bounds = boundsOf(e.parts[0], dim.constant(items.length), c);
  if (bounds === undefined) return poison;
  const [from, to] = [bounds.from, bounds.to].map((d) => extentOf(d, c.world.numbers) ?? 0);
  if (bounds.single) return items[from];
  return { kind: "list", items: items.slice(from, to) };
}

/** The bounds of a part of an axis with `extent` entries; undefined after a report. */
function boundsOf(p: Part, extent: dim.Dim, c: Context): Bounds | undefined {
  const bound = (e: Expr | undefined, otherwise: dim.Dim): dim.Dim | undefined =>
    e === undefined ? otherwise : place(e, c);
  if (p.kind === "entry") {
    const from = place(p.at, c);
    if (from === undefined) return undefined;
    const to = dim.add(from, dim.constant(1));
    return isWithin(from, to, extent, p.span, c) ? { from, to, single: true } : undefined;
  }
  const [from, to] = [bound(p.from, []), bound(p.to, extent)];
  if (from === undefined || to === undefined || !isWithin(from, to, extent, p.span, c)) return undefined;
  return { from, to, single: false };
}

/** A new axis, here and in other languages. */
const newAxis: ReadonlySet<string> = new Set(["none", "None", "newaxis"]);

/** Whether a part is `none`, a new axis, and no name of `scope`. */
export const isNewAxis = (p: Part, scope: Pick<Scope, "has">): boolean =>
  p.kind === "entry" && p.at.kind === "name" && newAxis.has(p.at.name.text) && !scope.has(p.at.name.text);

/** A position along an axis: a whole number from 0, or an expression of dimensions. Undefined after a report. */
function place(e: Expr, c: Context): dim.Dim | undefined {
  const meaning = evaluate(e, c);
  if (meaning.kind === "poison") return undefined;
  const d = asDim(meaning);
  if (d !== undefined) return d;
  const index = meaning.kind === "value" && meaning.value.type.dtype === "index";
  c.problems.error("C0222", e.span, `${describe(meaning)} is no place along an axis`, {
    label: "a whole number is needed here, or dimensions, known while compiling",
    help: index ? "embed(i, W) is the row of W that an index selects" : "write a number, H, or H / 2",
  });
  return undefined;
}

/** Whether an axis of `extent` has the entries `from` to `to`, as far as the dimensions are known. Reports it if not. */
function isWithin(from: dim.Dim, to: dim.Dim, extent: dim.Dim, span: Span, c: Context): boolean {
  const { numbers } = c.world;
  const shown = (d: dim.Dim): string => {
    const n = extentOf(d, numbers);
    return n === undefined || dim.asNumber(d) !== undefined ? dim.show(d) : `${dim.show(d)} = ${n}`;
  };
  const exceeds = (a: dim.Dim, b: dim.Dim): boolean | undefined => {
    const [m, n] = [extentOf(a, numbers), extentOf(b, numbers)];
    return m !== undefined && n !== undefined ? m > n : dim.exceeds(a, b);
  };
  const refuse = (message: string, label: string, help?: string): boolean => {
    c.problems.error("C0222", span, message, { label, help });
    return false;
  };
  const broken = [from, to].find((d) => !Number.isInteger(extentOf(d, numbers) ?? 0));
  if (broken && dim.names(broken).length > 0) {
    // Reported with all extents, once.
    wanted(broken, span, c);
    return false;
  }
  if (broken) return refuse(`${shown(broken)} is no whole number`, "entries are counted");
  if (exceeds([], from)) {
    const help = `the last entry of n is n - 1: write [${dim.show(dim.add(extent, from))}]`;
    return refuse(`there is no entry ${shown(from)}`, "entries count from 0", help);
  }
  if (exceeds(to, extent)) {
    const last = dim.subtract(to, dim.constant(1));
    return refuse(`there is no entry ${shown(last)} among ${shown(extent)}`, "entries count from 0");
  }
  if (exceeds(to, from) === false)
    return refuse(`from ${shown(from)} to ${shown(to)} there is no entry`, "an end is not included");
  wanted(dim.subtract(to, from), span, c);
  return true;
}
