/**
 * What a loop's states need of each other. In an elementwise loop, an entry of a state reads the entries of states at its own example and
 * feature and no others: whoever owns it needs nobody else from the first step to the last. All of it follows from the op table: from what
 * an op does along the axes of its operands.
 */
import { axesOf, rowOf } from "./ops.ts";
import { type Origins, originsOf, showOp, showTerm } from "./show-term.ts";
import { sameShape, showType } from "./type.ts";
import type { Block, Op, OpOf, Type, Value } from "./types.ts";

/** An op that reads entries of states other than its own, or the states themselves where they cannot be owned together. */
export type Crossing =
  | { readonly along: "batch" | "features"; readonly op: Op; readonly operand: Value }
  | { readonly along: "shapes"; readonly states: readonly [Value, Value] };

/** The values of a body that are made from some of its states, these included. */
export function madeFrom({ ops }: Block, states: readonly Value[]): ReadonlySet<Value> {
  const made = new Set(states);
  for (const op of ops) if (op.operands.some((v) => made.has(v))) for (const r of op.results) made.add(r);
  return made;
}

/**
 * The first thing that keeps a loop from being elementwise; undefined if it is. `states`: those that count, by default all; `needed`:
 * the ops of the body that count. A value that joins others is none of them where the loop only yields it.
 */
export function crossing(
  scan: OpOf<"scan">,
  needed: readonly Op[] = scan.body!.ops,
  states: readonly Value[] = statesOf(scan),
): Crossing | undefined {
  const body = scan.body!;
  const made = madeFrom(body, states);
  const joined = onlyYielded(body);
  for (const op of needed) {
    if (joined.has(op)) continue;
    const axes = axesOf(op);
    for (const [i, operand] of op.operands.entries()) {
      if (!made.has(operand)) continue;
      const { batch, features } = axes[i];
      const [y] = op.results;
      if (batch !== "parallel" || !y.type.batch) return { along: "batch", op, operand };
      const stays = features.every((along) => along === "parallel") && sameShape(operand.type.shape, y.type.shape);
      if (!stays || rowOf(op.op).form === "loop") return { along: "features", op, operand };
    }
  }
  const [first, ...others] = states;
  const other = others.find(({ type }) => !isAlike(type, first.type));
  return other && { along: "shapes", states: [first, other] };
}

/** The parameters of a scan's body that are its states. */
export const statesOf = (scan: OpOf<"scan">): readonly Value[] => scan.body!.params.slice(0, scan.attrs.states);

const isAlike = (a: Type, b: Type): boolean => a.batch === b.batch && sameShape(a.shape, b.shape);

/** Whether an op computes each element of its result on its own, or only says how others are read. */
export function isAtPoint(op: Op): boolean {
  const { form } = rowOf(op.op);
  return form === "point" || form === "view";
}

/** Joins that no op of the body reads: they say where their parts are stored. */
export function onlyYielded({ ops }: Block): ReadonlySet<Op> {
  const read = new Set(ops.flatMap((op) => op.operands));
  return new Set(ops.filter((op) => op.op === "concat" && !op.results.some((v) => read.has(v))));
}

/** What a crossing is, in words: "`h @ Wh` reads other units of h". */
export function showCrossing(found: Crossing, from: Origins): string {
  if (found.along === "shapes") {
    const [a, b] = found.states.map((v) => showTerm(v, from));
    return `the states ${a} and ${b} differ in shape`;
  }
  const { op, operand, along } = found;
  const term = `\`${showOp(op, from)}\``;
  const of = operand.name === "" ? "" : ` of ${showTerm(operand, from)}`;
  return along === "features" ? `${term} reads other units${of}` : `${term} combines examples${of}`;
}

/**
 * Why lanes cannot own single elements of a loop: its states are not elementwise, it computes something that is not computed at a
 * point, or it stores something that not each lane has an element of.
 */
export function refusalOfElements(scan: OpOf<"scan">, defs: ReadonlyMap<Value, Op>): string | undefined {
  const body = scan.body!;
  const { states } = scan.attrs;
  const origins = originsOf(scan, defs);
  if (states === 0) return "it has no state";
  const found = crossing(scan);
  if (found) return showCrossing(found, origins);
  const [{ type: space }] = body.params;
  if (!space.batch || space.shape.length === 0)
    return `${showTerm(body.params[0], origins)} has no entry for each example and unit`;
  const combined = body.ops.find((op) => !isAtPoint(op));
  if (combined) return `\`${showOp(combined, origins)}\` is computed in the loop, of more than an element`;
  const joins = onlyYielded(body);
  const stored = body.results.flatMap((v) => {
    const op = defs.get(v);
    return op && joins.has(op) ? op.operands : [v];
  });
  const isOwn = ({ type }: Value): boolean => type.batch && sameShape(type.shape, space.shape);
  const other = stored.find((v) => !isOwn(v));
  if (other) return `\`${showTerm(other, origins)}\` is ${showType(other.type)}, and the states are ${showType(space)}`;
  return undefined;
}
