/**
 * What a loop's states are to themselves: **elementwise**, if an entry of the next one reads no entry but its own of the one before, and
 * then **linear**, if it is affine in it, h' = a h + b, with a and b free of h. States that read each other are taken together. What is a
 * function of the step alone, or of states that do not wait for these, is as good as known.
 *
 * All of it follows from the op table: elementwise from what an op does along each axis, affine from its derivative, which must not depend
 * on what it is with respect to.
 */
import { Builder } from "../ir/builder.ts";
import { crossing, madeFrom, showCrossing, statesOf } from "../ir/elementwise-loops.ts";
import { type Origins, originsOf, showOp, showTerm } from "../ir/show-term.ts";
import type { Graph, Op, OpOf, Value } from "../ir/types.ts";
import { placed } from "../lower.ts";
import { coefficient, following, isAffine } from "../passes/linear-states.ts";
import { behind, definitions } from "../passes/rewrite.ts";
import { simplify } from "../passes/simplify.ts";

export type RecurrenceKind = "linear" | "elementwise" | "neither";

/** What some states of a loop are to themselves. */
export interface Recurrence {
  /** Their names in the cell. */
  readonly states: readonly string[];
  readonly kind: RecurrenceKind;
  /** Of a single linear state: what it is multiplied by. */
  readonly coefficient?: string;
  /** What keeps them from being more than that, in words. */
  readonly because?: string;
  /** The sites whose norms do, and what the states would be without. */
  readonly ended?: { readonly sites: readonly string[]; readonly was: RecurrenceKind };
}

/** The recurrences of each loop of an elaborated graph, in order. */
export function recurrences(graph: Graph): readonly (readonly Recurrence[])[] {
  const found = recurrencesOf(graph);
  if (graph.norms.size === 0) return found;
  const bare = recurrencesOf({ ...graph, norms: new Map() });
  const sites = sitesInLoops(graph);
  return found.map((loop, i) =>
    loop.map((recurrence) => {
      // The states of a norm are none of the cell's.
      const without = bare[i].find(({ states }) => states.some((name) => recurrence.states.includes(name)));
      if (without === undefined || rank(without) <= rank(recurrence)) return recurrence;
      const ending = sites.filter((site) => {
        const alone = recurrencesOf({ ...graph, norms: new Map([[site, graph.norms.get(site)!]]) });
        const same = alone[i].find(({ states }) => states.some((name) => without.states.includes(name)));
        return same !== undefined && rank(same) < rank(without);
      });
      return { ...recurrence, ended: { sites: ending, was: without.kind } };
    }),
  );
}

const rank = ({ kind }: Recurrence): number => ["neither", "elementwise", "linear"].indexOf(kind);

/** The normalized sites in the bodies of loops. */
const sitesInLoops = ({ ops, norms }: Graph): readonly string[] =>
  ops.flatMap(({ body }) =>
    (body?.ops ?? []).flatMap((op) => (op.op === "site" && norms.has(op.attrs.name) ? [op.attrs.name] : [])),
  );

function recurrencesOf(graph: Graph): readonly (readonly Recurrence[])[] {
  const whole = placed(graph, "train");
  const defs = definitions(whole.ops);
  return whole.ops.flatMap((op) => (op.op === "scan" ? [ofScan(op, originsOf(op, defs))] : []));
}

function ofScan(scan: OpOf<"scan">, from: Origins): readonly Recurrence[] {
  return together(scan).map((states): Recurrence => {
    const body = scan.body!;
    const params = statesOf(scan);
    const names = states.map(({ name }) => name);
    const next = states.map((v) => body.results[params.indexOf(v)]);
    const needed = behind(body.ops, next);
    const own = body.ops.filter((op) => needed.has(op));
    const found = crossing(scan, own, states);
    if (found) return { states: names, kind: "neither", because: showCrossing(found, from) };
    const made = madeFrom(body, states);
    const curved = own.find((op) => !isAffine(op, made));
    if (curved)
      return {
        states: names,
        kind: "elementwise",
        because: `\`${showOp(curved, from)}\` is not linear in ${names.join(" and ")}`,
      };
    if (states.length > 1) return { states: names, kind: "linear" };
    return { states: names, kind: "linear", coefficient: coefficientOf(states[0], next[0], own, made, from) };
  });
}

/** The states of a loop in groups: those of a group are computed from each other. */
function together(scan: OpOf<"scan">): readonly (readonly Value[])[] {
  const body = scan.body!;
  const params = statesOf(scan);
  const sees = params.map((p) => {
    const made = madeFrom(body, [p]);
    return params.map((_, i) => made.has(body.results[i]));
  });
  // What a state is read for, also by way of others.
  for (const k of params.keys())
    for (const i of params.keys()) for (const j of params.keys()) sees[i][j] ||= sees[i][k] && sees[k][j];
  const done = new Set<number>();
  return params.flatMap((_, i) => {
    if (done.has(i)) return [];
    const group = params.filter((_, j) => i === j || (sees[i][j] && sees[j][i]));
    for (const v of group) done.add(params.indexOf(v));
    return [group];
  });
}

/** The coefficient of a linear state, in words. */
function coefficientOf(state: Value, next: Value, ops: readonly Op[], made: ReadonlySet<Value>, from: Origins): string {
  const b = new Builder(following(ops));
  const value = coefficient(b, state, next, ops, made);
  return value === undefined ? "0" : showTerm(...simplified(value, b, from));
}

/** A value that a builder has computed of others, in the simplest form, with what those others are. */
function simplified(value: Value, b: Builder, from: Origins): readonly [Value, Origins] {
  const made = new Set(b.ops.flatMap((op) => op.results));
  const outer = [...new Set(b.ops.flatMap((op) => op.operands))].filter((v) => !made.has(v));
  const leaves = outer.map(
    (v, i): Op => ({
      op: "leaf",
      operands: [],
      attrs: { leaf: { kind: "input", name: String(i) }, type: v.type },
      results: [v],
    }),
  );
  const graph: Graph = {
    name: "coefficient",
    ops: [...leaves, ...b.ops],
    results: [{ kind: "output", name: "a", value }],
    norms: new Map(),
  };
  const simple = simplify.run(graph);
  const defs = definitions(simple.ops);
  const outside = (v: Value): Value | undefined => {
    const op = defs.get(v);
    const of = op?.op === "leaf" && op.attrs.leaf.kind === "input" ? outer[Number(op.attrs.leaf.name)] : undefined;
    return of === v ? undefined : of;
  };
  return [
    simple.results[0].value,
    {
      op: (v) => (outside(v) === undefined ? (defs.get(v) ?? from.op(v)) : undefined),
      sequence: (v) => outside(v) ?? from.sequence(v),
    },
  ];
}
