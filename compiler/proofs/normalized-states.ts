/** States that carry their own normalized value from step to step. */
import type { Graph, Op, OpOf, Value } from "../ir/types.ts";
import { definedBy, definitions } from "../passes/rewrite.ts";

export interface NormalizedState {
  /** The name of the site. */
  readonly site: string;
  /** The state's name in the cell. */
  readonly state: string;
}

/**
 * The sites of `graph`, as elaborated, whose normalized value is the next value of a state from which it is computed by sums and
 * elementwise products: c' = f c + i g, once normalized, enters the next step's sum. A state that goes through a matrix or a
 * nonlinearity is computed afresh in each step, and may well be normalized.
 */
export function normalizedStates({ ops, norms }: Graph): readonly NormalizedState[] {
  const defs = definitions(ops);
  return ops
    .filter((op): op is OpOf<"scan"> => op.op === "scan")
    .flatMap(({ attrs: { states }, body }) =>
      body!.results.slice(0, states).flatMap((next, i): readonly NormalizedState[] => {
        const site = definedBy(defs, withoutBroadcasts(next, defs), "site");
        const state = body!.params[i];
        if (site === undefined || !norms.has(site.attrs.name) || !isPartOf(state, site.operands[0], defs)) return [];
        return [{ site: site.attrs.name, state: state.name }];
      }),
    );
}

function withoutBroadcasts(v: Value, defs: ReadonlyMap<Value, Op>): Value {
  const op = defs.get(v);
  return op?.op === "broadcast" ? withoutBroadcasts(op.operands[0], defs) : v;
}

/** Whether `v` is computed from `state` by sums, elementwise products and the like. */
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
