/** The reference interpreter: runs a graph in f64, op by op, as the rows of the op table say. Every target is compared with it. */

import { elementwise, isElementwise } from "./ops/elementwise.ts";
import { rowOf, structuralRow } from "./ops.ts";
import { alignedShape, alignedStrides, type Bindings, count, forEachRow, type Tensor, tensor } from "./tensor.ts";
import type { Block, Graph, Leaf, Op, OpOf, Type, Value } from "./types.ts";

export interface InterpretOptions {
  /** Extents of all dimensions, `batch` and `time` too. */
  readonly dims: Bindings;
  /**
   * The numbers of a leaf, in row-major order of [time?, batch?, ...features]. A population statistic with `time` is asked for as
   * [T, ...]: the caller repeats its last row for steps beyond those that are kept.
   */
  leaf(name: string, leaf: Leaf, type: Type): ArrayLike<number>;
  /**
   * Called, in the order of evaluation, with each value that by definition no gradient flows through. Returns its replacement.
   * Default: the value itself.
   */
  stop?(x: Tensor): Tensor;
  /** Applied to each number that an op computes: `Math.fround` shows what f32 does to a graph. Default: nothing is rounded. */
  readonly round?: (x: number) => number;
}

/** Every result of `graph`, keyed `kind:name` (`loss:loss`, `grad:Wx`). Sites and statistics are the identity. */
export function interpret(graph: Graph, options: InterpretOptions): ReadonlyMap<string, Tensor> {
  const run = new Run(options);
  run.block(graph.ops);
  return new Map(graph.results.map((r) => [`${r.kind}:${r.name}`, run.read(r.value)]));
}

class Run {
  private readonly options: InterpretOptions;
  /** By value id. A scan's body overwrites its entries at every step. */
  private readonly values: Tensor[] = [];

  constructor(options: InterpretOptions) {
    this.options = options;
  }

  read(v: Value): Tensor {
    const t = this.values[v.id];
    if (t === undefined) throw new Error(`value ${v.id} (${v.name}) is used before it is defined`);
    return t;
  }

  block(ops: readonly Op[]): void {
    const { round } = this.options;
    for (const op of ops) {
      const made = this.evaluate(op);
      const results = round && op.op !== "leaf" ? made.map((t) => ({ ...t, data: t.data.map(round) })) : made;
      for (let i = 0; i < results.length; i++) this.values[op.results[i].id] = results[i];
    }
  }

  private evaluate(op: Op): readonly Tensor[] {
    const { dims } = this.options;
    if (op.op === "leaf") return [this.leaf(op.attrs.leaf, op.attrs.type)];
    const x = op.operands.map((v) => this.read(v));
    if (op.op === "scan") return this.scan(op, x);
    if (isElementwise(op.op)) return [applyElementwise(elementwise[op.op].evaluate, x, op.results[0].type, dims)];
    const types = op.results.map((v) => v.type);
    const made = structuralRow(op.op).evaluate(x, op.attrs as never, types, dims);
    const { stop } = this.options;
    return stop && rowOf(op.op).held ? made.map(stop) : made;
  }

  private leaf(leaf: Leaf, type: Type): Tensor {
    const data = this.options.leaf(leaf.name, leaf, type);
    try {
      return tensor(type, this.options.dims, data);
    } catch (error) {
      throw new Error(`leaf ${leaf.kind} "${leaf.name}": ${(error as Error).message}`);
    }
  }

  private scan(op: OpOf<"scan">, x: readonly Tensor[]): readonly Tensor[] {
    const { states, reverse } = op.attrs;
    const body = op.body as Block;
    const steps = this.options.dims.time;
    const outputs = op.results.slice(states).map((v) => tensor(v.type, this.options.dims));
    let current: readonly Tensor[] = x.slice(0, states);
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      body.params.forEach((p, k) => {
        this.values[p.id] = k < states ? current[k] : step(x[k], p.type, t);
      });
      this.block(body.ops);
      const results = body.results.map((v) => this.read(v));
      current = results.slice(0, states);
      outputs.forEach((y, k) => {
        y.data.set(results[states + k].data, t * count(y.shape.slice(1)));
      });
    }
    return [...current, ...outputs];
  }
}

/** Time step `t` of `x`, sharing its numbers: nothing writes to an operand. */
function step(x: Tensor, type: Type, t: number): Tensor {
  const shape = x.shape.slice(1);
  const n = count(shape);
  return { type, shape, data: x.data.subarray(t * n, (t + 1) * n) };
}

/** An elementwise op on aligned, broadcast operands. */
export function applyElementwise(
  f: (...x: number[]) => number,
  x: readonly Tensor[],
  type: Type,
  dims: Bindings,
): Tensor {
  const y = tensor(type, dims);
  const n = y.data.length;
  const rank = type.shape.length;
  // An operand with as many elements as the result has its shape, and one with a single element has one address.
  if (x.every((t) => t.data.length === n || t.data.length === 1)) {
    const unit = x.map((t) => (t.data.length === 1 ? 0 : 1));
    row(f, y.data, 0, n, x, [0, 0, 0], unit);
    return y;
  }
  const shape = alignedShape(y, rank);
  const strides = x.map((t) => alignedStrides(t, rank));
  forEachRow(shape, strides, (from, at, width, steps) => row(f, y.data, at, width, x, from, steps));
  return y;
}

/** y[at + i] = f(x…[from + i·stride]) for i < n. */
function row(
  f: (...x: number[]) => number,
  y: Float64Array,
  at: number,
  n: number,
  x: readonly Tensor[],
  from: readonly number[],
  stride: readonly number[],
): void {
  const a = x[0].data;
  let [i, j, k] = from;
  const [di, dj, dk] = stride;
  if (x.length === 1) {
    for (let p = 0; p < n; p++, i += di) y[at + p] = f(a[i]);
    return;
  }
  const b = x[1].data;
  if (x.length === 2) {
    for (let p = 0; p < n; p++, i += di, j += dj) y[at + p] = f(a[i], b[j]);
    return;
  }
  const c = x[2].data;
  for (let p = 0; p < n; p++, i += di, j += dj, k += dk) y[at + p] = f(a[i], b[j], c[k]);
}
