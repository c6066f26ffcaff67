/** Makes one kernel of one group of ops: which part of the work a workgroup owns, and the loops of every stage. */
import * as dim from "../ir/dim.ts";
import type { Axes, Op, OpOf, Type, Value } from "../ir/types.ts";
import { blockedDot, strided } from "./blocked-dot.ts";
import * as x from "./expr.ts";
import type { Group, Owner } from "./group.ts";
import type { Extent, KExpr, Kernel, KStmt, Machine, Tile } from "./kernel-ir.ts";
import type { Home, Layout } from "./layout.ts";
import { type Axis, decode, forEachPoint, origin } from "./loops.ts";
import { Evaluation, type Point, type Scope } from "./point.ts";
import { stages } from "./stages.ts";

export interface KernelInput {
  readonly name: string;
  readonly group: Group;
  readonly defs: ReadonlyMap<Value, Op>;
  readonly dims: Readonly<Record<string, number>>;
  readonly machine: Machine;
  readonly layout: Layout;
  /** Inside a scan's body. */
  readonly inBody: boolean;
  /** Where each value stands; several places for one that is wanted in several. The first is the one to load from. */
  readonly homes: ReadonlyMap<Value, readonly Home[]>;
}

const LOWEST = -3.4028234663852886e38;
const one: Extent = { fixed: 1, perStep: 0 };
const steps: Extent = { fixed: 0, perStep: 1 };

/** Whether products are computed where they are used (a lane a point) rather than in blocked loops of their own. */
export const inlineDots = (machine: Machine): boolean => machine.lanes > 1;

export function makeKernel(input: KernelInput): Kernel {
  return new KernelMaker(input).make();
}

class KernelMaker {
  private readonly in: KernelInput;
  private readonly owner: Owner;
  private readonly names = new Map<string, number>();
  private readonly inside: ReadonlySet<Value>;
  private readonly done = new Set<Value>();
  private readonly scope: Scope;
  private readonly step: KExpr | undefined;
  /** The step of values with `time`, when a workgroup has one step only. */
  private readonly t: KExpr | undefined;
  private readonly split: { readonly axis: "b" | number; readonly extent: number; readonly block: number } | undefined;
  private readonly tiles: Tile[] = [];

  constructor(input: KernelInput) {
    this.in = input;
    this.owner = input.group.owners[0];
    this.inside = new Set(input.group.ops.flatMap((op) => op.results));
    this.step = input.inBody ? x.uniform("t") : undefined;
    const { space } = input.group;
    const perStep = space.time && (this.owner === "column" || this.owner === "row" || this.owner === "element");
    this.t = perStep ? { k: "group", axis: 1 } : undefined;
    this.split = this.share(space);
    this.scope = {
      defs: input.defs,
      layout: input.layout,
      dims: input.dims,
      step: this.step,
      home: (v) => (this.inside.has(v) && !this.done.has(v) ? undefined : input.homes.get(v)?.[0]),
      name: (hint) => this.name(hint),
    };
  }

  private name(hint: string): string {
    const base = hint.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?![A-Za-z])/, "v_");
    const n = (this.names.get(base) ?? 0) + 1;
    this.names.set(base, n);
    return n === 1 ? base : this.name(`${base}_${n}`);
  }

  private extent(d: dim.Dim): number {
    return dim.evaluate(d, this.in.dims);
  }

  private shape(t: Type): readonly number[] {
    return t.shape.map((d) => this.extent(d));
  }

  /** The axis that the grid shares out, and how much of it one workgroup owns. */
  private share(space: Type): KernelMaker["split"] {
    const { machine, dims } = this.in;
    const shape = this.shape(space);
    const features = shape.reduce((a, b) => a * b, 1);
    const atLeast = (block: number, extent: number): number => Math.max(block, Math.ceil(extent / machine.maxGrid), 1);
    const lastAxis = shape.length - 1;
    switch (this.owner) {
      case "whole":
        return undefined;
      case "column":
      case "steps": {
        const extent = shape[lastAxis];
        // Lanes: as many columns as fill them with the batch. Vectors: columns whose tile stays in the first-level cache.
        const block = machine.lanes > 1 ? Math.min(16, Math.floor(machine.lanes / dims.batch)) : 32;
        return { axis: lastAxis, extent, block: atLeast(Math.min(block, extent), extent) };
      }
      case "row":
      case "element": {
        const extent = space.batch ? dims.batch : shape[0];
        if (extent === undefined) return undefined;
        const rest = space.batch ? features : features / extent;
        const block = machine.lanes > 1 ? Math.floor(machine.lanes / rest) : extent;
        return { axis: space.batch ? "b" : 0, extent, block: atLeast(Math.min(block, extent), extent) };
      }
    }
  }

  make(): Kernel {
    const { group, machine, homes } = this.in;
    const exported = new Set([...homes.keys()].filter((v) => this.inside.has(v)));
    const plan = stages(group.ops, this.in.defs, exported, inlineDots(machine));
    const body: KStmt[] = [];
    plan.stages.forEach((ops, i) => {
      const statements = this.stage(ops);
      for (const op of ops) for (const r of op.results) if (homes.has(r)) this.done.add(r);
      if (statements.length === 0) return;
      if (i > 0 && body.length > 0) body.push({ s: "barrier" });
      body.push(...statements);
    });
    const blocks = this.split ? Math.ceil(this.split.extent / this.split.block) : 1;
    return {
      name: this.in.name,
      doc: this.doc(),
      lanes: machine.lanes,
      grid: [{ fixed: blocks, perStep: 0 }, this.t ? steps : one, one],
      regions: regionsOf(body),
      tiles: this.tiles,
      body,
    };
  }

  private doc(): string {
    const made = [...this.in.homes.keys()]
      .filter((v) => this.inside.has(v))
      .map((v) => v.name)
      .filter((n) => n !== "");
    const owned = {
      column: "some features of the whole batch",
      steps: "some features of the whole batch at every step",
      row: "all features of some examples",
      element: "single elements",
      whole: "everything",
    }[this.owner];
    return `${[...new Set(made)].join(", ") || "values"}. A workgroup owns ${owned}.`;
  }

  /** The axes of a space, with the part of each that this workgroup owns. */
  private axes(t: Type): readonly Axis[] {
    const axes: Axis[] = [];
    if (t.time && this.t === undefined) axes.push({ axis: "t", from: x.int(0), to: x.uniform("T"), most: undefined });
    if (t.batch) axes.push(this.owned("b", this.in.dims.batch));
    this.shape(t).forEach((n, i) => {
      axes.push(this.owned(i, n));
    });
    return axes;
  }

  private owned(axis: "b" | number, extent: number): Axis {
    const { split } = this;
    if (!split || split.axis !== axis || split.extent !== extent || split.block >= extent)
      return { axis, from: x.int(0), to: x.int(extent), most: extent };
    const from = x.mul({ k: "group", axis: 0 }, x.int(split.block));
    const end = x.add(from, x.int(split.block));
    return { axis, from, to: extent % split.block === 0 ? end : x.min(end, x.int(extent)), most: split.block };
  }

  private stage(ops: readonly Op[]): readonly KStmt[] {
    const { machine, homes } = this.in;
    const statements: KStmt[] = [];
    const points = new Map<string, { type: Type; values: Value[] }>();
    const reductions = new Map<string, OpOf<"sum" | "maximum">[]>();
    for (const op of ops) {
      const [y] = op.results;
      if (op.op === "sum" || op.op === "maximum") {
        const key = JSON.stringify([op.operands[0].type, op.attrs.axes]);
        reductions.set(key, [...(reductions.get(key) ?? []), op]);
        continue;
      }
      if (!homes.has(y)) continue;
      if (op.op === "argmax") statements.push(...this.argmax(op));
      else if (op.op === "scatter") statements.push(...this.scatter(op));
      else {
        const blocked = op.op === "dot" && !inlineDots(machine) ? this.blocked(op) : undefined;
        if (blocked) {
          statements.push(...blocked);
          continue;
        }
        const key = JSON.stringify([y.type.time, y.type.batch, y.type.shape]);
        const space = points.get(key) ?? { type: y.type, values: [] };
        space.values.push(y);
        points.set(key, space);
      }
    }
    for (const sums of reductions.values()) statements.push(...this.reduce(sums));
    for (const { type, values } of points.values()) statements.push(...this.points(type, values));
    return statements;
  }

  /** Computes and stores elementwise values. */
  private points(type: Type, values: readonly Value[]): readonly KStmt[] {
    const vectorize = type.shape.length > 0;
    return forEachPoint(
      this.in.machine,
      this.scope.name,
      this.axes(type),
      origin(this.t, type.shape.length),
      vectorize,
      (p) => {
        const evaluation = new Evaluation(this.scope);
        // Everything is read before anything is written: a value may replace what it is computed from.
        const computed = values.map((v) => evaluation.at(v, p));
        values.forEach((v, i) => {
          evaluation.statements.push(...this.store(v, p, computed[i]));
        });
        return evaluation.statements;
      },
    );
  }

  /** Stores `value` in every home of `v`. */
  private store(v: Value, p: Point, value: KExpr): readonly KStmt[] {
    const { layout, homes } = this.in;
    const t = v.type.time ? p.t : this.step;
    return homes.get(v)!.flatMap((home): KStmt[] => {
      const memory = { kind: "region", region: home.buffer.region } as const;
      const f = p.f.slice(p.f.length - v.type.shape.length);
      const index = layout.address(home, t, v.type.batch ? p.b : undefined, f);
      const contiguous = home.strides[home.strides.length - 1] === 1;
      const lanes = p.width === 4 && !contiguous ? ([0, 1, 2, 3] as const) : [];
      const stores: KStmt[] =
        lanes.length === 0
          ? [{ s: "store", memory, index, type: p.width === 4 ? "f32x4" : "f32", value }]
          : lanes.map((lane) => ({
              s: "store",
              memory,
              index: x.add(index, x.int(lane * home.strides[home.strides.length - 1])),
              type: "f32",
              value: { k: "extract", a: value, lane },
            }));
      // A statistic keeps its first rows only.
      if (!home.steps || t === undefined) return stores;
      return [{ s: "if", condition: x.compare("lt", t, x.int(home.steps.count)), then: stores, else: [] }];
    });
  }

  /** Several sums over the same axes of the same space, in one pass. */
  private reduce(ops: readonly OpOf<"sum" | "maximum">[]): readonly KStmt[] {
    const { machine } = this.in;
    const from = ops[0].operands[0].type;
    const { axes: removed } = ops[0].attrs;
    const all = this.axes(from);
    const isRemoved = (a: Axis): boolean => removes(removed, a.axis);
    const outer = all.filter((a) => !isRemoved(a));
    const inner = all.filter(isRemoved);
    const start = origin(this.t, from.shape.length);
    if (machine.lanes > 1) {
      const results = outer.reduce((n, a) => n * (a.most ?? Number.POSITIVE_INFINITY), 1);
      if (results * 2 <= machine.lanes) return this.reduceTogether(ops, outer, inner, start, results);
    }
    const lastKept =
      outer.length > 0 && outer[outer.length - 1].axis === from.shape.length - 1 && from.shape.length > 0;
    return forEachPoint(machine, this.scope.name, outer, start, lastKept, (p) => {
      const statements: KStmt[] = [];
      const totals = ops.map((op) => this.accumulator(op, p.width, statements));
      const lastRemoved =
        !lastKept &&
        inner.length > 0 &&
        inner[inner.length - 1].axis === from.shape.length - 1 &&
        from.shape.length > 0;
      const vectors = lastRemoved && machine.vector === 4 && (inner[inner.length - 1].most ?? 0) >= 4;
      statements.push(...this.accumulate(ops, totals, inner, p, vectors));
      ops.forEach((op, i) => {
        statements.push(...this.store(op.results[0], this.resultPoint(op, p), totals[i]));
      });
      return statements;
    });
  }

  /** The point of a reduction's result that belongs to a point of its operand's space. */
  private resultPoint(op: OpOf<"sum" | "maximum">, p: Point): Point {
    const { features, keep } = op.attrs.axes;
    return { ...p, f: keep ? p.f : p.f.filter((_, i) => !features.includes(i)) };
  }

  private accumulator(op: Op, width: 1 | 4, into: KStmt[]): KExpr {
    const name = this.name(op.results[0].name || op.op);
    const start = x.float(op.op === "maximum" ? LOWEST : 0);
    const type = width === 4 ? "f32x4" : "f32";
    into.push({ s: "var", name, type, value: width === 4 ? { k: "splat", a: start } : start });
    return x.variable(name, type);
  }

  /** Loops over `inner`, folding each operand into its total. With `vectors` the last axis runs four at a time. */
  private accumulate(
    ops: readonly Op[],
    totals: readonly KExpr[],
    inner: readonly Axis[],
    p: Point,
    vectors: boolean,
  ): readonly KStmt[] {
    const fold =
      (targets: readonly KExpr[]) =>
      (q: Point): readonly KStmt[] => {
        const evaluation = new Evaluation(this.scope);
        ops.forEach((op, i) => {
          const target = targets[i] as Extract<KExpr, { k: "var" }>;
          const type = target.type as "f32" | "f32x4";
          const value = evaluation.at(op.operands[0], q);
          const math = op.op === "maximum" ? "max" : "add";
          evaluation.statements.push({
            s: "assign",
            name: target.name,
            type,
            value: { k: "math", op: math, type, args: [target, value] },
          });
        });
        return evaluation.statements;
      };
    const nest = (axes: readonly Axis[], q: Point, body: (q: Point) => readonly KStmt[]): readonly KStmt[] => {
      if (axes.length === 0) return body(q);
      const [first, ...rest] = axes;
      const name = this.name(typeof first.axis === "number" ? "k" : first.axis === "b" ? "n" : "s");
      const at = x.variable(name, "i32");
      const here: Point =
        first.axis === "t"
          ? { ...q, t: at }
          : first.axis === "b"
            ? { ...q, b: at }
            : { ...q, f: q.f.map((e, i) => (i === first.axis ? at : e)) };
      return [
        { s: "for", kind: "serial", name, from: first.from, to: first.to, step: 1, body: nest(rest, here, body) },
      ];
    };
    if (!vectors) return nest(inner, p, fold(totals));
    const axis = inner[inner.length - 1];
    const n = axis.most!;
    return nest(inner.slice(0, -1), p, (q) => {
      const statements: KStmt[] = [];
      const partial = ops.map((op) => this.accumulator(op, 4, statements));
      const index = (name: string, width: 1 | 4): Point => ({
        ...q,
        width,
        f: q.f.map((e, i) => (i === axis.axis ? x.variable(name, "i32") : e)),
      });
      const main = n - (n % 4);
      const name = this.name("k");
      statements.push({
        s: "for",
        kind: "serial",
        name,
        from: x.int(0),
        to: x.int(main),
        step: 4,
        body: fold(partial)(index(name, 4)),
      });
      ops.forEach((op, i) => {
        const target = totals[i] as Extract<KExpr, { k: "var" }>;
        const math = op.op === "maximum" ? "max" : "add";
        const across: KExpr = { k: "across", op: math, a: partial[i] };
        statements.push({
          s: "assign",
          name: target.name,
          type: "f32",
          value: { k: "math", op: math, type: "f32", args: [target, across] },
        });
      });
      if (main < n) {
        const left = this.name("k");
        statements.push({
          s: "for",
          kind: "serial",
          name: left,
          from: x.int(main),
          to: x.int(n),
          step: 1,
          body: fold(totals)(index(left, 1)),
        });
      }
      return statements;
    });
  }

  /** Few results on many lanes: each lane folds a share, then one lane a result folds the shares. */
  private reduceTogether(
    ops: readonly OpOf<"sum" | "maximum">[],
    outer: readonly Axis[],
    inner: readonly Axis[],
    start: Point,
    results: number,
  ): readonly KStmt[] {
    const { lanes } = this.in.machine;
    const shares = Math.floor(lanes / results);
    const tiles = ops.map((op) => {
      const tile: Tile = { name: this.name(`${op.results[0].name || op.op}_shares`), size: results * shares };
      this.tiles.push(tile);
      return tile;
    });
    const lane = this.name("i");
    const i = x.variable(lane, "i32");
    const share = x.rem(i, x.int(shares));
    const { point, guard } = decode(outer, x.div(i, x.int(shares)), start);
    const body: KStmt[] = [];
    const totals = ops.map((op) => this.accumulator(op, 1, body));
    const open = inner.filter((a) => a.most === undefined);
    const closed = inner.filter((a) => a.most !== undefined);
    const count = closed.reduce((n, a) => n * a.most!, 1);
    const at = this.name("k");
    const position = decode(closed, x.variable(at, "i32"), point);
    const fold = this.accumulate(ops, totals, open, position.point, false);
    const folded: readonly KStmt[] = position.guard
      ? [{ s: "if", condition: position.guard, then: fold, else: [] }]
      : fold;
    body.push({ s: "for", kind: "serial", name: at, from: share, to: x.int(count), step: shares, body: folded });
    ops.forEach((_, k) => {
      body.push({ s: "store", memory: { kind: "tile", name: tiles[k].name }, index: i, type: "f32", value: totals[k] });
    });
    const guarded = (condition: KExpr | undefined, then: readonly KStmt[]): readonly KStmt[] =>
      condition ? [{ s: "if", condition, then, else: [] }] : then;

    const result = this.name("i");
    const r = x.variable(result, "i32");
    const target = decode(outer, r, start);
    const second: KStmt[] = [];
    const sums = ops.map((op) => this.accumulator(op, 1, second));
    const k = this.name("k");
    second.push({
      s: "for",
      kind: "serial",
      name: k,
      from: x.int(0),
      to: x.int(shares),
      step: 1,
      body: ops.map((op, j): KStmt => {
        const total = sums[j] as Extract<KExpr, { k: "var" }>;
        const from = x.add(x.mul(r, x.int(shares)), x.variable(k, "i32"));
        const share = x.load({ kind: "tile", name: tiles[j].name }, from, "f32");
        const math = op.op === "maximum" ? "max" : "add";
        return {
          s: "assign",
          name: total.name,
          type: "f32",
          value: { k: "math", op: math, type: "f32", args: [total, share] },
        };
      }),
    });
    ops.forEach((op, j) => {
      second.push(...this.store(op.results[0], this.resultPoint(op, target.point), sums[j]));
    });
    return [
      {
        s: "for",
        kind: "lanes",
        name: lane,
        from: x.int(0),
        to: x.int(results * shares),
        step: 1,
        body: guarded(guard, body),
      },
      { s: "barrier" },
      {
        s: "for",
        kind: "lanes",
        name: result,
        from: x.int(0),
        to: x.int(results),
        step: 1,
        body: guarded(target.guard, second),
      },
    ];
  }

  private argmax(op: OpOf<"argmax">): readonly KStmt[] {
    const [from] = op.operands;
    const y = op.results[0];
    const n = this.extent(from.type.shape[from.type.shape.length - 1]);
    return forEachPoint(
      this.in.machine,
      this.scope.name,
      this.axes(y.type),
      origin(this.t, y.type.shape.length),
      false,
      (p) => {
        const best = this.name("best");
        const at = this.name(y.name || "argmax");
        const k = this.name("k");
        const inner = new Evaluation(this.scope);
        const value = inner.at(from, { ...p, f: [...p.f, x.variable(k, "i32")] });
        const [b, a] = [x.variable(best, "f32"), x.variable(at, "f32")];
        const better: KExpr = { k: "math", op: "gt", type: "f32", args: [value, b] };
        const index: KExpr = { k: "toFloat", a: x.variable(k, "i32") };
        inner.statements.push(
          {
            s: "assign",
            name: at,
            type: "f32",
            value: { k: "math", op: "select", type: "f32", args: [better, index, a] },
          },
          { s: "assign", name: best, type: "f32", value: { k: "math", op: "max", type: "f32", args: [value, b] } },
        );
        return [
          { s: "var", name: best, type: "f32", value: x.float(LOWEST) },
          { s: "var", name: at, type: "f32", value: x.float(0) },
          { s: "for", kind: "serial", name: k, from: x.int(0), to: x.int(n), step: 1, body: inner.statements },
          ...this.store(y, p, a),
        ];
      },
    );
  }

  /** Each row of the table adds up the rows that name it. */
  private scatter(op: OpOf<"scatter">): readonly KStmt[] {
    const [index, rows] = op.operands;
    const y = op.results[0];
    const space: Type = {
      ...index.type,
      time: index.type.time || rows.type.time,
      batch: index.type.batch || rows.type.batch,
    };
    const rank = index.type.shape.length;
    return forEachPoint(
      this.in.machine,
      this.scope.name,
      this.axes(y.type),
      origin(undefined, y.type.shape.length),
      false,
      (p) => {
        const statements: KStmt[] = [];
        const total = this.accumulator(op, 1, statements);
        const [row, ...features] = p.f;
        const loops: { name: string; to: KExpr }[] = [];
        const loop = (hint: string, to: KExpr): KExpr => {
          loops.push({ name: this.name(hint), to });
          return x.variable(loops[loops.length - 1].name, "i32");
        };
        const t = space.time ? loop("s", x.uniform("T")) : undefined;
        const b = space.batch ? loop("n", x.int(this.in.dims.batch)) : undefined;
        const f = this.shape(index.type).map((n) => loop("k", x.int(n)));
        const inner = new Evaluation(this.scope);
        const named = inner.at(index, { t, b, f, width: 1 });
        const value = inner.at(rows, { t, b, f: [...f.slice(0, rank), ...features], width: 1 });
        const same: KExpr = { k: "math", op: "eq", type: "f32", args: [named, { k: "toFloat", a: row }] };
        const target = total as Extract<KExpr, { k: "var" }>;
        inner.statements.push({
          s: "assign",
          name: target.name,
          type: "f32",
          value: { k: "fma", type: "f32", a: same, b: value, c: total },
        });
        const nest = [...loops]
          .reverse()
          .reduce<readonly KStmt[]>(
            (body, { name, to }) => [{ s: "for", kind: "serial", name, from: x.int(0), to, step: 1, body }],
            inner.statements,
          );
        return [...statements, ...nest, ...this.store(y, p, total)];
      },
    );
  }

  private blocked(op: OpOf<"dot">): readonly KStmt[] | undefined {
    const { defs, dims, homes, layout } = this.in;
    const extent = (d: dim.Dim): number => this.extent(d);
    const [a, b] = op.operands.map((v) => strided(v, this.scope.home, defs, extent));
    if (!a || !b) return undefined;
    const y = op.results[0];
    if (y.type.time && this.t === undefined) return undefined;
    const targets = homes.get(y)!;
    if (targets.some((home) => home.strides.length > 0 && home.strides[home.strides.length - 1] !== 1))
      return undefined;
    const shape = this.shape(y.type);
    return blockedDot({
      op,
      a,
      b,
      targets,
      layout,
      t: this.t,
      step: this.step,
      batch: dims.batch,
      extent,
      name: (hint) => this.name(hint),
      range: (axis) => {
        if (axis === "|") return this.owned("b", dims.batch);
        const i = op.attrs.out.indexOf(axis);
        return this.owned(i, shape[i]);
      },
    });
  }
}

const removes = (axes: Axes, axis: Axis["axis"]): boolean =>
  axis === "t" ? axes.time : axis === "b" ? axes.batch : axes.features.includes(axis);

/** The regions that statements touch. */
function regionsOf(body: readonly KStmt[]): Kernel["regions"] {
  const access = new Map<string, "read" | "read_write">();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (node !== null && typeof node === "object") {
      const { memory, s } = node as { memory?: { kind: string; region: string }; s?: string };
      if (memory?.kind === "region") {
        if (s === "store") access.set(memory.region, "read_write");
        else if (!access.has(memory.region)) access.set(memory.region, "read");
      }
      Object.values(node).forEach(visit);
    }
  };
  visit(body);
  return [...access].map(([region, mode]) => ({ region, access: mode }));
}
