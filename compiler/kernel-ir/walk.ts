import { operands } from "./type-of.ts";
import type { KExpr, KStmt } from "./types.ts";

/** The expressions a statement holds itself, without those of statements inside it. */
export function expressionsOf(s: KStmt): readonly KExpr[] {
  switch (s.s) {
    case "let":
    case "var":
    case "register":
    case "assign":
      return [s.value];
    case "store":
      return [...(s.frame ? [s.frame] : []), s.index, s.value];
    case "for":
      return [s.from, s.to];
    case "if":
      return [s.condition];
    case "barrier":
    case "comment":
      return [];
    default:
      return s satisfies never;
  }
}

/** Calls `visit` on every statement, outer before inner, in text order. */
export function eachStmt(body: readonly KStmt[], visit: (s: KStmt) => void): void {
  for (const s of body) {
    visit(s);
    if (s.s === "for") eachStmt(s.body, visit);
    else if (s.s === "if") {
      eachStmt(s.then, visit);
      eachStmt(s.else, visit);
    }
  }
}

/** Calls `visit` on an expression and on every one inside it, outer before inner. */
export function eachInside(e: KExpr, visit: (e: KExpr) => void): void {
  visit(e);
  for (const operand of operands(e)) eachInside(operand, visit);
}

/** Calls `visit` on every expression of these statements, outer before inner. */
export function eachExpr(body: readonly KStmt[], visit: (e: KExpr) => void): void {
  eachStmt(body, (s) => {
    for (const e of expressionsOf(s)) eachInside(e, visit);
  });
}
