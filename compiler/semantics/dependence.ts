/** What a value of a cell's body depends on: that decides what may be said about its later time steps. */
import type { Op, Value } from "../ir/types.ts";
import type { StateStmt } from "../syntax/ast.ts";

export type Dependence =
  /** Parameters and constants only: the same at every step. */
  | { readonly kind: "constant" }
  /** Inputs, but no state: known for all steps before the first. */
  | { readonly kind: "step" }
  /** On this state, hence on all earlier steps. */
  | { readonly kind: "recurrent"; readonly state: StateStmt };

const rank = { constant: 0, step: 1, recurrent: 2 } as const;

/** The dependence of `value`, given that of the body's params, in a body whose ops so far are `ops`. */
export function dependenceOf(value: Value, ops: readonly Op[], params: ReadonlyMap<number, Dependence>): Dependence {
  const known = new Map(params);
  const of = (v: Value): Dependence => known.get(v.id) ?? { kind: "constant" };
  for (const op of ops) {
    const strongest = op.operands
      .map(of)
      .reduce<Dependence>((a, b) => (rank[b.kind] > rank[a.kind] ? b : a), { kind: "constant" });
    for (const r of op.results) known.set(r.id, strongest);
  }
  return of(value);
}
