/**
 * Random products: every role an axis can have on each side and in the result, in every order, examples and steps among them;
 * one or several products of a common left side, alone or in a loop. Extents lie around those at which a schedule does
 * something else.
 */
import * as fc from "fast-check";
import { Builder } from "../../compiler/ir/builder.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import type { Graph, Result, Type, Value } from "../../compiler/ir/types.ts";

export interface RandomContraction {
  readonly graph: Graph;
  readonly batch: number;
  readonly time: number;
}

/** Where an axis occurs: on which sides, and whether the result has it. */
const roles = {
  row: { a: true, b: false, out: true },
  column: { a: false, b: true, out: true },
  head: { a: true, b: true, out: true },
  inner: { a: true, b: true, out: false },
  aloneInA: { a: true, b: false, out: false },
  aloneInB: { a: false, b: true, out: false },
} as const;

type Role = keyof typeof roles;

/** Blocks have 2, 3, 4, 8 or 16 of an axis, tiles and panels 16, 32 or 64; the copies of a side 256. */
const extents = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 25, 31, 32, 33, 48, 63, 64, 65, 100, 130, 257, 300];

/** Multiply-adds of a product at most. */
const MOST = 600_000;

/** How an operand comes to the product. */
const views = ["leaf", "turned", "half", "computed"] as const;

interface Drawn {
  readonly axes: readonly { readonly role: Role; readonly extent: number }[];
  readonly batch: { readonly role: Role | "none"; readonly extent: number };
  readonly time: { readonly role: Role | "none"; readonly extent: number };
  readonly orders: readonly number[];
  readonly views: readonly (typeof views)[number][];
  readonly products: number;
  readonly loop: boolean;
}

const role = fc.constantFrom<Role>("row", "row", "column", "column", "head", "inner", "inner", "aloneInA", "aloneInB");
const leading = fc.constantFrom<Role | "none">("none", "row", "row", "column", "head", "inner", "inner", "aloneInA");

export const randomContractions: fc.Arbitrary<RandomContraction> = fc
  .record({
    axes: fc.array(fc.record({ role, extent: fc.constantFrom(...extents) }), { minLength: 1, maxLength: 5 }),
    batch: fc.record({ role: leading, extent: fc.constantFrom(...extents) }),
    time: fc.record({ role: leading, extent: fc.constantFrom(1, 2, 3, 5) }),
    orders: fc.tuple(fc.nat(119), fc.nat(119), fc.nat(119)),
    views: fc.tuple(fc.constantFrom(...views), fc.constantFrom(...views)),
    products: fc.constantFrom(1, 1, 2, 3, 4, 5),
    loop: fc.boolean(),
  })
  .map((drawn) => {
    const bounded = smaller(drawn);
    const graph = new Product(bounded).graph();
    const [batch, time] = [bounded.batch.extent, bounded.time.extent];
    const shown = (): string => `batch ${batch}, time ${time}\n${printGraph(graph)}`;
    return { graph, batch, time, [fc.toStringMethod]: shown };
  });

/** The largest axes cut down until the product is no longer than the reference has time for. */
function smaller({ axes, batch, time, ...rest }: Drawn): Drawn {
  const all = [...axes, batch].map((axis) => ({ ...axis }));
  const work = (): number => all.reduce((n, { extent }) => n * extent, time.extent);
  while (work() > MOST) {
    const largest = all.reduce((a, b) => (b.extent > a.extent ? b : a));
    largest.extent = extents[extents.indexOf(largest.extent) - 1];
  }
  return { ...rest, time, axes: all.slice(0, -1) as Drawn["axes"], batch: all[all.length - 1] };
}

/** The `n`th order of `of`. */
function inOrder<T>(of: readonly T[], n: number): readonly T[] {
  if (of.length < 2) return of;
  const k = n % of.length;
  return [of[k], ...inOrder(of.toSpliced(k, 1), Math.floor(n / of.length))];
}

class Product {
  private readonly b = new Builder();
  private readonly drawn: Drawn;
  private readonly labels: Readonly<Record<"a" | "b" | "out", string>>;

  constructor(drawn: Drawn) {
    this.drawn = drawn;
    const having = (side: "a" | "b" | "out"): readonly string[] =>
      drawn.axes.flatMap(({ role }, i) => (roles[role][side] ? ["klmno"[i]] : []));
    const [a, b, out] = (["a", "b", "out"] as const).map((side, k) => inOrder(having(side), drawn.orders[k]).join(""));
    this.labels = { a, b, out };
  }

  /** A loss of all results, and the results themselves. */
  graph(): Graph {
    const { b, drawn } = this;
    const left = this.operand("a", "x");
    const rights = Array.from({ length: drawn.products }, (_, k) => this.operand("b", `w${k}`));
    const inLoop = drawn.loop && [left, ...rights].some(({ type }) => type.time);
    const made = inLoop ? this.looped(left, rights) : rights.map((right) => this.product(b, left, right));
    const loss = made.map((y) => this.mean(b, y)).reduce(b.add);
    const results: readonly Result[] = [
      { kind: "loss", name: "loss", value: loss },
      ...made.map((value, k): Result => ({ kind: "output", name: `y${k}`, value })),
    ];
    return { name: "product", ops: b.ops, results, norms: new Map() };
  }

  private type(side: "a" | "b"): Type {
    const { axes, batch, time } = this.drawn;
    const has = (of: Role | "none"): boolean => of !== "none" && roles[of][side];
    const shape = [...this.labels[side]].map((l) => dim.constant(axes["klmno".indexOf(l)].extent));
    return { dtype: "f32", time: has(time.role), batch: has(batch.role), shape };
  }

  private operand(side: "a" | "b", name: string): Value {
    const { b } = this;
    const type = this.type(side);
    const leaf = (of: Type): Value => {
      const kind = of.batch || of.time ? "input" : "param";
      const made = kind === "param" ? { kind, name, init: { kind: "constant", value: 0 } as const } : { kind, name };
      return b.one("leaf", [], { leaf: made as { kind: "input"; name: string }, type: of }, name);
    };
    const last = type.shape.length - 1;
    const view = this.drawn.views[side === "a" ? 0 : 1];
    if (last >= 0 && view === "turned") {
      const turned = leaf({ ...type, shape: [...type.shape.slice(1), type.shape[0]] });
      return b.one("transpose", [turned], { permutation: [last, ...type.shape.keys()].slice(0, last + 1) });
    }
    if (last >= 0 && view === "half") {
      const wide = type.shape.with(last, dim.constant(2 * dim.evaluate(type.shape[last], {})));
      return b.emit("split", [leaf({ ...type, shape: wide })], { axis: last, parts: 2 })[1];
    }
    return view === "computed" ? b.one("tanh", [leaf(type)], {}) : leaf(type);
  }

  private product(b: Builder, left: Value, right: Value): Value {
    const { batch, time } = this.drawn;
    const summed = (of: Role | "none", flag: "batch" | "time"): boolean =>
      of !== "none" && !roles[of].out && (left.type[flag] || right.type[flag]);
    return b.dot(left, right, { ...this.labels, batch: summed(batch.role, "batch"), time: summed(time.role, "time") });
  }

  /** The products step by step, of a left side that depends on the step before. */
  private looped(left: Value, rights: readonly Value[]): readonly Value[] {
    const { b } = this;
    const inputs = [left, ...rights].filter(({ type }) => type.time);
    const inner = b.body();
    const state = inner.value({ dtype: "f32", time: false, batch: false, shape: [] }, "s");
    const steps = inputs.map(({ type, name }) => inner.value({ ...type, time: false }, name));
    const step = (v: Value): Value => steps[inputs.indexOf(v)] ?? v;
    const scaled = inner.mul(step(left), inner.add(state, inner.scalar(0.5)));
    const made = rights.map((right) => this.product(inner, scaled, step(right)));
    const next = inner.one("tanh", [made.map((y) => this.mean(inner, y)).reduce(inner.add)], {});
    const body = { params: [state, ...steps], ops: inner.ops, results: [next, ...made] };
    return b.scan([b.scalar(0.5)], inputs, body, { reverse: this.drawn.orders[0] % 2 === 1 }).outputs;
  }

  /** Of numbers of either sign and modest size, so that f32 keeps the digits of sums of many. */
  private mean(b: Builder, y: Value): Value {
    const { axes, batch: examples, time: steps } = this.drawn;
    const summed = [...axes, examples, steps].filter(({ role }) => role !== "none" && !roles[role].out);
    const size = Math.sqrt(summed.reduce((n, { extent }) => n * extent, 1));
    const { batch, time, shape } = y.type;
    const sum = b.sum(b.sin(b.mul(y, b.scalar(1 / size))), { batch, time, features: [...shape.keys()] });
    const terms = shape.reduce((n, d) => n * dim.evaluate(d, {}), 1);
    const leading = [...(batch ? ["batch"] : []), ...(time ? ["time"] : [])];
    return b.div(sum, b.mul(b.extent(leading), b.scalar(terms)));
  }
}
