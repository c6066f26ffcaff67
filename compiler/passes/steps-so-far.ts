/**
 * What can be known of a sequence from its steps so far, and what cannot: it needs later steps, the first one or all of them. A stream
 * has one step at a time, and a sequence that goes on from batch to batch has one part at a time.
 *
 * Asked of graphs that are placed for inference, where the statistics of norms are numbers.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import { axesOf, extentsIn } from "../ir/ops.ts";
import type { Graph, Leaf, Op, Result, Value } from "../ir/types.ts";
import { reads } from "./rewrite.ts";

/** Why a graph cannot be run on the steps so far. */
export interface Refused {
  readonly refused: string;
  readonly help: string;
}

/** `graph` with results of these kinds alone. */
export const only = (graph: Graph, kinds: readonly Result["kind"][]): Graph => ({
  ...graph,
  results: graph.results.filter(({ kind }) => kinds.includes(kind)),
});

/** Why the outputs that a graph results in cannot be had step by step. */
export function refusalOfOutputs(graph: Graph): Refused | undefined {
  const what = "an output";
  return (
    refusalOfAxes(graph, what) ??
    firstOf(graph, (op) => pooling(op, what) ?? lookingAhead(op, what)) ??
    lateness(graph, what)
  );
}

/**
 * Why the losses and metrics that a graph results in are not the means over a whole sequence of what its parts have. Means over steps
 * are: a part weighs as many as it has.
 */
export function refusalOfMeasures(graph: Graph): Refused | undefined {
  const what = "a loss or metric";
  return (
    refusalOfAxes(graph, what) ??
    firstOf(graph, (op) => lookingAhead(op, what)) ??
    lateness(graph, what) ??
    pooledAgain(graph, what)
  );
}

/** Sums over steps, read by what goes on: by a loop, at each step, or in a mean over examples. */
function pooledAgain({ ops, results }: Graph, what: string): Refused | undefined {
  const pooled = new Map<Value, Refused>();
  const first = (values: readonly Value[]): Refused | undefined =>
    values.map((v) => pooled.get(v)).find((found) => found !== undefined);
  for (const op of ops) {
    const read = first(reads(op));
    if (read && (op.op === "scan" || op.results.some((r) => r.type.time))) return read;
    const made = read ?? pooling(op, what);
    if (made) for (const r of op.results) pooled.set(r, made);
  }
  return first(results.flatMap(({ over, value }) => (over === "examples" ? [value] : [])));
}

/** A loop over another time axis than the main one. */
function refusalOfAxes({ ops }: Graph, what: string): Refused | undefined {
  const isGiven = ({ kind }: Leaf): boolean => kind === "input" || kind === "index";
  const other = ops.find((op) => op.op === "leaf" && "axis" in op.attrs.leaf && isGiven(op.attrs.leaf));
  if (other?.op !== "leaf") return undefined;
  const { name, axis } = other.attrs.leaf as { readonly name: string; readonly axis?: string };
  return {
    refused: `${what} depends on \`${name}\`, whose time axis \`${axis}\` has steps of its own`,
    help: "make a model of what runs step by step, with the result of the other axis as an input",
  };
}

function firstOf({ ops }: Graph, reason: (op: Op) => Refused | undefined): Refused | undefined {
  // The number of steps to reverse is not in the user's text: blame the op that reverses them first.
  const blamed = [...ops.filter(({ op }) => op === "reverse"), ...ops];
  return blamed.map(reason).find((found) => found !== undefined);
}

/** Why an op needs the number of steps, or makes one value of all of them. */
function pooling(op: Op, what: string): Refused | undefined {
  const help = "take the last step of it, or keep a running sum as a state of the cell";
  if (op.op === "scan" || isLast(op)) return undefined;
  if (extentsIn(op).has("time")) return { refused: `${what} depends on the number of steps`, help };
  const timed = op.operands.map((v) => v.type.time);
  return axesOf(op).some(({ time }, i) => time === "reduce" && timed[i])
    ? { refused: `${nameOf(op, what)} is taken over all steps`, help }
    : undefined;
}

/** The last of the steps so far is the current one. */
const isLast = (op: Op): boolean => op.op === "at" && op.attrs.step === "last";

/** Why an op needs other steps than those so far, one after another. */
function lookingAhead(op: Op, what: string): Refused | undefined {
  const named = nameOf(op, what);
  const backward = { refused: "a loop runs from the last step to the first", help: "scan forward" };
  if (op.op === "scan") return op.attrs.reverse ? backward : undefined;
  if (isLast(op) || !axesOf(op).some(({ time }) => time === "gather" || time === "scan")) return undefined;
  if (op.op === "reverse") return backward;
  if (op.op === "shift" && op.attrs.by < 0)
    return { refused: `${named} is made of later steps`, help: "delay by a positive number" };
  if (op.op === "shift" && op.operands[0].type.dtype === "index")
    return {
      refused: `${named} is an index, and a state holds numbers`,
      help: "delay the row it selects: delay(embed(w, E), 1)",
    };
  if (op.op === "shift") throw new InternalError("a delay is not a loop yet: delay-lines comes first");
  if (op.results.every((r) => !r.type.time) && op.op !== "at")
    return {
      refused: `${named} has all steps of a sequence`,
      help: "infer whole sequences, or keep the steps so far as a state",
    };
  if (op.op === "at") return { refused: `${named} is the value at the first step`, help: "take the last one" };
  return { refused: `${named} is made of other steps than its own`, help: "read what each step makes" };
}

/** What is known only after the last step may be a result, but must not be read at every step. */
function lateness({ ops }: Graph, what: string): Refused | undefined {
  const late = new Set<Value>();
  for (const op of ops) {
    const reader = reads(op).some((v) => late.has(v));
    const first = op.op === "scan" ? op.operands.slice(0, op.attrs.states).findIndex((v) => late.has(v)) : -1;
    if (first >= 0) {
      const { name } = op.body!.params[first];
      return {
        refused: `${name ? `the state \`${name}\`` : "a state"} begins with what the last step of another sequence makes`,
        help: "compile what reads that sequence by itself, and make its last value an input of this model, without time",
      };
    }
    if (reader && (op.op === "scan" || op.results.some((r) => r.type.time))) {
      const refused = `${nameOf(op, what)} reads at each step what the last one makes`;
      return { refused, help: "read what each step makes" };
    }
    const finals = op.op === "scan" ? op.results.slice(0, op.attrs.states) : op.op === "at" || reader ? op.results : [];
    for (const r of finals) late.add(r);
  }
  return undefined;
}

/** What an op makes, by its name, or else as `what`. */
function nameOf(op: Op, what: string): string {
  const named = op.results.find((r) => r.name !== "");
  return named ? `\`${named.name}\`` : what;
}
