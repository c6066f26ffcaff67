/**
 * Rematerialisation: chooses which values of a scan's body are saved for its backward body, and which are recomputed.
 *
 * A saved value is written at its step and read at that step on the way back: bytes to memory and from it, since a sequence is
 * longer than any cache. A recomputed value costs its flops, and its operands must be available. The cheapest way to have
 * everything that is needed is found exactly, as a minimum cut. On a tie a value is saved.
 *
 * Only elementwise ops are recomputed. A product, a sum or a maximum reads elements that other workgroups own: recomputing it would
 * add a kernel, or a barrier, to every step of the backward loop. And what is centred by a statistic is saved: recomputed as a
 * difference, it would let `simplify` take the sums over it apart, into one more sum and terms that cancel.
 */
import * as dim from "../ir/dim.ts";
import { rowOf } from "../ir/ops.ts";
import { hasSteps, isSquare } from "../ir/steps.ts";
import type { Bindings } from "../ir/tensor.ts";
import type { Block, Op, Value } from "../ir/types.ts";
import { cheapestChoice, type Implication } from "./min-cut.ts";
import { definitions } from "./rewrite.ts";

/** The size of a dimension that is not given. The choice depends on ratios, above all that of examples to one. */
const USUAL = 64;

/**
 * A byte to or from memory costs as much as this many flops. A core does some 10 GFLOP/s of elementwise work in 128-bit
 * vectors, loads and stores included, and moves some 10 GB/s; a GPU has twenty flops for each byte, but waits for neither here.
 */
const FLOPS_PER_BYTE = 1;
/** For when memory is short: more than any chain of ops costs. */
export const DEAR_BYTE = 1e6;
const FLOAT = 4;
/** What has features at each of all steps, at every step, is worth so many times the flops of another value: it is large, and cold. */
const SQUARE = 16;

export interface SaveProblem {
  readonly body: Block;
  /** How many of the body's parameters are states. */
  readonly states: number;
  /** Values of the body that the backward body uses. */
  readonly needed: ReadonlySet<Value>;
  readonly extents: Bindings;
  /** The cost of a byte, in flops. Default: `FLOPS_PER_BYTE`. */
  readonly byte?: number;
}

export interface Saved {
  /** Parameters and values that the backward body gets. */
  readonly kept: ReadonlySet<Value>;
  /** Ops that it recomputes. */
  readonly again: ReadonlySet<Op>;
}

/** Flops per element, or undefined for ops that are not recomputed. */
function flopsOf(op: Op, defs: ReadonlyMap<Value, Op>): number | undefined {
  const { type } = op.results[0];
  const isStatistic = (v: Value): boolean =>
    defs.has(v) &&
    defs.get(v)!.op !== "const" &&
    // What is the same at each of all steps is no statistic of what differs.
    !(isSquare(type) && !hasSteps(v.type)) &&
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
  // A state that is saved anyway has a frame for every step: the next step's is there as well, and only needs to be read.
  const stays = new Set(body.results.filter((_, i) => i < states && needed.has(body.params[i])));
  const inputs = new Set(body.params.slice(states));
  const bytes = (v: Value): number =>
    FLOAT * elements(v) * (stays.has(v) || inputs.has(v) ? 1 : 2) * (isSquare(v.type) ? SQUARE : 1);

  // Nodes: a value that must be available, an op that is recomputed.
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
