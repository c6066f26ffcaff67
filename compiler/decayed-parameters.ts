/**
 * The parameters that an optimiser's weight decay applies to.
 *
 * By default the weights: parameters of two axes or more, such as matrices and tables. That leaves out biases and other vectors;
 * all parameters of norms, gains and shifts, whatever their shape; and learned initial states, which are parameters from which a
 * state's first value is computed without a product with a matrix.
 */
import { didYouMean } from "./diagnostics/nearest.ts";
import { refusal } from "./diagnostics/option-table.ts";
import { rowOf } from "./ir/ops.ts";
import { isTrained } from "./ir/trained.ts";
import type { Graph, Op, Value } from "./ir/types.ts";
import type { Optimizer } from "./optimizers.ts";

/** Their names; `graph` is as elaborated. Throws `CompileError` (C0309) if a named parameter does not exist. */
export function decayedParameters(graph: Graph, optimizer: Optimizer): ReadonlySet<string> {
  if (!("weightDecay" in optimizer) || optimizer.weightDecay === 0) return new Set();
  const { decayed } = optimizer;
  if (decayed === "weights") return weightsOf(graph);
  const all = parametersOf(graph);
  if (decayed === "all") return all;
  const unknown = decayed.find((name) => !all.has(name));
  if (unknown === undefined) return new Set(decayed);
  const isConstant = graph.ops.some(
    (op) => op.op === "leaf" && op.attrs.leaf.kind === "param" && op.attrs.leaf.name === unknown,
  );
  if (isConstant) throw refusal(`\`${unknown}\` of ${graph.name} is a constant, which does not decay`, "leave it out");
  throw refusal(
    `${graph.name} has no parameter \`${unknown}\` that could decay`,
    didYouMean(unknown, all) ?? `its parameters are ${[...all].join(", ")}`,
  );
}

/** All parameters that are trained, those of norms included. */
const parametersOf = ({ ops, norms }: Graph): ReadonlySet<string> =>
  new Set([
    ...ops.flatMap((op) => (isParameter(op) ? [op.attrs.leaf.name] : [])),
    ...[...norms.values()].flatMap((norm) => [...parametersOf(norm)]),
  ]);

function weightsOf(graph: Graph): ReadonlySet<string> {
  const initial = initialStates(graph);
  return new Set(
    graph.ops.flatMap((op) =>
      isParameter(op) && op.attrs.type.shape.length >= 2 && !initial.has(op.results[0]) ? [op.attrs.leaf.name] : [],
    ),
  );
}

/** What the states' first values are computed from, up to products and loops. */
function initialStates({ ops }: Graph): ReadonlySet<Value> {
  const found = new Set(ops.flatMap((op) => (op.op === "scan" ? op.operands.slice(0, op.attrs.states) : [])));
  // In SSA, an op comes after everything that it reads.
  for (const op of ops.toReversed()) {
    const { form } = rowOf(op.op);
    const ends = form === "contraction" || form === "loop";
    if (!ends && op.results.some((v) => found.has(v))) for (const v of op.operands) found.add(v);
  }
  return found;
}

type Parameter = Extract<Op, { op: "leaf" }> & { readonly attrs: { readonly leaf: { readonly kind: "param" } } };

const isParameter = (op: Op): op is Parameter => op.op === "leaf" && isTrained(op.attrs.leaf);
