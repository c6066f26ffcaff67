/** Rewrites the expressions of Kernel IR. */
import type { KExpr, KStmt } from "./types.ts";

/** The expression with `change` applied to every one inside it, operands first. */
export function mapExpr(e: KExpr, change: (e: KExpr) => KExpr): KExpr {
  const inner = (a: KExpr): KExpr => mapExpr(a, change);
  switch (e.k) {
    case "float":
    case "int":
    case "var":
    case "uniform":
    case "group":
    case "groupEnd":
    case "subgroupSize":
      return change(e);
    case "int2":
    case "compare":
    case "and":
      return change({ ...e, a: inner(e.a), b: inner(e.b) });
    case "math":
      return change({ ...e, args: e.args.map(inner) });
    case "fma":
      return change({ ...e, a: inner(e.a), b: inner(e.b), c: inner(e.c) });
    case "vec4": {
      const [a, b, c, d] = e.lanes;
      return change({ ...e, lanes: [inner(a), inner(b), inner(c), inner(d)] });
    }
    case "splat":
    case "across":
    case "joint":
    case "extract":
    case "toFloat":
    case "toInt":
      return change({ ...e, a: inner(e.a) });
    case "load":
      return change({ ...e, ...(e.frame && { frame: inner(e.frame) }), index: inner(e.index) });
    default:
      return e satisfies never;
  }
}

/** The statement with `change` applied to the expressions it holds itself, not to those of statements inside it. */
export function mapExprs(s: KStmt, change: (e: KExpr) => KExpr): KStmt {
  const to = (e: KExpr): KExpr => mapExpr(e, change);
  switch (s.s) {
    case "let":
    case "var":
    case "register":
    case "assign":
      return { ...s, value: to(s.value) };
    case "store":
      return { ...s, ...(s.frame && { frame: to(s.frame) }), index: to(s.index), value: to(s.value) };
    case "for":
      return { ...s, from: to(s.from), to: to(s.to) };
    case "if":
      return { ...s, condition: to(s.condition) };
    case "barrier":
    case "comment":
      return s;
    default:
      return s satisfies never;
  }
}
