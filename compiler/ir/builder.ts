/** Builds Tensor IR. Every method adds one op to the block being built and returns its result; types are inferred. */
import { isOne } from "./dim.ts";
import { inferTypes, rowOf } from "./ops.ts";
import { sameType, scalar } from "./type.ts";
import type { Axes, Block, ElementwiseOp, Op, OpAttrs, OpName, Type, Value } from "./types.ts";

const over = (axes: Partial<Axes>): Axes => ({ batch: false, time: false, features: [], keep: false, ...axes });

/** Hands out value ids. A builder shares it with the builders of its scan bodies. */
export class Ids {
  private last = 0;
  next(): number {
    return ++this.last;
  }
  /** Ids up to and including `id` are taken. */
  skip(id: number): void {
    this.last = Math.max(this.last, id);
  }
}

export class Builder {
  readonly ops: Op[] = [];
  readonly ids: Ids;
  /** The builder of the enclosing block, if this one builds a scan's body. */
  readonly parent: Builder | undefined;

  constructor(ids: Ids = new Ids(), parent?: Builder) {
    this.ids = ids;
    this.parent = parent;
  }

  value(type: Type, name = ""): Value {
    return { id: this.ids.next(), type, name };
  }

  /** Adds an op other than `scan`. `types`: those of its results, if already known. */
  emit<K extends Exclude<OpName, "scan">>(
    op: K,
    operands: readonly Value[],
    attrs: OpAttrs[K],
    name = "",
    types: readonly Type[] = inferTypes(
      op,
      operands.map((v) => v.type),
      attrs,
    ),
  ): readonly Value[] {
    // Checked even if the types are known: every op that is built must be in the table.
    rowOf(op);
    const results = types.map((t) => this.value(t, name));
    this.ops.push({ op, operands, attrs, results } as Op);
    return results;
  }

  one<K extends Exclude<OpName, "scan">>(op: K, operands: readonly Value[], attrs: OpAttrs[K], name = ""): Value {
    return this.emit(op, operands, attrs, name)[0];
  }

  elementwise(op: ElementwiseOp, operands: readonly Value[], name = ""): Value {
    return this.one(op, operands, {}, name);
  }

  scalar(value: number): Value {
    return this.one("const", [], { value, dims: [] });
  }

  /** The number of elements along the named dimensions, as a scalar. */
  extent(dims: readonly string[]): Value {
    return this.one("const", [], { value: 1, dims });
  }

  neg = (a: Value): Value => this.elementwise("neg", [a]);
  sigmoid = (a: Value): Value => this.elementwise("sigmoid", [a]);
  square = (a: Value): Value => this.elementwise("square", [a]);
  sign = (a: Value): Value => this.elementwise("sign", [a]);
  sin = (a: Value): Value => this.elementwise("sin", [a]);
  cos = (a: Value): Value => this.elementwise("cos", [a]);
  sqrt = (a: Value): Value => this.elementwise("sqrt", [a]);
  add = (a: Value, b: Value): Value => this.elementwise("add", [a, b]);
  sub = (a: Value, b: Value): Value => this.elementwise("sub", [a, b]);
  mul = (a: Value, b: Value): Value => this.elementwise("mul", [a, b]);
  div = (a: Value, b: Value): Value => this.elementwise("div", [a, b]);
  min = (a: Value, b: Value): Value => this.elementwise("min", [a, b]);
  max = (a: Value, b: Value): Value => this.elementwise("max", [a, b]);
  lt = (a: Value, b: Value): Value => this.elementwise("lt", [a, b]);
  le = (a: Value, b: Value): Value => this.elementwise("le", [a, b]);
  gt = (a: Value, b: Value): Value => this.elementwise("gt", [a, b]);
  ge = (a: Value, b: Value): Value => this.elementwise("ge", [a, b]);
  eq = (a: Value, b: Value): Value => this.elementwise("eq", [a, b]);
  select = (c: Value, a: Value, b: Value): Value => this.elementwise("select", [c, a, b]);

  sum(a: Value, axes: Partial<Axes>): Value {
    return this.one("sum", [a], { axes: over(axes) });
  }

  maximum(a: Value, axes: Partial<Axes>): Value {
    return this.one("maximum", [a], { axes: over(axes) });
  }

  /** Labelled contraction; `batch`/`time`: the sum also runs over examples / steps. */
  dot(a: Value, b: Value, labels: { a: string; b: string; out: string; batch?: boolean; time?: boolean }): Value {
    return this.one("dot", [a, b], { batch: false, time: false, ...labels });
  }

  broadcast(a: Value, type: Type): Value {
    return sameType(a.type, type) ? a : this.one("broadcast", [a], { type });
  }

  zeros(type: Type): Value {
    return this.broadcast(this.scalar(0), type);
  }

  /** Sums `a` down to `type`, the type of an operand that was broadcast to a's. */
  unbroadcast(a: Value, type: Type): Value {
    const lead = a.type.shape.length - type.shape.length;
    const dropped = a.type.shape.flatMap((_, i) => (i < lead ? [i] : []));
    let v = a;
    const batch = a.type.batch && !type.batch;
    const time = a.type.time && !type.time;
    if (batch || time || dropped.length > 0) v = this.sum(v, { batch, time, features: dropped });
    const missing = type.shape.length - v.type.shape.length;
    const shrunk = v.type.shape.flatMap((d, i) => (isOne(type.shape[i + missing]) && !isOne(d) ? [i] : []));
    if (shrunk.length > 0) v = this.sum(v, { features: shrunk, keep: true });
    return this.broadcast(v, { ...type, dtype: "f32" });
  }

  /** A builder for a scan's body; finish it with `scan`. */
  body(): Builder {
    return new Builder(this.ids, this);
  }

  /**
   * Adds a scan whose body is `body` (params: states, then one step of each of `inputs`).
   * Returns the states' final values, then the outputs with `time`.
   */
  scan(
    initial: readonly Value[],
    inputs: readonly Value[],
    body: Block,
    options: { reverse: boolean; names?: readonly string[] },
  ): { readonly finals: readonly Value[]; readonly outputs: readonly Value[] } {
    const states = initial.length;
    const results = body.results.map((v, i) =>
      this.value(i < states ? v.type : { ...v.type, time: true }, options.names?.[i] ?? v.name),
    );
    this.ops.push({
      op: "scan",
      operands: [...initial, ...inputs],
      attrs: { states, reverse: options.reverse },
      results,
      body,
    });
    return { finals: results.slice(0, states), outputs: results.slice(states) };
  }
}

export { scalar as scalarType };
