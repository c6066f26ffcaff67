/**
 * Random graphs whose values stay small and away from kinks and poles, so that finite differences are near the truth and
 * passes may reorder arithmetic: every value carries the interval its numbers lie in, and an op is applied only where that
 * interval suits it.
 */
import * as fc from "fast-check";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { reducedExtents } from "../../compiler/ir/ops/reductions.ts";
import { type Bindings, count, extents } from "../../compiler/ir/tensor.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { broadcastTypes, sameType } from "../../compiler/ir/type.ts";
import type { Axes, Graph, Op, OpAttrs, OpName, Result, Type, Value } from "../../compiler/ir/types.ts";
import { uniform } from "./numbers.ts";
import { hull, largest, leafRows, numbersOf, type Range, type Special, smooth, within } from "./random-operands.ts";

export interface RandomGraph {
  /** Results: `loss:loss`, in which every value takes part, and `output:y0`, … : the values that no op uses. */
  readonly graph: Graph;
  /** `batch`, `time`, H (even) and D; any but H may be 1. */
  readonly dims: Bindings;
  readonly leaves: Readonly<Record<string, Float64Array>>;
  /** The leaves that finite differences may move: all but indices. */
  readonly differentiable: readonly string[];
}

interface Instruction {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** A scan's body, where the kind is one. */
  readonly body: readonly Instruction[];
}

const natural = fc.nat({ max: 9999 });

const plain: fc.Arbitrary<Instruction> = fc.record({
  kind: natural,
  a: natural,
  b: natural,
  c: natural,
  body: fc.constant([]),
});

const withBody: fc.Arbitrary<Instruction> = fc.record({
  kind: natural,
  a: natural,
  b: natural,
  c: natural,
  body: fc.array(plain, { minLength: 1, maxLength: 8 }),
});

/** Straight code, then a scan of one to three states, then what its results are used for; sometimes a second scan. */
export const randomGraphs: fc.Arbitrary<RandomGraph> = fc
  .record({
    dims: fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      time: fc.integer({ min: 1, max: 4 }),
      H: fc.constantFrom(2, 4),
      D: fc.integer({ min: 1, max: 3 }),
    }),
    before: fc.array(plain, { maxLength: 8 }),
    scans: fc.array(withBody, { maxLength: 2 }),
    after: fc.array(plain, { maxLength: 8 }),
    seed: natural,
  })
  .map(({ dims, before, scans, after, seed }) => {
    const b = new Writer(dims);
    for (const i of before) b.write(i);
    for (const s of scans) b.scan(s);
    for (const i of after) b.write(i);
    const made = { ...b.finish(seed), dims };
    return { ...made, [fc.toStringMethod]: () => `${JSON.stringify(dims)} seed ${seed}\n${printGraph(made.graph)}` };
  });

/** Values with more elements than this are used no further, so that joining and outer products do not pile up. */
const mostElements = 100;

interface Known {
  readonly value: Value;
  readonly range: Range;
  readonly special?: Special;
}

/** Builds one block. Values of the enclosing block without time may be used too. */
class Writer {
  private readonly dims: Bindings;
  private readonly b: Builder;
  private readonly outer: Writer | undefined;
  private readonly known: Known[] = [];

  constructor(dims: Bindings, outer?: Writer) {
    this.dims = dims;
    this.outer = outer;
    this.b = outer ? outer.b.body() : new Builder();
    if (outer) return;
    for (const { leaf, type, special } of leafRows) {
      const range: Range = special === "gap" ? [-1.5, 1.5] : special === "ranked" ? [0, this.ranks * 0.1] : [-1, 1];
      this.known.push({ value: this.b.one("leaf", [], { leaf, type }, leaf.name), range, special });
    }
  }

  /** How many entries `ranked` has. */
  private get ranks(): number {
    return this.dims.time * this.dims.batch * this.dims.H;
  }

  private pool(): readonly Known[] {
    return this.outer ? [...this.outer.pool().filter((k) => !k.value.type.time), ...this.known] : this.known;
  }

  /** The value that `n` stands for among those that suit; the newest stand first, so that ops build on each other. */
  private pick(n: number, suits: (k: Known) => boolean): Known | undefined {
    const all = this.pool().filter(suits);
    return all.length === 0 ? undefined : all[all.length - 1 - (n % all.length)];
  }

  private float(n: number, suits: (k: Known) => boolean = () => true): Known | undefined {
    const usable = ({ value: { type } }: Known): boolean =>
      type.dtype === "f32" && type.shape.length <= 3 && count(extents(type, this.dims)) <= mostElements;
    return this.pick(n, (k) => usable(k) && suits(k));
  }

  private add(value: Value, range: Range): Known {
    const bound = Math.max(-range[0], range[1]);
    const made =
      bound > largest
        ? { value: this.b.mul(value, this.b.scalar(1 / bound)), range: [range[0] / bound, range[1] / bound] as const }
        : { value, range };
    this.known.push(made);
    return made;
  }

  private emit<K extends Exclude<OpName, "scan">>(
    op: K,
    from: readonly Known[],
    attrs: OpAttrs[K],
    range: Range,
  ): void {
    for (const v of this.b.emit(
      op,
      from.map((k) => k.value),
      attrs,
    ))
      this.add(v, range);
  }

  /** A value in [−0.3, 0.3], made from the one given. */
  private small(from: Value): Value {
    return this.b.mul(this.b.elementwise("tanh", [from]), this.b.scalar(0.3));
  }

  /** Adds the op that the instruction stands for, if there are values that suit it. */
  write({ kind, a, b, c }: Instruction): void {
    const writers = [
      ...Array<() => void>(6).fill(() => this.elementwise(a, b, c)),
      () => this.positive(a),
      () => this.kinked(a, b),
      () => this.ranked(a, b, c),
      ...Array<() => void>(2).fill(() => this.reduce(a, b)),
      ...Array<() => void>(3).fill(() => this.dot(a, b, c)),
      () => this.join(a, b, c),
      () => this.part(a, b),
      () => this.reshape(a, b),
      () => this.stretch(a, b),
      () => this.moment(a, b),
      () => this.rows(a, b, c),
      () => this.parts(a, b),
      () => this.reverse(a),
      () => this.whole(a, b),
      () => this.shift(a, b),
      () => this.running(a, b),
      () => this.count(a, b),
      () => this.padded(a, b, c),
      () => this.windows(a, b, c),
    ];
    writers[kind % writers.length]();
  }

  private elementwise(a: number, b: number, c: number): void {
    const ops = Object.keys(smooth) as (keyof typeof smooth)[];
    const op = ops[c % ops.length];
    const { on, to } = smooth[op]!;
    const x = this.float(a, (k) => on === undefined || within(k.range, on));
    if (!x) return;
    if (op !== "add" && op !== "sub" && op !== "mul") {
      this.emit(op, [x], {}, to(x.range, x.range));
      return;
    }
    const y = this.float(b, (k) => fits(x.value.type, k.value.type));
    if (y) this.emit(op, [x, y], {}, to(x.range, y.range));
  }

  /** Something that may be divided by, and a quotient. */
  private positive(a: number): void {
    const x = this.float(a)!;
    const y = this.add(
      this.b.add(this.b.square(this.b.elementwise("tanh", [x.value])), this.b.scalar(0.5)),
      [0.5, 1.5],
    );
    const bound = 2 * Math.max(...x.range.map(Math.abs));
    this.emit("div", [x, y], {}, [-bound, bound]);
  }

  /** Ops with a kink at 0, or where two operands meet: the numbers of `gap` stay 0.2 away from what they meet. */
  private kinked(a: number, b: number): void {
    const gap = this.pick(0, (k) => k.special === "gap")!;
    const x = this.float(a, (k) => fits(gap.value.type, k.value.type))!;
    const small: Known = { value: this.small(x.value), range: [-0.3, 0.3] };
    const unary = ["relu", "abs", "sign"] as const;
    const binary = ["min", "max", "lt", "le", "gt", "ge", "eq", "ne"] as const;
    const which = b % (unary.length + binary.length + 1);
    if (which < unary.length) this.emit(unary[which], [gap], {}, [-1.5, 1.5]);
    else if (which < unary.length + binary.length)
      this.emit(binary[which - unary.length], [gap, small], {}, [-1.5, 1.5]);
    else {
      const condition = { value: this.b.gt(gap.value, small.value), range: [0, 1] as const };
      this.emit("select", [condition, x, small], {}, hull([...x.range, ...small.range]));
    }
  }

  /** The largest entry and its position, where no two come near each other. */
  private ranked(a: number, b: number, c: number): void {
    const ranked = this.pick(0, (k) => k.special === "ranked");
    if (!ranked) return;
    const shift = this.float(a, ({ value: { type } }) => fits(ranked.value.type, type) && type.shape.length < 2)!;
    const apart = this.b.add(ranked.value, this.b.mul(this.small(shift.value), this.b.scalar(0.1)));
    const range: Range = [-0.03, this.ranks * 0.1 + 0.03];
    if (c % 3 === 0) this.emit("maximum", [{ value: apart, range }], { axes: this.axes(ranked.value.type, b) }, range);
    else if (c % 3 === 1) this.emit("floor", [{ value: apart, range }], {}, [-1, range[1]]);
    else {
      const at = this.b.one("argmax", [apart], {});
      this.add(this.b.one("onehot", [at], { size: "H" }), [0, 1]);
    }
  }

  private axes(type: Type, n: number): Axes {
    const features = [...type.shape.keys()].filter((i) => (n >> (2 + i)) & 1);
    return { batch: (n & 1) === 1, time: !this.outer && (n & 2) === 2, features, keep: ((n >> 6) & 1) === 1 };
  }

  private reduce(a: number, b: number): void {
    const x = this.float(a)!;
    const axes = this.axes(x.value.type, b);
    const over = reducedExtents(x.value.type, axes);
    const n = over.reduce((p, d) => p * dim.evaluate(dim.parse(d), this.dims), 1);
    // As means are written: a sum, and a division by the extents.
    const sum = this.b.one("sum", [x.value], { axes });
    this.add(sum, [x.range[0] * n, x.range[1] * n]);
    if (b % 2 === 0) this.add(this.b.div(sum, this.b.extent(over)), x.range);
  }

  private dot(a: number, b: number, c: number): void {
    const x = this.float(a, (k) => k.value.type.shape.length <= 2)!;
    const last = x.value.type.shape.at(-1);
    const la = "mk".slice(2 - x.value.type.shape.length);
    const shared = (k: Known, at: number): boolean => {
      const d = k.value.type.shape.at(at);
      return k.value.type.shape.length === 2 && last !== undefined && d !== undefined && dim.equal(d, last);
    };
    const spellings: readonly (() => readonly [Known | undefined, string, string])[] = [
      () => [this.float(b, (k) => shared(k, 0)), "kn", `${la.slice(0, -1)}n`],
      () => [this.float(b, (k) => shared(k, 1)), "nk", `${la.slice(0, -1)}n`],
      () => [this.float(b, (k) => k.value.type.shape.length === 1), "n", `${la}n`],
      () => [this.float(b, (k) => k.value.type.shape.length === 1), "n", `n${la}`],
    ];
    const [y, lb, out] = spellings[c % 2 === 0 ? 0 : (c >> 1) % spellings.length]();
    if (!y) return;
    const sums = { batch: (c >> 4) % 4 === 0, time: !this.outer && (c >> 6) % 4 === 0 };
    const contracted = [...new Set(la + lb)].filter((l) => !out.includes(l)).length > 0 && last ? [last] : [];
    const n = [
      ...contracted,
      ...(sums.batch && (x.value.type.batch || y.value.type.batch) ? [dim.variable("batch")] : []),
      ...(sums.time && (x.value.type.time || y.value.type.time) ? [dim.variable("time")] : []),
    ].reduce((p, d) => p * dim.evaluate(d, this.dims), 1);
    const bound = n * Math.max(...x.range.map(Math.abs)) * Math.max(...y.range.map(Math.abs));
    this.emit("dot", [x, y], { a: la, b: lb, out, ...sums }, [-bound, bound]);
  }

  private join(a: number, b: number, c: number): void {
    const x = this.float(a, (k) => k.value.type.shape.length > 0 && k.value.type.shape.every((d) => d.length === 1))!;
    const axis = c % x.value.type.shape.length;
    const others = x.value.type.shape.toSpliced(axis, 1);
    const y = this.float(b, ({ value: { type } }) => {
      const rest = type.shape.toSpliced(axis, 1);
      return type.shape.length === x.value.type.shape.length && rest.every((d, i) => dim.equal(d, others[i]));
    })!;
    this.emit("concat", [x, y], { axis }, hull([...x.range, ...y.range]));
  }

  private part(a: number, b: number): void {
    const joined = (d: dim.Dim): boolean => d.length > 1 && d.every(({ num }) => num > 0);
    const apart = b % 2 === 0 && this.float(a, (k) => k.value.type.shape.some(joined)) ? joined : halves;
    const x = this.float(a, (k) => k.value.type.shape.some(apart));
    if (!x) return;
    const axis = x.value.type.shape.findIndex(apart);
    const d = x.value.type.shape[axis];
    if (d.length === 1) this.emit("split", [x], { axis, parts: 2 }, x.range);
    else if (b % 5 === 0) this.emit("slice", [x], { axis, from: dim.show([d[0]]), to: dim.show(d) }, x.range);
    else if (b % 5 === 1) this.emit("slice", [x], { axis, from: "0", to: dim.show([d[0]]) }, x.range);
    else this.emit("cut", [x], { axis, widths: (b % 4 ? d : d.toReversed()).map((t) => dim.show([t])) }, x.range);
  }

  private reshape(a: number, b: number): void {
    const x = this.float(a, (k) => k.value.type.shape.length > 0)!;
    const shape = x.value.type.shape;
    const permutation = [...shape.keys()].map((i) => (i + b) % shape.length);
    if (b % 3 === 0) this.emit("transpose", [x], { permutation }, x.range);
    else if (b % 3 === 1) this.emit("reshape", [x], { shape: [dim.show(dim.product(shape))] }, x.range);
    else if (shape.length < 3)
      this.emit("reshape", [x], { shape: shape.map(dim.show).toSpliced(b % (shape.length + 1), 0, "1") }, x.range);
  }

  private stretch(a: number, b: number): void {
    const x = this.float(a)!;
    const y = this.float(b, (k) => fits(x.value.type, k.value.type))!;
    this.emit("broadcast", [x], { type: broadcastTypes([x.value.type, y.value.type]) }, x.range);
  }

  /** The first or last time step, taken or put. */
  private moment(a: number, b: number): void {
    const attrs = { step: b % 2 ? "first" : "last" } as const;
    if (!this.outer && b % 4 < 2) {
      const x = this.float(a, (k) => !k.value.type.time)!;
      this.emit("put", [x], attrs, hull([0, ...x.range]));
      return;
    }
    const x = this.float(a, (k) => k.value.type.time);
    if (x) this.emit("at", [x], attrs, x.range);
  }

  /** Positions along an axis, alone or added to a value that has them. */
  private count(a: number, b: number): void {
    const size = b % 2 ? "H" : "D";
    const n = dim.evaluate(dim.variable(size), this.dims);
    const positions: Known = { value: this.b.one("iota", [], { size }), range: [0, n - 1] };
    const x = this.float(
      a,
      ({ value: { type } }) => type.shape.length > 0 && dim.equal(type.shape.at(-1)!, dim.variable(size)),
    );
    if (x) this.emit("add", [positions, x], {}, [x.range[0], x.range[1] + n - 1]);
    else this.add(positions.value, positions.range);
  }

  /** A sum of all steps so far, or of those that follow. */
  private running(a: number, b: number): void {
    const reverse = b % 2 === 1;
    // Where sequences differ in length, it is each example's own that runs from its last step.
    const x = this.float(a, ({ value: { type } }) => type.time && (type.batch || !reverse));
    if (!x) return;
    const [low, high] = x.range.map((v) => v * this.dims.time);
    this.emit("cumsum", [x], { reverse }, hull([...x.range, low, high]));
  }

  /** The value a few steps before or after. */
  private shift(a: number, b: number): void {
    const by = [1, 2, -1, 3][b % 4];
    const x = this.float(a, ({ value: { type } }) => type.time && (type.batch || by > 0));
    if (x) this.emit("shift", [x], { by }, hull([0, ...x.range]));
  }

  /** An axis in reverse, or all of them among zeros. */
  private padded(a: number, b: number, c: number): void {
    const x = this.float(a, (k) => k.value.type.shape.length > 0)!;
    const { shape } = x.value.type;
    const widths = ["0", "1", "D"];
    const along = (n: number): readonly string[] => shape.map((_, i) => widths[(n + i) % 3]);
    if (c % 3 === 0) this.emit("flip", [x], { axis: b % shape.length }, x.range);
    else this.emit("pad", [x], { before: along(b), after: along(c) }, hull([0, ...x.range]));
  }

  /** Windows of an axis, among zeros so that there are some, and back: windows added up where they overlap. */
  private windows(a: number, b: number, c: number): void {
    const x = this.float(a, (k) => k.value.type.shape.length > 0 && k.value.type.shape.length < 3)!;
    const { shape } = x.value.type;
    const axis = b % shape.length;
    const dilation = 1 + (c % 2);
    if (c % 3 !== 0 || shape.length === 1) {
      const size = ["1", "2", "3", "D + 1"][b % 4];
      const reach = dim.multiply(dim.subtract(dim.parse(size), dim.constant(1)), dim.constant(dilation));
      const led = shape.map((_, i) => (i === axis ? dim.show(reach) : "0"));
      const around = this.b.one("pad", [x.value], { before: led, after: shape.map(() => "0") });
      const range = hull([0, ...x.range]);
      this.emit("windows", [{ value: around, range }], { axis, size, stride: 1, dilation }, range);
      return;
    }
    const stride = 1 + ((c >> 2) % 3);
    const n = dim.evaluate(shape[1], this.dims);
    this.emit("overlap", [x], { axis: 0, stride, dilation }, hull([0, ...x.range, ...x.range.map((v) => v * n)]));
  }

  /** A sequence from its last step to its first. */
  private reverse(a: number): void {
    const x = this.float(a, ({ value: { type } }) => type.time && type.batch);
    if (x) this.emit("reverse", [x, { value: this.b.extent(["time"]), range: [1, this.dims.time] }], {}, x.range);
  }

  /** All steps as rows, and back. */
  private whole(a: number, b: number): void {
    if (this.outer) return;
    const size = ["H", "D", "4", "1"][b % 4];
    const short = ({ value: { type } }: Known): boolean => type.shape.length < 3;
    const x = this.float(a, (k) => k.value.type.time && short(k));
    if (x && b % 3 > 0) this.emit("whole", [x], { size }, hull([0, ...x.range]));
    const rows = this.float(b, ({ value: { type } }) => !type.time && type.shape.length > 0);
    if (rows && b % 3 < 2) this.emit("stepwise", [rows], {}, hull([0, ...rows.range]));
  }

  /** Sums over parts of the batch, and for each example that of its part. */
  private parts(a: number, b: number): void {
    const x = this.float(a, (k) => k.value.type.batch && k.value.type.shape.length < 3);
    if (!x) return;
    const n = this.dims.batch;
    const range: Range = [Math.min(0, x.range[0]) * n, Math.max(0, x.range[1]) * n];
    const sums = this.b.one("partial", [x.value], { parts: 1 + (b % 2) });
    this.add(sums, range);
    this.emit("spread", [{ value: sums, range }], {}, range);
  }

  /** Rows of a table by an index, and back. */
  private rows(a: number, b: number, c: number): void {
    const i = this.pick(a, (k) => k.value.type.dtype === "index");
    if (!i) return;
    const isTable = ({ value: { type } }: Known): boolean =>
      !type.time && !type.batch && type.shape.length > 0 && dim.equal(type.shape[0], dim.variable("D"));
    const table = this.float(b, isTable)!;
    if (c % 3 === 0) this.emit("gather", [table, i], {}, table.range);
    else if (c % 3 === 1) this.emit("onehot", [i], { size: "D" }, [0, 1]);
    else {
      const x = this.float(b)!;
      const n = this.dims.batch * this.dims.time;
      this.emit("scatter", [i, x], { size: "D" }, hull([0, n * x.range[0], n * x.range[1]]));
    }
  }

  /**
   * A scan of `1 + a mod 3` states over a few inputs. Each state becomes tanh of what the body made of it, so that it stays in
   * [−1, 1] however many steps there are.
   */
  scan({ kind, a, b, c, body }: Instruction): void {
    const initial = Array.from({ length: 1 + (a % 3) }, (_, k) => {
      const from = this.float(b + 7 * k, ({ value: { type } }) => !type.time && type.shape.length > 0)!;
      const x = within(from.range, [-1, 1]) ? from.value : this.b.elementwise("tanh", [from.value]);
      return k % 2 === 0 ? this.b.broadcast(x, { ...x.type, batch: true }) : x;
    });
    const reverse = kind % 2 === 1;
    // Where sequences differ in length, each example's own is reversed.
    const isInput = ({ value: { type } }: Known): boolean => type.time && (type.batch || !reverse);
    const inputs = Array.from({ length: 1 + (b % 3) }, (_, k) => this.pick(c + 3 * k, isInput)!);
    const inner = new Writer(this.dims, this);
    const params = [
      ...initial.map((v, k) => inner.param({ value: v, range: [-1, 1] }, `state${k}`)),
      ...inputs.map((v, k) => inner.param(v, `in${k}`)),
    ];
    for (const i of body) inner.write(i);
    const next = initial.map((v, k) => inner.next(params[k], v.type, a + k));
    const outputs = Array.from(
      { length: 1 + (c % 2) },
      (_, k) => inner.float(kind + k, ({ value }) => value.type.batch || !reverse)!,
    );
    const results = [...next, ...outputs.map((k) => k.value)];
    const made = this.b.scan(
      initial,
      inputs.map((k) => k.value),
      { params, ops: inner.b.ops, results },
      { reverse },
    );
    for (const v of made.finals) this.add(v, [-1, 1]);
    made.outputs.forEach((v, k) => {
      this.add(v, outputs[k].range);
    });
  }

  private param({ value, range }: Known, name: string): Value {
    const p = this.b.value({ ...value.type, time: false }, name);
    this.known.push({ value: p, range });
    return p;
  }

  private next(state: Value, type: Type, n: number): Value {
    const fitting = (k: Known): boolean =>
      fits(k.value.type, type) && sameType(broadcastTypes([k.value.type, type]), type);
    const x = this.float(n, fitting)!;
    const sum = this.b.add(this.b.mul(state, this.b.scalar(0.5)), n % 2 ? this.product(x.value) : x.value);
    return this.b.one("tanh", [sum], {}, `${state.name}_next`);
  }

  /** Half of `x @ Whh`, where x has the features for it; nothing else reads the product. */
  private product(x: Value): Value {
    const last = x.type.shape.at(-1);
    if (last === undefined || !dim.equal(last, dim.variable("H"))) return x;
    const square = this.pick(0, ({ value: { name } }) => name === "Whh")!.value;
    const rest = "lm".slice(3 - x.type.shape.length);
    return this.b.mul(
      this.b.dot(x, square, { a: `${rest}k`, b: "kn", out: `${rest}n` }),
      this.b.scalar(0.5 / dim.evaluate(last, this.dims)),
    );
  }

  /** The graph, without leaves that nothing uses; a value no op uses is an output, and its mean a part of the loss. */
  finish(seed: number): Omit<RandomGraph, "dims"> {
    const used = new Set(this.b.ops.flatMap(usedBy).map((v) => v.id));
    const sinks = this.b.ops
      .filter((op) => op.op !== "leaf")
      .flatMap((op) => op.results)
      .filter((v) => !used.has(v.id));
    const loss = sinks.map((v) => this.mean(v)).reduce((x, y) => this.b.add(x, y), this.b.scalar(0));
    const results: Result[] = [
      ...sinks.map((value, k): Result => ({ kind: "output", name: `y${k}`, value })),
      { kind: "loss", name: "loss", value: loss },
    ];
    const rows = leafRows.filter((_, k) => used.has(this.b.ops[k].results[0].id));
    const ops = this.b.ops.filter((op) => op.op !== "leaf" || used.has(op.results[0].id));
    const random = uniform(seed);
    const leaves = Object.fromEntries(rows.map((row) => [row.leaf.name, numbersOf(row, this.dims, random)]));
    const differentiable = rows.filter((r) => r.leaf.kind !== "index").map((r) => r.leaf.name);
    return { graph: { name: "random", ops, results, norms: new Map() }, leaves, differentiable };
  }

  private mean(v: Value): Value {
    const axes: Axes = { batch: true, time: true, features: [...v.type.shape.keys()], keep: false };
    return this.b.div(this.b.one("sum", [v], { axes }), this.b.extent(reducedExtents(v.type, axes)));
  }
}

function usedBy(op: Op): readonly Value[] {
  return [...op.operands, ...(op.body ? [...op.body.ops.flatMap(usedBy), ...op.body.results] : [])];
}

/** Whether the two broadcast, to a type with few enough elements. */
function fits(a: Type, b: Type): boolean {
  try {
    return broadcastTypes([a, b]).shape.length <= 3;
  } catch {
    return false;
  }
}

/** Whether `d`, a number of times H, has two whole halves: H is even. */
function halves(d: dim.Dim): boolean {
  return d.length === 1 && d[0].den === 1 && d[0].vars.includes("H");
}
