/**
 * Evaluates Tensor IR at one point of a loop nest: an element, or four neighbours along the last feature axis.
 *
 * Views only change the index, and values in memory are loaded. Everything else is computed here, once for each point, and bound
 * to a readable name.
 */

import { type Addresses, type Allocation, columnsAreContiguous } from "../buffers/layout.ts";
import { InternalError } from "../diagnostics/internal-error.ts";
import { type Axis, BATCH, contractionAxes, matrixProduct, TIME } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import { isElementwise } from "../ir/ops/elementwise.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { nest, upTo } from "./loops.ts";
import { type AxisIndex, indexOf, pointAt, wholeAxis } from "./matmul/axis-index.ts";
import { dependsOn, type Point, samePoint, withIndex } from "./point.ts";
import { endStep, pointBehind } from "./views.ts";

/** What evaluation must know of the kernel being made. */
export interface Scope {
  readonly defs: ReadonlyMap<Value, Op>;
  readonly layout: Addresses;
  readonly dims: Readonly<Record<string, number>>;
  /** The current step, inside a scan's body. Values there have no `time`, but their buffers may. */
  readonly step: KExpr | undefined;
  /** Whether a value is the same at every step of the loop that the kernel contains: it is then computed before the loop. */
  isSteady?(v: Value): boolean;
  /** The part of the batch that the workgroup owns, where the batch is split. */
  readonly part?: KExpr | undefined;
  /** Where a value can be loaded from by now, if it is in memory. */
  allocation(v: Value): Allocation | undefined;
  /** The value of `v` at `p`, if it is in a register: a product's. */
  given?(v: Value, p: Point): KExpr | undefined;
  /**
   * The value at `p` of an op that combines many elements, in loops that go to `evaluation`. Only where a kernel has no loops for
   * such an op alone.
   */
  combined?(op: Op, p: Point, evaluation: Evaluation): KExpr | undefined;
  /** The same of a product, where there is a better way than one term after another. */
  product?(op: OpOf<"dot">, p: Point, evaluation: Evaluation): KExpr | undefined;
  /** A name that the kernel does not have yet. */
  name(hint: string): string;
}

/** An evaluation outside some loops, and those loops' variables. */
export interface Surroundings {
  readonly evaluation: Evaluation;
  readonly loops: Iterable<string>;
}

type Width = Point["width"];
const typeOf = (w: Width): "f32" | "f32x4" => (w === 4 ? "f32x4" : "f32");
const splat = (e: KExpr, w: Width): KExpr => (w === 4 ? { k: "splat", a: e } : e);
const numberOf = (e: KExpr): number | undefined =>
  e.k === "float" ? e.value : e.k === "splat" ? numberOf(e.a) : undefined;

/** The positions along the last feature axis, as floats. */
function columnNumbers({ f, width }: Point): KExpr {
  const lane = (i: number): KExpr => ({ k: "toFloat", a: x.add(f[f.length - 1], x.int(i)) });
  return width === 4 ? { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] } : lane(0);
}

/** The value where a condition holds, otherwise 0. */
const orZero = (condition: KExpr, value: KExpr, width: Width): KExpr => ({
  k: "math",
  op: "select",
  type: typeOf(width),
  args: [splat(condition, width), value, splat(x.float(0), width)],
});

const less = (a: KExpr, b: KExpr): KExpr => ({
  k: "math",
  op: "lt",
  type: "f32",
  args: [
    { k: "toFloat", a },
    { k: "toFloat", a: b },
  ],
});

export class Evaluation {
  /** Statements to run before the values are used. */
  readonly statements: KStmt[];
  private readonly scope: Scope;
  private readonly around: Surroundings | undefined;
  /** What each value was found to be, and at which points. */
  private readonly memo = new Map<Value, { readonly point: Point; readonly value: KExpr }[]>();
  /** The variables that vary here: those of the loops, and of the rows that are looked up inside them. */
  private readonly varying: Set<string>;

  /** @param around the evaluation before the surrounding loops, where loop-invariant values are computed */
  constructor(scope: Scope, around?: Surroundings) {
    this.scope = scope;
    this.around = around;
    this.varying = new Set(around?.loops);
    this.statements = [];
  }

  extent(d: dim.Dim): number {
    return dim.evaluate(d, this.scope.dims);
  }

  shape(v: Value): readonly number[] {
    return v.type.shape.map((d) => this.extent(d));
  }

  /** The value of `v` at the point `p` of a space that `v` broadcasts to. */
  at(v: Value, p: Point): KExpr {
    const shape = this.shape(v);
    const f = shape.map((n, i) => (n === 1 ? x.int(0) : p.f[i - shape.length + p.f.length]));
    const alongLanes = p.width === 4 && shape.length > 0 && shape[shape.length - 1] !== 1;
    const point: Point = {
      t: v.type.time ? p.t : this.scope.isSteady?.(v) ? undefined : this.scope.step,
      b: v.type.batch ? p.b : undefined,
      f,
      width: alongLanes ? 4 : 1,
    };
    return alongLanes || p.width === 1 ? this.own(v, point) : splat(this.own(v, point), 4);
  }

  /** As `at`, for a point that has exactly v's axes. */
  private own(v: Value, p: Point): KExpr {
    const known = this.memo.get(v)?.find(({ point }) => samePoint(point, p));
    if (known) return known.value;
    if (this.around && !dependsOn(p, this.varying)) return this.around.evaluation.own(v, p);
    const value = this.compute(v, p);
    const bound =
      value.k === "float" || value.k === "var" || value.k === "splat"
        ? value
        : this.bind(v.name || (this.scope.defs.get(v)?.op ?? ""), value, p.width);
    const computed = this.memo.get(v);
    if (computed) computed.push({ point: p, value: bound });
    else this.memo.set(v, [{ point: p, value: bound }]);
    return bound;
  }

  bind(hint: string, value: KExpr, width: Width): KExpr {
    const name = this.scope.name(hint || "v");
    this.statements.push({ s: "let", name, type: typeOf(width), value });
    return x.variable(name, typeOf(width));
  }

  load(allocation: Allocation, p: Point): KExpr {
    const { layout } = this.scope;
    const at = (q: Point): x.Place => layout.placeOf(allocation, q.t, q.b, q.f, q.width);
    if (p.width === 1 || columnsAreContiguous(allocation)) return x.loadFrom(at(p), typeOf(p.width));
    return this.lanes(p, (q) => x.loadFrom(at(q), "f32"));
  }

  /** Four scalars side by side, for what is not contiguous along the lanes. */
  private lanes(p: Point, one: (q: Point) => KExpr): KExpr {
    const last = p.f.length - 1;
    const lane = (i: number): KExpr =>
      one({ ...p, width: 1, f: p.f.map((e, k) => (k === last ? x.add(e, x.int(i)) : e)) });
    return { k: "vec4", lanes: [lane(0), lane(1), lane(2), lane(3)] };
  }

  private compute(v: Value, p: Point): KExpr {
    const given = this.scope.given?.(v, p);
    if (given) return given;
    const allocation = this.scope.allocation(v);
    if (allocation) return this.load(allocation, p);
    const op = this.scope.defs.get(v);
    if (!op) throw new InternalError(`value ${v.name || v.id} is not in memory and has no definition`);
    if (isElementwise(op.op)) {
      const args = op.operands.map((o) => this.at(o, p));
      // Multiplying by the reciprocal costs a quarter of a division.
      const divisor = op.op === "div" ? numberOf(args[1]) : undefined;
      if (divisor !== undefined)
        return { k: "math", op: "mul", type: typeOf(p.width), args: [args[0], splat(x.float(1 / divisor), p.width)] };
      // No machine has an instruction for a square.
      if (op.op === "square") return { k: "math", op: "mul", type: typeOf(p.width), args: [args[0], args[0]] };
      return { k: "math", op: op.op, type: typeOf(p.width), args };
    }
    const behind = pointBehind(op, v, p, this.scope);
    if (behind === "apart") return this.lanes(p, (q) => this.own(v, q));
    if (behind !== undefined) return this.at(op.operands[0], behind);
    switch (op.op) {
      case "const":
        return this.constant(op);
      case "put":
        return this.put(op, p);
      case "whole":
        return this.whole(op, p);
      case "stepwise":
        return this.stepwise(op, p);
      case "iota":
        return columnNumbers(p);
      case "onehot":
        return this.onehot(op, p);
      case "gather":
        return this.gather(op, p);
      case "shift":
        return this.shifted(op, p);
      case "reverse":
        return this.reversed(op, p);
      case "dot":
        return this.scope.product?.(op, p, this) ?? this.dot(op, p);
      case "concat":
        return this.joined(op, p);
      case "pad":
        return this.padded(op, p);
      case "overlap":
        return this.overlapped(op, p);
      default: {
        const combined = this.scope.combined?.(op, p, this);
        if (combined) return combined;
        throw new InternalError(`${op.op} cannot be computed at a point`);
      }
    }
  }

  /** The element of that part in which the point is. */
  private joined(op: OpOf<"concat">, p: Point): KExpr {
    const { axis } = op.attrs;
    // Four neighbours may be in different parts.
    if (p.width === 4 && axis === p.f.length - 1) return this.lanes(p, (q) => this.own(op.results[0], q));
    const widths = op.operands.map((v) => this.shape(v)[axis]);
    const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
    const parts = op.operands.map((v, i) => {
      // The nearest element of a part is loaded where the point is in another part.
      const inside = x.min(x.max(x.sub(p.f[axis], x.int(starts[i])), x.int(0)), x.int(widths[i] - 1));
      return this.at(v, withIndex(p, axis, inside));
    });
    const type = typeOf(p.width);
    const position: KExpr = { k: "toFloat", a: p.f[axis] };
    return parts.reduceRight((after, part, i) => {
      const here: KExpr = { k: "math", op: "lt", type: "f32", args: [position, x.float(starts[i + 1])] };
      return { k: "math", op: "select", type, args: [splat(here, p.width), part, after] };
    });
  }

  /** The operand's element where it has one, 0 around it. */
  private padded(op: OpOf<"pad">, p: Point): KExpr {
    const [from] = op.operands;
    const { before, after } = op.attrs;
    const last = p.f.length - 1;
    // Four neighbours may be on both sides of an edge.
    const isApart = p.width === 4 && (before[last] !== "0" || after[last] !== "0");
    if (isApart) return this.lanes(p, (q) => this.own(op.results[0], q));
    const edges: KExpr[] = [];
    const f = p.f.map((at, i) => {
      if (before[i] === "0" && after[i] === "0") return at;
      const own = x.sub(at, x.int(this.extent(dim.parse(before[i]))));
      // The nearest element is read where there is none.
      const inside = x.min(x.max(own, x.int(0)), x.int(this.shape(from)[i] - 1));
      const sides = [inside, own].map((a): KExpr => ({ k: "toFloat", a }));
      edges.push({ k: "math", op: "eq", type: "f32", args: sides });
      return inside;
    });
    const value = this.at(from, { ...p, f });
    return edges.reduce((v, is) => orZero(is, v, p.width), value);
  }

  /** The sum of the windows' entries that lie at the point. */
  private overlapped(op: OpOf<"overlap">, p: Point): KExpr {
    const { axis, stride, dilation } = op.attrs;
    const [y] = op.results;
    if (p.width === 4 && axis === p.f.length - 1) return this.lanes(p, (q) => this.own(y, q));
    const [windows] = op.operands;
    const [count, size] = this.shape(windows).slice(axis);
    const type = typeOf(p.width);
    const sum = this.scope.name(y.name || "sum");
    this.statements.push({ s: "var", name: sum, type, value: splat(x.float(0), p.width) });
    const loops = nest(this.scope.name, [{ hint: "k", ...upTo(size) }], ([k]) => {
      const inner = new Evaluation(this.scope, { evaluation: this, loops: [k.name] });
      const first = x.sub(p.f[axis], x.mul(k, x.int(dilation)));
      // The nearest window is read where none begins there.
      const window = x.min(x.div(x.max(first, x.int(0)), x.int(stride)), x.int(count - 1));
      const value = inner.at(windows, { ...p, f: p.f.toSpliced(axis, 1, window, k) });
      const begins: KExpr = { k: "toFloat", a: x.mul(window, x.int(stride)) };
      const is: KExpr = { k: "math", op: "eq", type: "f32", args: [begins, { k: "toFloat", a: first }] };
      const args = [x.variable(sum, type), orZero(is, value, p.width)];
      return [...inner.statements, { s: "assign", name: sum, type, value: { k: "math", op: "add", type, args } }];
    });
    this.statements.push(...loops);
    return x.variable(sum, type);
  }

  /** The value at one step, and 0 at all others. */
  private put(op: OpOf<"put">, p: Point): KExpr {
    const here: KExpr = { k: "toFloat", a: this.scope.layout.local(p.t!) };
    const step: KExpr = { k: "toFloat", a: endStep(op, this.scope) };
    const is: KExpr = { k: "math", op: "eq", type: "f32", args: [here, step] };
    return orZero(is, this.at(op.operands[0], p), p.width);
  }

  /** The element at the step that the first index says. */
  private whole(op: OpOf<"whole">, p: Point): KExpr {
    const [from] = op.operands;
    // Each lane is a step of its own where a step is a single number.
    if (p.width === 4 && p.f.length === 1) return this.lanes(p, (q) => this.own(op.results[0], q));
    const [step, ...f] = p.f;
    const { steps } = this.scope.layout;
    const t = this.bindRow(x.min(step, x.sub(steps, x.int(1))), "step");
    return orZero(less(step, steps), this.at(from, { ...p, t, f }), p.width);
  }

  /** The row of this step. */
  private stepwise(op: OpOf<"stepwise">, p: Point): KExpr {
    const [from] = op.operands;
    const step = this.scope.layout.local(p.t!);
    const rows = x.int(this.shape(from)[0]);
    const row = this.bindRow(x.min(step, x.sub(rows, x.int(1))));
    const value = this.at(from, { ...p, t: undefined, f: [row, ...p.f] });
    return orZero(less(step, rows), value, p.width);
  }

  private onehot(op: OpOf<"onehot">, p: Point): KExpr {
    const index = this.at(op.operands[0], { ...p, f: p.f.slice(0, -1), width: 1 });
    return { k: "math", op: "eq", type: typeOf(p.width), args: [columnNumbers(p), splat(index, p.width)] };
  }

  /** The row of a table that an index names. */
  private gather(op: OpOf<"gather">, p: Point): KExpr {
    const [table, index] = op.operands;
    const rank = index.type.shape.length;
    // Each lane has an index of its own where rows are single numbers.
    if (p.width === 4 && rank === p.f.length) return this.lanes(p, (q) => this.own(op.results[0], q));
    const at = this.at(index, { t: p.t, b: p.b, f: p.f.slice(0, rank), width: 1 });
    const row = this.bindRow({ k: "toInt", a: at });
    return this.at(table, { ...p, f: [row, ...p.f.slice(rank)] });
  }

  /** The element some steps before or after this one, and 0 where there is no such step. */
  private shifted({ operands: [from], attrs: { by } }: OpOf<"shift">, p: Point): KExpr {
    const { layout } = this.scope;
    const here = layout.local(p.t!);
    const step = by > 0 ? x.sub(here, x.int(by)) : x.add(here, x.int(-by));
    // The nearest step that there is stands in for one that there is not.
    const inside = by > 0 ? x.max(step, x.int(0)) : x.min(step, x.sub(layout.steps, x.int(1)));
    const value = this.at(from, { ...p, t: inside });
    const [at, end]: readonly KExpr[] = [
      { k: "toFloat", a: step },
      by > 0 ? x.float(0) : { k: "toFloat", a: layout.steps },
    ];
    const is: KExpr = { k: "math", op: by > 0 ? "ge" : "lt", type: "f32", args: [at, end] };
    return orZero(is, value, p.width);
  }

  /** The element at the step that is as far from the last one as this step is from the first. */
  private reversed({ operands: [from, steps] }: OpOf<"reverse">, p: Point): KExpr {
    const before = (end: KExpr): KExpr => x.sub(x.sub(end, x.int(1)), this.scope.layout.local(p.t!));
    if (!steps.type.batch) {
      const every = this.scope.defs.get(steps);
      const isAll = every?.op === "const" && every.attrs.value === 1 && every.attrs.dims.join() === "time";
      if (!isAll) throw new InternalError("only a whole sequence, or each example's own, can be reversed");
      return this.at(from, { ...p, t: before(this.scope.layout.steps) });
    }
    const own: KExpr = { k: "toInt", a: this.at(steps, { ...p, t: undefined, f: [], width: 1 }) };
    const step: KExpr = { k: "toFloat", a: before(own) };
    // There is nothing to read beyond the last step.
    const inside: KExpr = { k: "math", op: "max", type: "f32", args: [step, x.float(0)] };
    const value = this.at(from, { ...p, t: this.bindRow({ k: "toInt", a: inside }, "step") });
    const here: KExpr = { k: "math", op: "ge", type: "f32", args: [step, x.float(0)] };
    return orZero(here, value, p.width);
  }

  private bindRow(value: KExpr, hint = "row"): KExpr {
    const name = this.scope.name(hint);
    this.statements.push({ s: "let", name, type: "i32", value });
    this.varying.add(name);
    return x.variable(name, "i32");
  }

  private constant(op: OpOf<"const">): KExpr {
    const chosenLater: Readonly<Record<string, KExpr>> = { time: this.scope.layout.steps, sequence: x.uniform("T") };
    const fixed = op.attrs.dims.filter((d) => !Object.hasOwn(chosenLater, d));
    let value: KExpr = x.float(fixed.reduce((n, d) => n * this.extent(dim.parse(d)), op.attrs.value));
    for (const d of op.attrs.dims) {
      if (!Object.hasOwn(chosenLater, d)) continue;
      value = { k: "math", op: "mul", type: "f32", args: [value, { k: "toFloat", a: chosenLater[d] }] };
    }
    return value;
  }

  /** A product at a point: loops over its contracted axes. */
  private dot(op: OpOf<"dot">, p: Point): KExpr {
    const [y] = op.results;
    if (p.width === 4 && !hasColumnsInLanes(op)) return this.lanes(p, (q) => this.own(y, q));
    const { layout, dims, step, name } = this.scope;
    const axes = contractionAxes(op);
    const headers = axes.contracted.map((axis) => ({
      hint: axis === TIME ? "s" : axis === BATCH ? "n" : axis,
      ...wholeAxis(axes, axis, layout.steps, dims),
    }));
    const type = typeOf(p.width);
    let total = x.float(0);
    const loops = nest(name, headers, (indices) => {
      const sum = name(y.name || "sum");
      this.statements.push({ s: "var", name: sum, type, value: splat(x.float(0), p.width) });
      total = x.variable(sum, type);
      const inner = new Evaluation(this.scope, { evaluation: this, loops: indices.map((i) => i.name) });
      const index: AxisIndex = new Map([
        ...indexOf(axes.result, p),
        ...axes.contracted.map((axis, i): [Axis, KExpr] => [axis, indices[i]]),
      ]);
      const [left, right] = axes.sides;
      const a = splat(inner.at(left.value, pointAt(left, index, step, 1)), p.width);
      const b = inner.at(right.value, pointAt(right, index, step, p.width));
      return [...inner.statements, { s: "assign", name: sum, type, value: { k: "fma", type, a, b, c: total } }];
    });
    this.statements.push(...loops);
    return total;
  }
}

/** Whether four neighbours of a product need four neighbours of its second operand, and one element of the first. */
function hasColumnsInLanes(op: OpOf<"dot">): boolean {
  const product = matrixProduct(op);
  return product?.right.operand === 1 && product.right.labels.endsWith(product.column);
}
