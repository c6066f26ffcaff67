/** Builds Kernel IR expressions with constant folding, so that generated code reads as if a person had written it. */
import type { CompareOp, IntOp, KExpr, KType, Memory } from "./types.ts";

/** What a load reads, or a store writes. */
export interface Place {
  readonly memory: Memory;
  readonly frame?: KExpr;
  readonly index: KExpr;
}

export const int = (value: number): KExpr => ({ k: "int", value });
export const float = (value: number): KExpr => ({ k: "float", value });
export const variable = (name: string, type: KType): KExpr => ({ k: "var", name, type });
export const uniform = (name: "t" | "T"): KExpr => ({ k: "uniform", name });

const value = (e: KExpr): number | undefined => (e.k === "int" ? e.value : undefined);
const fold: Record<IntOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => Math.trunc(a / b),
  rem: (a, b) => a % b,
  min: Math.min,
  max: Math.max,
};

function int2(op: IntOp, a: KExpr, b: KExpr): KExpr {
  const [x, y] = [value(a), value(b)];
  if (x !== undefined && y !== undefined) return int(fold[op](x, y));
  return { k: "int2", op, a, b };
}

export function add(a: KExpr, b: KExpr): KExpr {
  if (value(a) === 0) return b;
  if (value(b) === 0) return a;
  // Constants are moved to the end, where a target can turn them into an address offset.
  if (value(a) !== undefined && value(b) === undefined) return add(b, a);
  if (a.k === "int2" && a.op === "add" && value(a.b) !== undefined) {
    const rest = value(b) !== undefined ? a.a : add(a.a, b);
    return add(rest, value(b) !== undefined ? int2("add", a.b, b) : a.b);
  }
  if (b.k === "int2" && b.op === "add" && value(b.b) !== undefined) return add(add(a, b.a), b.b);
  return int2("add", a, b);
}

export function sub(a: KExpr, b: KExpr): KExpr {
  const y = value(b);
  return y !== undefined ? add(a, int(-y)) : int2("sub", a, b);
}

export function mul(a: KExpr, b: KExpr): KExpr {
  if (value(a) === 0 || value(b) === 0) return int(0);
  if (value(a) === 1) return b;
  if (value(b) === 1) return a;
  return int2("mul", a, b);
}

export function div(a: KExpr, b: KExpr): KExpr {
  return value(b) === 1 ? a : int2("div", a, b);
}

export function rem(a: KExpr, b: KExpr): KExpr {
  return value(b) === 1 ? int(0) : int2("rem", a, b);
}

export const min = (a: KExpr, b: KExpr): KExpr => int2("min", a, b);

export const max = (a: KExpr, b: KExpr): KExpr => int2("max", a, b);

export const sum = (terms: readonly KExpr[]): KExpr => terms.reduce(add, int(0));

export const compare = (op: CompareOp, a: KExpr, b: KExpr): KExpr => ({ k: "compare", op, a, b });

export const load = (memory: Memory, index: KExpr, type: "f32" | "f32x4"): KExpr => ({
  k: "load",
  memory,
  index,
  type,
});

export const loadFrom = (place: Place, type: "f32" | "f32x4"): KExpr => ({ k: "load", ...place, type });

/** The value of an integer expression that is a constant. */
export const known = value;
