/** Compile-time expressions: extents, shapes, and the numbers of initialisers. */
import type { Span } from "../diagnostics/span.ts";
import * as dim from "../ir/dim.ts";
import { brokenExtent, wholeExtent } from "../ir/whole.ts";
import type { Expr, Shape } from "../syntax/ast.ts";
import { ownShape } from "./all-steps.ts";
import { type Context, type World, wanted } from "./context.ts";
import { describe, evaluate, numberArithmetic, resolveName } from "./expressions.ts";
import { isNumber } from "./finite.ts";
import { type Meaning, spell } from "./scope.ts";

/** The value of an extent under the known numbers; undefined if a name in it has none. */
export function extentOf(d: dim.Dim, numbers: World["numbers"]): number | undefined {
  return dim.names(d).every((n) => Object.hasOwn(numbers, n)) ? dim.evaluate(d, numbers) : undefined;
}

/** `meaning` as an extent, if it is one. */
export function asDim(m: Meaning): dim.Dim | undefined {
  if (m.kind === "dim") return m.dim;
  return m.kind === "number" && Number.isSafeInteger(m.number) ? dim.constant(m.number) : undefined;
}

/** The extent that `e` means, recorded for the check against the bound numbers. Undefined after a report. */
export function dimension(e: Expr, c: Context): dim.Dim | undefined {
  const meaning = evaluate(e, c);
  if (meaning.kind === "poison") return undefined;
  const d = asDim(meaning);
  const number = d && dim.asNumber(d);
  if (d === undefined || (number !== undefined && !isExtent(number))) {
    c.problems.error("C0222", e.span, `${describe(meaning)} is not an extent`, {
      label: "an extent is a positive whole number, or made of dimensions",
      help: "write a dimension, a number, or a sum, product or quotient of them: 4H, D + H, H / 4",
    });
    return undefined;
  }
  wanted(d, e.span, c);
  return d;
}

/** The most parts of a `split` or `blocks`: many more than a cell has gates, few enough for any graph. */
export const maxParts = 1024;

/**
 * Whether an extent is computed exactly, and short enough for a real shape: none has an extent with more terms or higher powers, and
 * multiplied out they would grow without bound.
 */
export const isExact = (d: dim.Dim): boolean =>
  d.length <= 32 &&
  d.every((t) => t.vars.length + t.under.length <= 16 && Number.isSafeInteger(t.num) && Number.isSafeInteger(t.den));

export const isExtent = (n: number): boolean => Number.isSafeInteger(n) && n > 0;

/** A shape `[D, 4H]`, or that of the value after `like`. Undefined after a report. */
export function shapeOf(shape: Shape, c: Context): readonly dim.Dim[] | undefined {
  if (shape.kind === "shape") {
    const dims = shape.dims.map((d) => dimension(d, c));
    return dims.every((d) => d !== undefined) ? dims : undefined;
  }
  const meaning = resolveName(shape.name, c);
  if (meaning.kind === "value") return ownShape(meaning.value.type);
  if (meaning.kind === "poison") return undefined;
  if (meaning.kind === "number" || meaning.kind === "dim") return [];
  c.problems.error("C0222", shape.span, `${describe(meaning)} has no shape`);
  return undefined;
}

/** Whether `e` is made of numbers, dimensions and functions of them alone, so that `numeric` can compute it. */
export function isConstant(e: Expr, c: Context): boolean {
  switch (e.kind) {
    case "number":
      return true;
    case "unary":
      return isConstant(e.operand, c);
    case "binary":
      return numberArithmetic[e.op] !== undefined && isConstant(e.left, c) && isConstant(e.right, c);
    case "call":
      return Object.hasOwn(functions, e.callee.text) && e.args.length === 1 && isConstant(e.args[0].value, c);
    case "name": {
      const kind = c.scope.find(spell(e.name))?.meaning.kind;
      return kind === undefined ? spell(e.name) === "pi" : kind === "number" || kind === "dim" || kind === "poison";
    }
    default:
      return false;
  }
}

/** A compile-time number; a dimension is its bound number. Undefined after a report. */
export function numeric(e: Expr, c: Context): number | undefined {
  const n = numberOf(e, c);
  return n === undefined || isNumber(n, e.span, c) ? n : undefined;
}

function numberOf(e: Expr, c: Context): number | undefined {
  switch (e.kind) {
    case "number":
      return e.value;
    case "unary": {
      const x = numeric(e.operand, c);
      if (x === undefined) return undefined;
      return e.op === "not" ? Number(x === 0) : -x;
    }
    case "binary": {
      const f = numberArithmetic[e.op];
      if (f === undefined) return notConstant(e.span, c);
      const a = numeric(e.left, c);
      const b = numeric(e.right, c);
      return a === undefined || b === undefined ? undefined : f(a, b);
    }
    case "call": {
      const f = Object.hasOwn(functions, e.callee.text) ? functions[e.callee.text] : undefined;
      if (f === undefined || e.args.length !== 1) return notConstant(e.span, c);
      const x = numeric(e.args[0].value, c);
      return x === undefined ? undefined : f(x);
    }
    case "name": {
      const m = resolveName(e.name, c);
      if (m.kind === "number") return m.number;
      // In a mere check, an unbound dimension may be any number; 1 does no harm to messages.
      if (m.kind === "dim") return extentOf(m.dim, c.world.numbers) ?? 1;
      return m.kind === "poison" ? undefined : notConstant(e.span, c);
    }
    case "string":
    case "list":
    case "part":
    case "member":
    case "scan":
      return notConstant(e.span, c);
    default:
      return e satisfies never;
  }
}

const functions: Readonly<Record<string, (x: number) => number>> = {
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  abs: Math.abs,
};

function notConstant(span: Span, c: Context): undefined {
  c.problems.error("C0222", span, "this number must be known while compiling", {
    label: "not a constant",
    help: "use numbers, dimensions, + - * / ^, sqrt, exp, log and abs",
  });
  return undefined;
}

/** Checks, once the numbers are known, that every extent in the text is a positive whole number. Each is reported once. */
export function checkExtents(world: World): void {
  const reported = new Set<string>();
  for (const { dim: d, span, expansions } of world.extents) {
    const n = extentOf(d, world.numbers);
    if (n === undefined || isExtent(n) || reported.has(dim.show(d))) continue;
    reported.add(dim.show(d));
    world.problems.inside(expansions, () =>
      world.problems.error("C0217", span, `the extent ${brokenExtent(d, world.numbers)}`, {
        label: "not a positive whole number",
        help: wholeExtent(d, world.numbers),
      }),
    );
  }
}
