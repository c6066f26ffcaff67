import { operands } from "./type-of.ts";
import type { KExpr, Kernel, KStmt } from "./types.ts";

/** The expressions a statement holds itself, without those of statements inside it. */
export function expressionsOf(s: KStmt): readonly KExpr[] {
  switch (s.s) {
    case "let":
    case "var":
    case "register":
    case "assign":
      return [s.value];
    case "store":
      return [s.index, s.value];
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

/** Calls `visit` on every expression of a kernel, outer before inner. */
export function eachExpr(kernel: Kernel, visit: (e: KExpr) => void): void {
  const descend = (e: KExpr): void => {
    visit(e);
    operands(e).forEach(descend);
  };
  eachStmt(kernel.body, (s) => expressionsOf(s).forEach(descend));
}
