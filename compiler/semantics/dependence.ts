/** What a value of a cell's body depends on, which decides whether its later time steps are known in advance. */
import type { Op, Value } from "../ir/types.ts";
import type { StateStmt } from "../syntax/ast.ts";

export type Dependence =
  /** Parameters and constants only: the same at every step. */
  | { readonly kind: "constant" }
  /** Inputs, but no state: known for all steps before the first. */
  | { readonly kind: "step" }
  /** This state, hence all earlier steps. */
  | { readonly kind: "recurrent"; readonly state: StateStmt };

const rank = { constant: 0, step: 1, recurrent: 2 } as const;

/** The dependences of a body's values, while its ops are being added. */
export class Dependences {
  private readonly ops: readonly Op[];
  private readonly known = new Map<number, Dependence>();
  /** How many of the ops have been visited. */
  private seen = 0;

  constructor(ops: readonly Op[]) {
    this.ops = ops;
  }

  /** Sets what a parameter of the body depends on. */
  declare(param: Value, dependence: Dependence): void {
    this.known.set(param.id, dependence);
  }

  of(value: Value): Dependence {
    const known = (v: Value): Dependence => this.known.get(v.id) ?? { kind: "constant" };
    for (; this.seen < this.ops.length; this.seen++) {
      const op = this.ops[this.seen];
      const strongest = op.operands
        .map(known)
        .reduce<Dependence>((a, b) => (rank[b.kind] > rank[a.kind] ? b : a), { kind: "constant" });
      for (const r of op.results) this.known.set(r.id, strongest);
    }
    return known(value);
  }
}

/** What `marks` says of a value that `value` is computed from, if there is one. `ops`: the block that computes it. */
export function dependsOn<T>(value: Value, ops: readonly Op[], marks: ReadonlyMap<Value, T>): T | undefined {
  const defs = new Map(ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
  const seen = new Set<Value>();
  const open = [value];
  for (let v = open.pop(); v !== undefined; v = open.pop()) {
    if (marks.has(v)) return marks.get(v);
    if (seen.has(v)) continue;
    seen.add(v);
    const op = defs.get(v);
    if (op === undefined) continue;
    open.push(...op.operands);
    // A body reads values of the block around it.
    for (const inner of op.body?.ops ?? []) open.push(...inner.operands);
  }
  return undefined;
}

/** Whether each example's part of `value` is one of its group of examples: it reads others' only by sums over groups. */
export function isOfGroups(value: Value, ops: readonly Op[]): boolean {
  const defs = new Map(ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
  const shared = (v: Value): boolean => {
    const op = defs.get(v);
    if (!v.type.batch || op?.op === "group_sum") return true;
    // Of statistics, which are of groups themselves.
    if (op?.op === "stat") return true;
    return op !== undefined && op.op !== "leaf" && op.operands.length > 0 && op.operands.every(shared);
  };
  return shared(value);
}
