/**
 * Finds the axes over which the loss and the metrics are means, so that they can be averaged over batches.
 *
 * A loss at each step is a mean over the valid steps of all examples; a loss of the whole sequence is a mean over examples. Batches are
 * then weighted by their steps or by their examples. A loss that is a sum of both kinds is split into its terms. Anything that cannot
 * be shown to be a mean of per-example values (such as a maximum over examples) can be evaluated on a single batch only.
 *
 * A ratio of two sums over examples, Σ wx / Σ w, is a mean, too: batches are weighted by their Σ w, which becomes a result of its own.
 */

import type { Over } from "../../runtime/plan.ts";
import type { Along } from "../ir/ops/row.ts";
import { axesOf, extentsIn } from "../ir/ops.ts";
import { axesOfInputs, TimeAxes } from "../ir/time-axes.ts";
import type { Graph, Op, Result, Value } from "../ir/types.ts";
import { placed } from "../lower.ts";
import { type Definitions, definedBy, definitions } from "../passes/rewrite.ts";

/** `graph`, as elaborated, with `over` set for loss and metrics, and one result per term of a loss that mixes means over different axes. */
export function withMeanAxes(graph: Graph): Graph {
  const loss = graph.results.find(({ kind }) => kind === "loss");
  const terms = loss ? addends(loss.value, definitions(graph.ops)) : [];
  const measures = graph.results.filter(({ kind }) => kind === "metric");
  const known = meanAxesOf(graph, [...terms, ...measures.map(({ value }) => value)]);
  const ofTerms = new Map(
    known.slice(0, terms.length).flatMap((mean) => (mean === "alike" ? [] : [[nameOf(mean), mean] as const])),
  );
  const [first] = ofTerms.values();
  const mixed = ofTerms.size > 1 && !ofTerms.has("");
  const ofLoss = ofTerms.size > 1 ? undefined : ofTerms.size === 0 ? "alike" : first;
  const results = graph.results.flatMap((result): readonly Result[] => {
    if (result === loss) return said(result, ofLoss);
    const at = measures.indexOf(result);
    return at < 0 ? [result] : said(result, known[terms.length + at]);
  });
  const parts = mixed
    ? terms.flatMap((value, i) => said({ kind: "loss_term", name: `loss/${i + 1}`, value }, known[i]))
    : [];
  return { ...graph, results: [...results, ...parts] };
}

/** The mean over steps or examples, or by weights: `by` is their sum. */
type Mean =
  | { readonly over: Exclude<Over, "weights">; readonly axis?: string }
  | { readonly over: "weights"; readonly by: Value };

/** `alike`: the same number for every batch, so that weights do not matter. */
type MeanOver = Mean | "alike" | undefined;

function nameOf(mean: Mean | undefined): string {
  if (mean === undefined) return "";
  return mean.over === "weights" ? `weights ${mean.by.id}` : `${mean.over} ${mean.axis ?? ""}`;
}

/** `result` with what it is a mean over, and the sum of its weights if it has some. */
function said(result: Result, average: MeanOver): readonly Result[] {
  if (average === undefined) return [result];
  if (average === "alike") return [{ ...result, over: "examples" }];
  if (average.over !== "weights") return [{ ...result, ...average }];
  return [
    { ...result, over: "weights" },
    { kind: "weight", name: result.name, value: average.by },
  ];
}

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
  const written = definitions(graph.ops);
  const divisors = values.map((v) => divisorOf(v, written));
  const asked = [...values, ...divisors.map((d, i) => d ?? values[i])];
  const results = asked.map((value, i): Result => ({ kind: "output", name: `${i}`, value }));
  const whole = placed({ ...graph, results }, "infer");
  const defs = definitions(whole.ops);
  // One axis needs no look at which it is.
  const axes = axesOfInputs(graph).size > 1 ? TimeAxes.of(whole) : undefined;
  return values.map((_, i): MeanOver => {
    const [value, divisor] = [whole.results[i].value, whole.results[values.length + i].value];
    const by = divisors[i];
    const mean = meanAxisOf(value, defs, axes);
    return mean ?? (by && isMeanByWeights(value, divisor, defs) ? { over: "weights", by } : undefined);
  });
}

/** W, if `v` is a multiple of some N / W. */
function divisorOf(v: Value, defs: Definitions): Value | undefined {
  const op = defs.get(v);
  if (op?.op === "neg") return divisorOf(op.operands[0], defs);
  if (op?.op === "mul") return divisorOf(op.operands[0], defs) ?? divisorOf(op.operands[1], defs);
  if (op?.op !== "div") return undefined;
  return divisorOf(op.operands[0], defs) ?? op.operands[1];
}

/** Whether `v` is a fixed multiple of N / `w`, where both are sums over the examples of a batch. */
function isMeanByWeights(v: Value, w: Value, defs: Definitions): boolean {
  const op = defs.get(v);
  if (op === undefined || v.type.time || v.type.batch) return false;
  const [a, b] = op.operands;
  if (op.op === "neg") return isMeanByWeights(a, w, defs);
  if (op.op === "mul" && isMeanByWeights(a, w, defs)) return isAlike(b, defs);
  if (op.op === "mul") return isMeanByWeights(b, w, defs) && isAlike(a, defs);
  if (op.op !== "div") return false;
  return b === w ? isBatchSum(a, defs) && isBatchSum(w, defs) : isMeanByWeights(a, w, defs) && isAlike(b, defs);
}

const isAlike = (v: Value, defs: Definitions): boolean => !v.type.time && !v.type.batch && isPerExample(v, defs);

/** Whether `v` of a batch is the sum of what it is of the batch's examples, each by itself. */
function isBatchSum(v: Value, defs: Definitions): boolean {
  const op = defs.get(v);
  if (op === undefined || v.type.time || v.type.batch) return false;
  const [a, b] = op.operands;
  switch (op.op) {
    case "sum":
      if (!op.attrs.axes.batch) return isBatchSum(a, defs);
      return a.type.batch && isPerExample(a, defs);
    case "neg":
      return isBatchSum(a, defs);
    case "add":
    case "sub":
      return isBatchSum(a, defs) && isBatchSum(b, defs);
    case "mul":
      return (isBatchSum(a, defs) && isAlike(b, defs)) || (isAlike(a, defs) && isBatchSum(b, defs));
    case "div":
      return isBatchSum(a, defs) && isAlike(b, defs);
    default:
      return false;
  }
}

function meanAxisOf(v: Value, defs: Definitions, axes: TimeAxes | undefined): MeanOver {
  const { time, batch } = v.type;
  if (time || batch) return undefined;
  const mean = countedMean(defs.get(v), defs);
  if (mean?.type.batch) {
    if (!isPerExample(mean, defs)) return undefined;
    if (!mean.type.time) return { over: "examples" };
    const axis = axes?.steps(mean).axis;
    return { over: "steps", ...(axis !== undefined && { axis }) };
  }
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
