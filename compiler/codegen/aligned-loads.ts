/**
 * A texture is read a texel at a time: four floats, from a multiple of four on. Loads of four neighbours that may begin elsewhere
 * become four loads.
 */
import * as x from "../kernel-ir/expr.ts";
import { mapExprs } from "../kernel-ir/rewrite.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";

/** The same statements, in which every load of four floats begins at a multiple of four. */
export const alignedLoads = (body: readonly KStmt[]): readonly KStmt[] => inBlock(body, new Set());

/** `fours` are the variables in scope that are always a multiple of four. */
function inBlock(body: readonly KStmt[], outer: ReadonlySet<string>): readonly KStmt[] {
  const fours = new Set(outer);
  return body.map((s): KStmt => {
    const own = mapExprs(s, (e) => aligned(e, fours));
    if (own.s === "let" && own.type === "i32" && isMultiple(own.value, fours)) fours.add(own.name);
    if (own.s === "for") {
      const steps = isMultiple(own.from, fours) && own.step % 4 === 0;
      return { ...own, body: inBlock(own.body, steps ? new Set([...fours, own.name]) : fours) };
    }
    if (own.s === "if") return { ...own, then: inBlock(own.then, fours), else: inBlock(own.else, fours) };
    return own;
  });
}

function aligned(e: KExpr, fours: ReadonlySet<string>): KExpr {
  if (e.k !== "load" || e.type !== "f32x4" || isMultiple(e.index, fours)) return e;
  const lane = (i: number): KExpr => ({ ...e, index: x.add(e.index, x.int(i)), type: "f32" });
  return { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] };
}

/** Whether an integer is a multiple of four, as far as its text tells. */
function isMultiple(e: KExpr, fours: ReadonlySet<string>): boolean {
  switch (e.k) {
    case "int":
      return e.value % 4 === 0;
    case "var":
      return fours.has(e.name);
    case "int2":
      if (e.op === "mul") return isMultiple(e.a, fours) || isMultiple(e.b, fours);
      if (e.op === "div") return false;
      if (e.op === "rem") return isMultiple(e.a, fours) && isMultiple(e.b, fours);
      return isMultiple(e.a, fours) && isMultiple(e.b, fours);
    default:
      return false;
  }
}
