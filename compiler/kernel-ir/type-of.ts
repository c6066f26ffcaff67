import type { FloatType, KExpr, KType } from "./types.ts";

/** The type that an expression claims to have; `verify.ts` checks its operands against it. */
export function typeOf(e: KExpr): KType {
  switch (e.k) {
    case "float":
    case "across":
    case "joint":
    case "extract":
    case "toFloat":
      return "f32";
    case "int":
    case "uniform":
    case "group":
    case "groupEnd":
    case "subgroupSize":
    case "int2":
    case "toInt":
      return "i32";
    case "compare":
    case "and":
      return "bool";
    case "splat":
    case "vec4":
      return "f32x4";
    case "var":
    case "math":
    case "fma":
    case "load":
      return e.type;
    default:
      return e satisfies never;
  }
}

/** Floats of a value. */
export const lanesOf = (type: FloatType): 1 | 4 => (type === "f32x4" ? 4 : 1);

/** The expressions directly inside one. */
export function operands(e: KExpr): readonly KExpr[] {
  switch (e.k) {
    case "float":
    case "int":
    case "var":
    case "uniform":
    case "group":
    case "groupEnd":
    case "subgroupSize":
      return [];
    case "int2":
    case "compare":
    case "and":
      return [e.a, e.b];
    case "math":
      return e.args;
    case "fma":
      return [e.a, e.b, e.c];
    case "vec4":
      return e.lanes;
    case "splat":
    case "across":
    case "joint":
    case "extract":
    case "toFloat":
    case "toInt":
      return [e.a];
    case "load":
      return e.frame ? [e.frame, e.index] : [e.index];
    default:
      return e satisfies never;
  }
}

/** Whether `test` holds of the expression or of anything inside it. */
export const someExpr = (e: KExpr, test: (e: KExpr) => boolean): boolean =>
  test(e) || operands(e).some((a) => someExpr(a, test));
