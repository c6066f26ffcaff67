/**
 * Finds the axes over which the loss and the metrics are means, so that they can be averaged over batches.
 *
 * A loss at each step is a mean over the valid steps of all examples; a loss of the whole sequence is a mean over examples. Batches are
 * then weighted by their steps or by their examples. A loss that is a sum of both kinds is split into its terms. Anything that cannot
 * be shown to be a mean of per-example values (a maximum over examples, a ratio of sums) can be evaluated on a single batch only.
 */

import type { Over } from "../../runtime/plan.ts";
import type { Along } from "../ir/ops/row.ts";
import { axesOf, extentsIn } from "../ir/ops.ts";
import type { Graph, Op, Result, Value } from "../ir/types.ts";
import { placed } from "../lower.ts";
import { type Definitions, definedBy, definitions } from "../passes/rewrite.ts";

/** `graph`, as elaborated, with `over` set for loss and metrics, and one result per term of a loss that mixes means over different axes. */
export function withMeanAxes(graph: Graph): Graph {
  const loss = graph.results.find(({ kind }) => kind === "loss");
  const terms = loss ? addends(loss.value, definitions(graph.ops)) : [];
  const measures = graph.results.filter(({ kind }) => kind === "metric");
  const known = meanAxesOf(graph, [...terms, ...measures.map(({ value }) => value)]);
  const ofTerms = new Set(known.slice(0, terms.length).filter((over) => over !== "alike"));
  const [first] = ofTerms;
  const mixed = ofTerms.size > 1 && !ofTerms.has(undefined);
  const ofLoss = ofTerms.size > 1 ? undefined : ofTerms.size === 0 ? "alike" : first;
  const results = graph.results.map((result): Result => {
    if (result === loss) return said(result, ofLoss);
    const at = measures.indexOf(result);
    return at < 0 ? result : said(result, known[terms.length + at]);
  });
  const parts = mixed
    ? terms.map((value, i) => said({ kind: "loss_term", name: `loss/${i + 1}`, value }, known[i]))
    : [];
  return { ...graph, results: [...results, ...parts] };
}

/** `alike`: the same number for every batch, so that weights do not matter. */
type MeanOver = Over | "alike" | undefined;

const said = (result: Result, average: MeanOver): Result =>
  average === undefined ? result : { ...result, over: average === "alike" ? "examples" : average };

/** The addends of a sum, in order. */
function addends(sum: Value, defs: Definitions): readonly Value[] {
  const found: Value[] = [];
  const open = [sum];
  for (let v = open.pop(); v !== undefined; v = open.pop()) {
    const add = definedBy(defs, v, "add");
    if (add) open.push(...add.operands.toReversed());
    else found.push(v);
  }
  return found;
}

/** What each of `values` is a mean over at inference, where population statistics keep examples independent of each other. */
function meanAxesOf(graph: Graph, values: readonly Value[]): readonly MeanOver[] {
  if (values.length === 0) return [];
  const asked = values.map((value, i): Result => ({ kind: "output", name: `${i}`, value }));
  const whole = placed({ ...graph, results: asked }, "infer");
  const defs = definitions(whole.ops);
  return whole.results.map(({ value }) => meanAxisOf(value, defs));
}

function meanAxisOf(v: Value, defs: Definitions): MeanOver {
  const { time, batch } = v.type;
  if (time || batch) return undefined;
  const mean = countedMean(defs.get(v), defs);
  if (mean?.type.batch) return isPerExample(mean, defs) ? (mean.type.time ? "steps" : "examples") : undefined;
  return isPerExample(v, defs) ? "alike" : undefined;
}

/** x, if `op` divides the sum of x over all its examples and steps by their number, and perhaps by a number of features. */
function countedMean(op: Op | undefined, defs: Definitions): Value | undefined {
  if (op?.op !== "div") return undefined;
  const sum = definedBy(defs, op.operands[0], "sum");
  const count = definedBy(defs, op.operands[1], "const");
  if (sum === undefined || count === undefined) return undefined;
  const [x] = sum.operands;
  const { axes } = sum.attrs;
  const counts = (axis: string): number => count.attrs.dims.filter((d) => d === axis).length;
  const each = (has: boolean, summed: boolean, axis: string): boolean => has === summed && counts(axis) === Number(has);
  return each(x.type.batch, axes.batch, "batch") && each(x.type.time, axes.time, "time") ? x : undefined;
}

/** Whether each example's part of `v` depends on that example and its own steps alone, whatever else is in the batch. */
function isPerExample(v: Value, defs: Definitions): boolean {
  const seen = new Set<Value>();
  const open = [v];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const op = defs.get(value);
    if (op === undefined) continue;
    if (!keepsExamplesApart(op)) return false;
    // The second operand, which divides a sum over time or says how many steps to reverse, is then each example's own length.
    const counted = op.op === "reverse" || isMeanOverTime(op, defs);
    open.push(...(counted ? [op.operands[0]] : op.operands), ...(op.body?.results ?? []));
  }
  return true;
}

/** Whether no result of `op` for an example depends on other examples or on their lengths. */
function keepsExamplesApart(op: Op): boolean {
  // The ops of its body are checked on their own.
  if (op.op === "scan") return true;
  if (op.op === "leaf") {
    const { leaf, type } = op.attrs;
    return (leaf.kind !== "input" && leaf.kind !== "index") || type.batch;
  }
  const extents = extentsIn(op);
  if (extents.has("batch") || extents.has("time")) return false;
  const stays = (along: Along): boolean => along === "parallel" || along === "broadcast";
  // Of a value that all examples share, the longest example decides which steps there are.
  return axesOf(op).every(({ batch, time }, i) => {
    const { type } = op.operands[i];
    return stays(batch) && (stays(time) || !type.time || type.batch);
  });
}

/** Whether `op` is the mean of each example over its own steps. */
function isMeanOverTime(op: Op, defs: Definitions): boolean {
  if (op.op !== "div") return false;
  const sum = definedBy(defs, op.operands[0], "sum");
  const count = definedBy(defs, op.operands[1], "const");
  if (!sum?.attrs.axes.time || sum.attrs.axes.batch || !sum.operands[0].type.batch || !count) return false;
  const { dims } = count.attrs;
  return !dims.includes("batch") && dims.filter((d) => d === "time").length === 1;
}
