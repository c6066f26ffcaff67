/** States that carry on what a norm has made of them, step after step. */
import type { Graph, Op, OpOf, Value } from "../ir/types.ts";
import { definedBy, definitions } from "../passes/rewrite.ts";

export interface Carried {
  /** Of the site. */
  readonly site: string;
  /** As the cell names it. */
  readonly state: string;
}

/**
 * The sites of `graph`, as elaborated, whose normalized value is the next value of a state that it is made of by sums and
 * elementwise products: c' = f c + i g, normalized, is what the next step's sum begins with. A state that comes through a
 * matrix or a nonlinearity is made anew in each step, and may well be normalized.
 */
export function carriedNorms({ ops, norms }: Graph): readonly Carried[] {
  const defs = definitions(ops);
  return ops
    .filter((op): op is OpOf<"scan"> => op.op === "scan")
    .flatMap(({ attrs: { states }, body }) =>
      body!.results.slice(0, states).flatMap((next, i): readonly Carried[] => {
        const site = definedBy(defs, unstretched(next, defs), "site");
        const state = body!.params[i];
        if (site === undefined || !norms.has(site.attrs.name) || !isPartOf(state, site.operands[0], defs)) return [];
        return [{ site: site.attrs.name, state: state.name }];
      }),
    );
}

function unstretched(v: Value, defs: ReadonlyMap<Value, Op>): Value {
  const op = defs.get(v);
  return op?.op === "broadcast" ? unstretched(op.operands[0], defs) : v;
}

/** Whether `v` is made of `state` by sums, elementwise products and their like. */
function isPartOf(state: Value, v: Value, defs: ReadonlyMap<Value, Op>): boolean {
  if (v === state) return true;
  const op = defs.get(v);
  if (op === undefined || op.op === "scan") return false;
  switch (op.op) {
    case "add":
    case "sub":
    case "neg":
    case "mul":
    case "broadcast":
    case "site":
    case "select":
      return op.operands.some((x) => isPartOf(state, x, defs));
    case "div":
      return isPartOf(state, op.operands[0], defs);
    default:
      return false;
  }
}
