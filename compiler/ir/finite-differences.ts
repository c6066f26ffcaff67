/** Gradients by central differences of the f64 reference: the truth that derivatives are checked against. */
import { interpret } from "./interpret.ts";
import type { Bindings, Tensor } from "./tensor.ts";
import type { Graph, Op, Value } from "./types.ts";

/** The numbers of each leaf, by its name, in row-major order of [time?, batch?, ...features]. */
export type Leaves = Readonly<Record<string, ArrayLike<number>>>;

export interface FiniteDifferenceOptions {
  /** The result to differentiate, a single number. Default `loss:loss`. */
  readonly result?: string;
  /** Step for an element x, as a multiple of max(1, |x|). */
  readonly step?: number;
}

/**
 * The step that balances the two errors of a central difference: truncation grows as h², rounding as ε/h, so h = ∛ε ≈ 6e-6
 * (Press et al., Numerical Recipes, 5.7). Both are then about 4e-11 for functions whose values and derivatives are near 1.
 */
const defaultStep = Math.cbrt(Number.EPSILON);

/**
 * d result / d leaf `of`, in the leaf's own order: (f(x + h) − f(x − h)) / 2h for each of its elements. What `stop` is given is
 * held constant.
 */
export function finiteDifferences(
  graph: Graph,
  dims: Bindings,
  leaves: Leaves,
  of: string,
  options: FiniteDifferenceOptions = {},
): Float64Array {
  const { step = defaultStep } = options;
  const x = Float64Array.from(leaves[of]);
  const f = resultOf(graph, dims, { ...leaves, [of]: x }, options);
  return x.map((center, i) => {
    const h = step * Math.max(1, Math.abs(center));
    x[i] = center + h;
    const [right, above] = [x[i], f()];
    x[i] = center - h;
    const [left, below] = [x[i], f()];
    x[i] = center;
    // The step actually taken, after rounding.
    return (above - below) / (right - left);
  });
}

/**
 * The derivative of the result along `direction`, numbers for some of the leaves: Σ d result / d leaf · direction over all their
 * elements, from two evaluations. What `stop` is given is held constant.
 */
export function directionalDifference(
  graph: Graph,
  dims: Bindings,
  leaves: Leaves,
  direction: Leaves,
  options: FiniteDifferenceOptions = {},
): number {
  const { step = defaultStep } = options;
  const moved = Object.fromEntries(Object.keys(direction).map((name) => [name, Float64Array.from(leaves[name])]));
  const f = resultOf(graph, dims, { ...leaves, ...moved }, options);
  const at = (h: number): number => {
    for (const [name, d] of Object.entries(direction)) {
      for (let i = 0; i < d.length; i++) moved[name][i] = leaves[name][i] + h * d[i];
    }
    return f();
  };
  return (at(step) - at(-step)) / (2 * step);
}

/** The result as a function of what `leaves` hold when it is called. What `stop` is given keeps the values it has now. */
function resultOf(
  graph: Graph,
  dims: Bindings,
  leaves: Leaves,
  { result = "loss:loss" }: FiniteDifferenceOptions,
): () => number {
  const needed = only(graph, result);
  const leaf = (name: string): ArrayLike<number> => leaves[name];
  // What `stop` is given stays as it is: no gradient flows through it.
  const held: Tensor[] = [];
  const hold = (v: Tensor): Tensor => {
    held.push(v);
    return v;
  };
  interpret(needed, { dims, leaf, stop: hold });
  return () => {
    let next = 0;
    const y = interpret(needed, { dims, leaf, stop: () => held[next++] }).get(result);
    if (y?.data.length !== 1) throw new Error(`${result} is not a single number`);
    return y.data[0];
  };
}

/** `graph` reduced to what `result` needs. */
function only(graph: Graph, result: string): Graph {
  const results = graph.results.filter((r) => `${r.kind}:${r.name}` === result);
  const needed = new Set<number>(results.map((r) => r.value.id));
  const need = (v: Value): unknown => needed.add(v.id);
  const within = (op: Op): void => {
    op.operands.forEach(need);
    op.body?.ops.forEach(within);
    op.body?.results.forEach(need);
  };
  const ops: Op[] = [];
  for (const op of graph.ops.toReversed()) {
    if (!op.results.some((v) => needed.has(v.id))) continue;
    within(op);
    ops.unshift(op);
  }
  return { ...graph, ops, results };
}

/**
 * max |a − b| / max(|a|∞, |b|∞, floor). Below `floor` gradients are compared absolutely: there the rounding of the differences
 * themselves, some 1e-11, would be large beside them. NaN anywhere gives NaN, which is below no tolerance.
 */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>, floor = 1e-3): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers cannot be compared with ${b.length}`);
  let difference = 0;
  let scale = floor;
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(a[i]), Math.abs(b[i]));
  }
  return difference / scale;
}
