/**
 * Chooses which values of a scan's body its backward body finds saved, and which it computes again.
 *
 * A saved value is written at its step and read at that step on the way back: bytes to memory and from it, since a sequence is
 * longer than any cache. A value that is computed again costs its flops, and what it is made of must be there. Of all ways to
 * have what is needed the cheapest is taken, exactly: as a minimum cut. On a tie a value is saved.
 *
 * Only what is computed element by element is computed again. A product, a sum or a maximum looks across elements that other
 * workgroups own: again, it would put a kernel more, or a barrier, into every step back. And what is centred by a statistic is
 * kept: seen as a difference, the sums over it would be taken apart, into one more sum and terms that cancel.
 */
import * as dim from "../ir/dim.ts";
import { rowOf } from "../ir/ops.ts";
import type { Bindings } from "../ir/tensor.ts";
import type { Block, Op, Value } from "../ir/types.ts";
import { cheapestChoice, type Implication } from "./min-cut.ts";
import { definitions } from "./rewrite.ts";

/** Of a dimension that nobody gave a size: the choice hangs on ratios, those of examples to one above all. */
const USUAL = 64;

/**
 * A byte to or from memory costs as much as this many flops. A core does some 10 GFLOP/s of elementwise work in 128-bit
 * vectors, loads and stores included, and moves some 10 GB/s; a GPU has twenty flops for each byte, but waits for neither here.
 */
const FLOPS_PER_BYTE = 1;
/** Where memory is short: more than any chain of ops costs. */
export const DEAR_BYTE = 1e6;
const FLOAT = 4;

export interface SaveProblem {
  readonly body: Block;
  /** How many of the body's parameters are states. */
  readonly states: number;
  /** Values of the body that the backward body uses. */
  readonly needed: ReadonlySet<Value>;
  readonly extents: Bindings;
  /** What a byte costs, in flops, if not what it usually does. */
  readonly byte?: number;
}

export interface Saved {
  /** Parameters and values that the backward body gets. */
  readonly kept: ReadonlySet<Value>;
  /** Ops that it repeats. */
  readonly again: ReadonlySet<Op>;
}

/** Flops an element, or undefined for what is not computed again. */
function flopsOf(op: Op, defs: ReadonlyMap<Value, Op>): number | undefined {
  const { type } = op.results[0];
  const isStatistic = (v: Value): boolean =>
    defs.has(v) &&
    defs.get(v)!.op !== "const" &&
    ((type.batch && !v.type.batch) || v.type.shape.length < type.shape.length);
  return isShift(op) && op.operands.some(isStatistic) ? undefined : rowOf(op.op).recompute;
}

const isShift = (op: Op): boolean => op.op === "add" || op.op === "sub";

export function save({ body, states, needed, extents, byte = FLOPS_PER_BYTE }: SaveProblem): Saved {
  const defs = definitions(body.ops);
  const params = new Set(body.params);
  const own = (v: Value): boolean => params.has(v) || defs.has(v);
  const elements = (v: Value): number =>
    [...(v.type.batch ? [dim.variable("batch")] : []), ...v.type.shape].reduce((n, d) => n * size(d, extents), 1);
  // A state that is kept anyway has a frame for every step: the next step's is there as well, and only read.
  const stays = new Set(body.results.filter((_, i) => i < states && needed.has(body.params[i])));
  const inputs = new Set(body.params.slice(states));
  const bytes = (v: Value): number => FLOAT * elements(v) * (stays.has(v) || inputs.has(v) ? 1 : 2);

  // Nodes: a value that is to be had, an op that is repeated.
  const implications: Implication<Value | Op | "all" | "none">[] = [];
  for (const v of needed) implications.push({ from: "all", to: v, cost: Number.POSITIVE_INFINITY });
  for (const v of params) implications.push({ from: v, to: "none", cost: bytes(v) * byte });
  for (const op of body.ops) {
    const flops = flopsOf(op, defs);
    for (const v of op.results)
      implications.push({ from: v, to: flops === undefined ? "none" : op, cost: bytes(v) * byte });
    if (flops === undefined) continue;
    implications.push({ from: op, to: "none", cost: flops * elements(op.results[0]) });
    for (const v of op.operands) if (own(v)) implications.push({ from: op, to: v, cost: Number.POSITIVE_INFINITY });
  }
  const chosen = cheapestChoice<Value | Op | "all" | "none">("all", "none", implications);
  const again = new Set(body.ops.filter((op) => chosen.has(op)));
  const had = [...needed, ...body.params, ...body.ops.flatMap((op) => op.results)].filter((v) => chosen.has(v));
  return { again, kept: new Set(had.filter((v) => !again.has(defs.get(v)!))) };
}

function size(d: dim.Dim, extents: Bindings): number {
  return dim.evaluate(d, { ...Object.fromEntries(dim.names(d).map((name) => [name, USUAL])), ...extents });
}
