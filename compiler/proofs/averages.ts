/**
 * What the loss and the metrics are means over, so that what batches make of them can be put together.
 *
 * A loss at each step is a mean over the steps that count, of all examples; one of the whole sequence is a mean over examples. Batches
 * then weigh by their steps or by their examples. A loss that adds up both kinds is taken apart. What cannot be shown to be a mean
 * of what each example is by itself (a maximum over examples, a ratio of sums) is known of one batch only.
 */
import type { Over } from "../../runtime/plan.ts";
import type { Along } from "../ir/ops/row.ts";
import { axesOf, extentsIn } from "../ir/ops.ts";
import type { Graph, Op, Result, Value } from "../ir/types.ts";
import { hoist } from "../passes/hoist.ts";
import { loopOrder } from "../passes/loop-order.ts";
import { place } from "../passes/place.ts";
import { type Definitions, definedBy, definitions } from "../passes/rewrite.ts";

/** `graph`, as elaborated, with `over` at the loss and the metrics; where losses are means over different things, with each of them. */
export function withAverages(graph: Graph): Graph {
  const loss = graph.results.find(({ kind }) => kind === "loss");
  const terms = loss ? addends(loss.value, definitions(graph.ops)) : [];
  const measures = graph.results.filter(({ kind }) => kind === "metric");
  const known = averagesOf(graph, [...terms, ...measures.map(({ value }) => value)]);
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

/** `alike`: the same number for every batch, which any weights leave as it is. */
type Average = Over | "alike" | undefined;

const said = (result: Result, average: Average): Result =>
  average === undefined ? result : { ...result, over: average === "alike" ? "examples" : average };

/** What a sum of losses adds up, in order. */
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

/** What each of `values` is a mean over at inference, where statistics are the population's and tie no examples together. */
function averagesOf(graph: Graph, values: readonly Value[]): readonly Average[] {
  if (values.length === 0) return [];
  const asked = values.map((value, i): Result => ({ kind: "output", name: `${i}`, value }));
  const placed = place("infer").run(hoist.run(loopOrder.run({ ...graph, results: asked })));
  const defs = definitions(placed.ops);
  return placed.results.map(({ value }) => averageOf(value, defs));
}

function averageOf(v: Value, defs: Definitions): Average {
  const { time, batch } = v.type;
  if (time || batch) return undefined;
  const mean = countedMean(defs.get(v), defs);
  if (mean?.type.batch) return isOfExamples(mean, defs) ? (mean.type.time ? "steps" : "examples") : undefined;
  return isOfExamples(v, defs) ? "alike" : undefined;
}

/** x, where `op` divides the sum of x over all its examples and steps by their number; a number of features changes nothing. */
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

/** Whether each example's part of `v` is made of that example alone, of its own steps, whatever stands beside it in a batch. */
function isOfExamples(v: Value, defs: Definitions): boolean {
  const seen = new Set<Value>();
  const open = [v];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const op = defs.get(value);
    if (op === undefined) continue;
    if (!isOfOne(op)) return false;
    // How many steps an example has is counted for each, where it divides a sum of as many or is how many are reversed.
    const counted = op.op === "reverse" || isMeanOverTime(op, defs);
    open.push(...(counted ? [op.operands[0]] : op.operands), ...(op.body?.results ?? []));
  }
  return true;
}

/** Whether nothing that `op` makes of an example depends on other examples, or on how long others are. */
function isOfOne(op: Op): boolean {
  // Its body has ops of its own.
  if (op.op === "scan") return true;
  if (op.op === "leaf") {
    const { leaf, type } = op.attrs;
    return (leaf.kind !== "input" && leaf.kind !== "index") || type.batch;
  }
  const extents = extentsIn(op);
  if (extents.has("batch") || extents.has("time")) return false;
  const stays = (along: Along): boolean => along === "parallel" || along === "broadcast";
  // Which steps there are of something that all examples share depends on the longest.
  return axesOf(op).every(({ batch, time }, i) => {
    const { type } = op.operands[i];
    return stays(batch) && (stays(time) || !type.time || type.batch);
  });
}

/** Whether `op` is the mean of what each example has over its own steps. */
function isMeanOverTime(op: Op, defs: Definitions): boolean {
  if (op.op !== "div") return false;
  const sum = definedBy(defs, op.operands[0], "sum");
  const count = definedBy(defs, op.operands[1], "const");
  if (!sum?.attrs.axes.time || sum.attrs.axes.batch || !sum.operands[0].type.batch || !count) return false;
  const { dims } = count.attrs;
  return !dims.includes("batch") && dims.filter((d) => d === "time").length === 1;
}
