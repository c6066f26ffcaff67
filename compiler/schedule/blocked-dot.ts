/**
 * Products in register blocks, for machines with vector registers and no lanes.
 *
 * `outer` blocks hold 4 rows × 8 columns of the result and add a column of A times a row of B each round; they need B's
 * columns side by side in memory. `inner` blocks hold 4 × 2 results, four partial sums each, and need what is contracted side
 * by side in both operands: x @ Wᵀ without a transposed W.
 */
import * as dim from "../ir/dim.ts";
import type { OpOf, Type, Value } from "../ir/types.ts";
import * as x from "./expr.ts";
import type { KExpr, KStmt } from "./kernel-ir.ts";
import type { Home, Layout } from "./layout.ts";

/** A value in memory, by axis. */
export interface Strided {
  readonly home: Home;
  readonly type: Type;
}

/** A loop over [from, to). */
export interface Range {
  readonly from: KExpr;
  readonly to: KExpr;
}

export interface DotSite {
  readonly op: OpOf<"dot">;
  readonly a: Strided;
  readonly b: Strided;
  readonly targets: readonly Home[];
  readonly layout: Layout;
  /** The step of the result, if it has one. */
  readonly t: KExpr | undefined;
  /** The step of the loop around the kernel, inside a scan's body. */
  readonly step: KExpr | undefined;
  /** The part of each axis of the result that this workgroup owns: `|` is the batch. */
  range(axis: string): Range;
  extent(d: dim.Dim): number;
  readonly batch: number;
  name(hint: string): string;
}

interface Operand {
  readonly home: Home;
  readonly labels: string;
  readonly type: Type;
}

type Index = ReadonlyMap<string, KExpr>;

/** The loops of a blocked product, or undefined when the operands do not lie as a block needs them. */
export function blockedDot(site: DotSite): readonly KStmt[] | undefined {
  const { op, layout } = site;
  const { a: la, b: lb, out } = op.attrs;
  const column = out[out.length - 1];
  if (column === undefined || (la.includes(column) && lb.includes(column))) return undefined;
  const sides: Operand[] = [
    { home: site.a.home, labels: la, type: site.a.type },
    { home: site.b.home, labels: lb, type: site.b.type },
  ];
  const [left, right] = lb.includes(column) ? sides : [sides[1], sides[0]];
  const has = (o: Operand, axis: string): boolean =>
    axis === "|" ? o.type.batch : axis === "<" ? o.type.time : o.labels.includes(axis);
  const stride = (o: Operand, axis: string): number =>
    axis === "|" ? o.home.batch : o.home.strides[o.labels.indexOf(axis)];

  const y = op.results[0].type;
  const resultAxes = [...(y.batch ? ["|"] : []), ...out.slice(0, -1)];
  const row = [...resultAxes].reverse().find((axis) => has(left, axis) && !has(right, axis));
  const others = resultAxes.filter((axis) => axis !== row);
  const contracted = [
    ...(op.attrs.time ? ["<"] : []),
    ...(op.attrs.batch ? ["|"] : []),
    ...new Set([...la, ...lb].filter((l) => !out.includes(l))),
  ];
  const inner = contracted[contracted.length - 1];
  const outerMode = stride(right, column) === 1;
  const innerMode =
    !outerMode &&
    inner !== undefined &&
    inner !== "<" &&
    has(left, inner) &&
    has(right, inner) &&
    stride(left, inner) === 1 &&
    stride(right, inner) === 1;
  if (!outerMode && !innerMode) return undefined;

  const extentOf = (axis: string): KExpr => {
    if (axis === "<") return x.uniform("T");
    if (axis === "|") return x.int(site.batch);
    const o = sides.find((s) => s.labels.includes(axis))!;
    return x.int(site.extent(o.type.shape[o.labels.indexOf(axis)]));
  };
  const at = (o: { home: Home; labels: string; type: Type }, index: Index): KExpr =>
    layout.address(
      o.home,
      o.type.time ? (index.get("<") ?? site.t) : site.step,
      o.type.batch ? index.get("|") : undefined,
      [...o.labels].map((l) => index.get(l)!),
    );
  const region = (home: Home): { kind: "region"; region: string } => ({ kind: "region", region: home.buffer.region });
  const plus = (index: Index, axis: string | undefined, by: number): Index =>
    axis === undefined ? index : new Map([...index, [axis, x.add(index.get(axis)!, x.int(by))]]);
  const store = (index: Index, value: KExpr, type: "f32" | "f32x4"): readonly KStmt[] =>
    site.targets.map((home) => ({
      s: "store",
      memory: region(home),
      index: at({ home, labels: out, type: y }, index),
      type,
      value,
    }));

  /** rows × columns results; with `vectors`, columns counts vectors of four. */
  const block = (rows: number, columns: number, vectors: boolean, index: Index): readonly KStmt[] => {
    const type = vectors || innerMode ? "f32x4" : "f32";
    const width = vectors ? 4 : 1;
    const zero: KExpr = type === "f32x4" ? { k: "splat", a: x.float(0) } : x.float(0);
    const cells = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => ({ i, j, name: site.name(`acc_${i}_${j}`) })),
    ).flat();
    const before: KStmt[] = cells.map(({ name }) => ({ s: "var", name, type, value: zero }));
    const names = new Map(contracted.map((axis) => [axis, site.name(axis === "<" ? "s" : axis === "|" ? "n" : axis)]));
    const inLoop: Index = new Map([
      ...index,
      ...contracted.map((axis) => [axis, x.variable(names.get(axis)!, "i32")] as const),
    ]);

    const body = (
      kind: "f32" | "f32x4",
      accumulators: readonly { i: number; j: number; name: string }[],
      scalarRight: boolean,
    ): KStmt[] => {
      const statements: KStmt[] = [];
      const bind = (hint: string, value: KExpr): KExpr => {
        const name = site.name(hint);
        statements.push({ s: "let", name, type: kind, value });
        return x.variable(name, kind);
      };
      const right1 = Array.from({ length: columns }, (_, j) =>
        bind(
          `b_${j}`,
          x.load(region(right.home), at(right, plus(inLoop, column, j * width)), scalarRight ? "f32" : kind),
        ),
      );
      for (let i = 0; i < rows; i++) {
        const from = at(left, plus(inLoop, row, i));
        const value = x.load(region(left.home), from, innerMode ? kind : "f32");
        const leftValue = bind(`a_${i}`, innerMode || kind === "f32" ? value : { k: "splat", a: value });
        for (const c of accumulators.filter((cell) => cell.i === i)) {
          statements.push({
            s: "assign",
            name: c.name,
            type: kind,
            value: { k: "fma", type: kind, a: leftValue, b: right1[c.j], c: x.variable(c.name, kind) },
          });
        }
      }
      return statements;
    };
    const loops = (
      axes: readonly string[],
      body: readonly KStmt[],
      last?: { from: KExpr; to: KExpr; step: number },
    ): readonly KStmt[] =>
      [...axes].reverse().reduce<readonly KStmt[]>(
        (nest, axis, k) => [
          {
            s: "for",
            kind: "serial",
            name: names.get(axis)!,
            from: k === 0 && last ? last.from : x.int(0),
            to: k === 0 && last ? last.to : extentOf(axis),
            step: k === 0 && last ? last.step : 1,
            body: nest,
          },
        ],
        body,
      );

    if (!innerMode) {
      const done = cells.flatMap(({ i, j, name }) =>
        store(plus(plus(index, row, i), column, j * width), x.variable(name, type), type),
      );
      return [...before, ...loops(contracted, body(type, cells, false)), ...done];
    }
    const n = x.known(extentOf(inner))!;
    const main = n - (n % 4);
    const statements: KStmt[] = [
      ...before,
      ...loops(contracted, body("f32x4", cells, false), { from: x.int(0), to: x.int(main), step: 4 }),
    ];
    const totals = cells.map((c) => ({ ...c, name: site.name(`sum_${c.i}_${c.j}`) }));
    totals.forEach((c, k) => {
      statements.push({
        s: "var",
        name: c.name,
        type: "f32",
        value: { k: "across", op: "add", a: x.variable(cells[k].name, "f32x4") },
      });
    });
    if (main < n) {
      for (const axis of contracted) names.set(axis, site.name(axis === "<" ? "s" : axis === "|" ? "n" : axis));
      (inLoop as Map<string, KExpr>).clear();
      for (const [k, v] of index) (inLoop as Map<string, KExpr>).set(k, v);
      for (const axis of contracted) (inLoop as Map<string, KExpr>).set(axis, x.variable(names.get(axis)!, "i32"));
      statements.push(...loops(contracted, body("f32", totals, true), { from: x.int(main), to: x.int(n), step: 1 }));
    }
    for (const c of totals)
      statements.push(...store(plus(plus(index, row, c.i), column, c.j), x.variable(c.name, "f32"), "f32"));
    return statements;
  };

  /** Loops over `range` in blocks of the given sizes, largest first, each taking what the ones before left. */
  const blocks = (
    hint: string,
    range: Range,
    sizes: readonly number[],
    kind: "lanes" | "serial",
    body: (start: KExpr, size: number) => readonly KStmt[],
  ): readonly KStmt[] => {
    const statements: KStmt[] = [];
    let from = range.from;
    const count = x.sub(range.to, range.from);
    for (const size of sizes) {
      const left = x.sub(range.to, from);
      if (x.known(left) === 0) break;
      const to = size === 1 ? range.to : x.add(range.from, x.sub(count, x.rem(count, x.int(size))));
      if (x.known(to) !== undefined && x.known(from) !== undefined && x.known(to)! <= x.known(from)!) continue;
      const name = site.name(hint);
      statements.push({ s: "for", kind, name, from, to, step: size, body: body(x.variable(name, "i32"), size) });
      from = to;
    }
    return statements;
  };

  const nest = (axes: readonly string[], index: Index, outermost: boolean): readonly KStmt[] => {
    if (axes.length > 0) {
      const [axis, ...rest] = axes;
      const name = site.name(axis === "|" ? "b" : axis);
      const { from, to } = site.range(axis);
      const inside = nest(rest, new Map([...index, [axis, x.variable(name, "i32")]]), false);
      return [{ s: "for", kind: outermost ? "lanes" : "serial", name, from, to, step: 1, body: inside }];
    }
    const widths = outerMode ? [8, 4, 1] : [2, 1];
    return blocks(column, site.range(column), widths, outermost ? "lanes" : "serial", (start, size) => {
      const vectors = outerMode && size >= 4;
      const columns = vectors ? size / 4 : outerMode ? 1 : size;
      const withColumn: Index = new Map([...index, [column, start]]);
      if (row === undefined) return block(1, columns, vectors, withColumn);
      return blocks(row === "|" ? "b" : row, site.range(row), [4, 1], "serial", (first, rows) =>
        block(rows, columns, vectors, new Map([...withColumn, [row, first]])),
      );
    });
  };
  return nest(others, new Map(site.t && y.time ? [["<", site.t]] : []), true);
}

/** `v` in memory, through views that only change strides; undefined when one does more. */
export function strided(
  v: Value,
  home: (v: Value) => Home | undefined,
  defs: ReadonlyMap<Value, import("../ir/types.ts").Op>,
  extent: (d: dim.Dim) => number,
): Strided | undefined {
  const own = home(v);
  if (own) return { home: own, type: v.type };
  const op = defs.get(v);
  if (!op) return undefined;
  const from = op.operands[0] && strided(op.operands[0], home, defs, extent);
  if (!from) return undefined;
  const { strides } = from.home;
  switch (op.op) {
    case "split": {
      const part = extent(v.type.shape[op.attrs.axis]);
      const start = from.home.start + op.results.indexOf(v) * part * strides[op.attrs.axis];
      return { type: v.type, home: { ...from.home, start } };
    }
    case "transpose":
      return { type: v.type, home: { ...from.home, strides: op.attrs.permutation.map((i) => strides[i]) } };
    case "broadcast": {
      const source = op.operands[0].type;
      if (source.time !== v.type.time || source.batch !== v.type.batch) return undefined;
      const lead = v.type.shape.length - source.shape.length;
      const wide = v.type.shape.map((_, i) => (i < lead || dim.isOne(source.shape[i - lead]) ? 0 : strides[i - lead]));
      return { type: v.type, home: { ...from.home, strides: wide } };
    }
    case "at": {
      const { frame } = from.home;
      if (from.home.steps || frame.kind !== "shifted" || frame.by < 0 || frame.by > 1) return undefined;
      if (op.attrs.step === "first")
        return frame.by === 0 ? { type: v.type, home: { ...from.home, frame: { kind: "first" } } } : undefined;
      return { type: v.type, home: { ...from.home, frame: { kind: frame.by === 0 ? "last" : "behind" } } };
    }
    default:
      return undefined;
  }
}
