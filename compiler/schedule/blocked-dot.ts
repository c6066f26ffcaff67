/**
 * Products in register blocks, for machines with vector registers and no lanes.
 *
 * `outer` blocks hold 4 rows × 8 columns of the result and add a column of A times a row of B each round; they need B's
 * columns side by side in memory. `inner` blocks hold 4 × 2 results, four partial sums each, and need what is contracted side
 * by side in both operands: x @ Wᵀ without a transposed W.
 *
 * A product that also sums over steps (a weight's gradient) is added up step by step in memory: one step's operands and the
 * result stay in cache, where a whole sequence's would not.
 */
import type * as dim from "../ir/dim.ts";
import type { OpOf, Type } from "../ir/types.ts";
import * as x from "./expr.ts";
import type { KExpr, KStmt } from "./kernel-ir.ts";
import type { Home, Layout } from "./layout.ts";
import type { Strided } from "./strided.ts";

/** A loop over [from, to). */
export interface Range {
  readonly from: KExpr;
  readonly to: KExpr;
  /** A number that always divides the count of iterations. */
  readonly multiple: number;
}

/** Axes are named by their labels; `|` is the batch, `<` is time. */
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
  /** The part of an axis of the result that this workgroup owns. */
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

/** How the innermost loop over what is contracted runs. */
interface Rounds {
  readonly from: KExpr;
  readonly to: KExpr;
  readonly step: number;
}

/** A block of the result: `rows` × `columns` elements, or vectors of four with `width` 4, the first at `index`. */
interface Block {
  readonly rows: number;
  readonly columns: number;
  readonly width: 1 | 4;
  readonly index: Index;
}

interface Accumulator {
  readonly i: number;
  readonly j: number;
  readonly name: string;
}

const ROWS = 4;

/** The loops of a blocked product, or undefined when the operands do not lie as a block needs them. */
export function blockedDot(site: DotSite): readonly KStmt[] | undefined {
  const { a, b, out } = site.op.attrs;
  const column = out[out.length - 1];
  if (column === undefined || (a.includes(column) && b.includes(column))) return undefined;
  const product = new BlockedDot(site, column);
  return product.mode === undefined ? undefined : product.statements();
}

class BlockedDot {
  readonly mode: "outer" | "inner" | undefined;
  private readonly site: DotSite;
  private readonly column: string;
  /** The side without, and the side with the column axis. */
  private readonly left: Operand;
  private readonly right: Operand;
  private readonly result: Type;
  /** An axis of the result that only the left side has: rows of a block share loads of the right side. */
  private readonly row: string | undefined;
  private readonly others: readonly string[];
  /** What is summed over within a block, innermost last; `<` stands around the blocks. */
  private readonly contracted: readonly string[];
  private readonly byStep: boolean;

  constructor(site: DotSite, column: string) {
    const { op } = site;
    const { a: la, b: lb, out } = op.attrs;
    this.site = site;
    this.column = column;
    const a: Operand = { home: site.a.home, labels: la, type: site.a.type };
    const b: Operand = { home: site.b.home, labels: lb, type: site.b.type };
    [this.left, this.right] = lb.includes(column) ? [a, b] : [b, a];
    this.result = op.results[0].type;
    const axes = [...(this.result.batch ? ["|"] : []), ...out.slice(0, -1)];
    this.row = [...axes].reverse().find((axis) => has(this.left, axis) && !has(this.right, axis));
    this.others = axes.filter((axis) => axis !== this.row);
    this.byStep = op.attrs.time;
    this.contracted = [...(op.attrs.batch ? ["|"] : []), ...new Set([...la, ...lb].filter((l) => !out.includes(l)))];
    const inner = this.contracted[this.contracted.length - 1];
    const alike = (o: Operand): boolean => inner !== undefined && has(o, inner) && stride(o, inner) === 1;
    this.mode =
      stride(this.right, column) === 1 ? "outer" : alike(this.left) && alike(this.right) ? "inner" : undefined;
  }

  statements(): readonly KStmt[] {
    const { t } = this.site;
    if (!this.byStep)
      return this.traverse(new Map(t && this.result.time ? [["<", t]] : []), (b) => this.product(b, false));
    const zero = this.traverse(new Map(), (b) => this.fill(b));
    const name = this.site.name("s");
    const body = this.traverse(new Map([["<", x.variable(name, "i32")]]), (b) => this.product(b, true));
    return [...zero, { s: "for", kind: "serial", name, from: x.int(0), to: x.uniform("T"), step: 1, body }];
  }

  /** Runs through the result in blocks, as large as there is room for. */
  private traverse(start: Index, leaf: (b: Block) => readonly KStmt[]): readonly KStmt[] {
    const { site, row, column } = this;
    const nest = (axes: readonly string[], index: Index, outermost: boolean): readonly KStmt[] => {
      const kind = outermost ? "lanes" : "serial";
      if (axes.length > 0) {
        const [axis, ...rest] = axes;
        const name = site.name(loopName(axis));
        const { from, to } = site.range(axis);
        const inside = nest(rest, new Map([...index, [axis, x.variable(name, "i32")]]), false);
        return [{ s: "for", kind, name, from, to, step: 1, body: inside }];
      }
      const widths = this.mode === "outer" ? [8, 4, 1] : [2, 1];
      return this.blocks(column, site.range(column), widths, kind, (first, size) => {
        const width = this.mode === "outer" && size >= 4 ? 4 : 1;
        const here: Index = new Map([...index, [column, first]]);
        const columns = size / width;
        if (row === undefined) return leaf({ rows: 1, columns, width, index: here });
        return this.blocks(row, site.range(row), [ROWS, 1], "serial", (r, rows) =>
          leaf({ rows, columns, width, index: new Map([...here, [row, r]]) }),
        );
      });
    };
    return nest(this.others, start, true);
  }

  /** Loops over `range` in blocks of the given sizes, largest first, each taking what the ones before left. */
  private blocks(
    axis: string,
    range: Range,
    sizes: readonly number[],
    kind: "lanes" | "serial",
    body: (first: KExpr, size: number) => readonly KStmt[],
  ): readonly KStmt[] {
    const statements: KStmt[] = [];
    let from = range.from;
    const count = x.sub(range.to, range.from);
    for (const size of sizes) {
      const exact = range.multiple % size === 0;
      const to = exact ? range.to : x.add(range.from, x.sub(count, x.rem(count, x.int(size))));
      const [first, end] = [x.known(from), x.known(to)];
      if (first !== undefined && end !== undefined && end <= first) continue;
      const name = this.site.name(loopName(axis));
      statements.push({ s: "for", kind, name, from, to, step: size, body: body(x.variable(name, "i32"), size) });
      if (exact) break;
      from = to;
    }
    return statements;
  }

  private fill({ rows, columns, width, index }: Block): readonly KStmt[] {
    const zero: KExpr = width === 4 ? { k: "splat", a: x.float(0) } : x.float(0);
    return cellsOf(rows, columns).flatMap(([i, j]) => this.store(this.cell(index, i, j * width), zero, typeOf(width)));
  }

  /** A block of the product; with `onto`, added to what stands in memory. */
  private product(block: Block, onto: boolean): readonly KStmt[] {
    return this.mode === "outer" ? this.outer(block, onto) : this.inner(block, onto);
  }

  private outer({ rows, columns, width, index }: Block, onto: boolean): readonly KStmt[] {
    const type = typeOf(width);
    const zero: KExpr = width === 4 ? { k: "splat", a: x.float(0) } : x.float(0);
    const accumulators = this.accumulators(rows, columns, "acc");
    const start = ({ i, j }: Accumulator): KExpr =>
      onto ? this.loadResult(this.cell(index, i, j * width), type) : zero;
    return [
      ...accumulators.map((c): KStmt => ({ s: "var", name: c.name, type, value: start(c) })),
      ...this.loops(index, undefined, (inLoop) => this.round(accumulators, rows, columns, width, type, inLoop)),
      ...accumulators.flatMap(({ i, j, name }) =>
        this.store(this.cell(index, i, j * width), x.variable(name, type), type),
      ),
    ];
  }

  /** Four partial sums a result, added across at the end, and what four does not divide one by one. */
  private inner({ rows, columns, index }: Block, onto: boolean): readonly KStmt[] {
    const partial = this.accumulators(rows, columns, "acc");
    const totals = this.accumulators(rows, columns, "sum");
    const n = x.known(this.extentOf(this.contracted[this.contracted.length - 1]))!;
    const main = n - (n % 4);
    const total = ({ i, j }: Accumulator, k: number): KExpr => {
      const across: KExpr = { k: "across", op: "add", a: x.variable(partial[k].name, "f32x4") };
      const before = this.loadResult(this.cell(index, i, j), "f32");
      return onto ? { k: "math", op: "add", type: "f32", args: [before, across] } : across;
    };
    const rest: Rounds = { from: x.int(main), to: x.int(n), step: 1 };
    return [
      ...partial.map(({ name }): KStmt => ({ s: "var", name, type: "f32x4", value: { k: "splat", a: x.float(0) } })),
      ...this.loops(index, { from: x.int(0), to: x.int(main), step: 4 }, (inLoop) =>
        this.round(partial, rows, columns, 1, "f32x4", inLoop),
      ),
      ...totals.map((c, k): KStmt => ({ s: "var", name: c.name, type: "f32", value: total(c, k) })),
      ...(main < n ? this.loops(index, rest, (inLoop) => this.round(totals, rows, columns, 1, "f32", inLoop)) : []),
      ...totals.flatMap(({ i, j, name }) => this.store(this.cell(index, i, j), x.variable(name, "f32"), "f32")),
    ];
  }

  /** One round of the innermost loop: loads of each side, shared by the accumulators. */
  private round(
    accumulators: readonly Accumulator[],
    rows: number,
    columns: number,
    width: 1 | 4,
    type: "f32" | "f32x4",
    index: Index,
  ): readonly KStmt[] {
    const statements: KStmt[] = [];
    const bind = (hint: string, value: KExpr): KExpr => {
      const name = this.site.name(hint);
      statements.push({ s: "let", name, type, value });
      return x.variable(name, type);
    };
    const along = this.mode === "inner" ? type : width === 4 ? "splat" : "f32";
    const rights = Array.from({ length: columns }, (_, j) =>
      bind(`b_${j}`, x.load(region(this.right.home), this.at(this.right, plus(index, this.column, j * width)), type)),
    );
    for (let i = 0; i < rows; i++) {
      const where = this.at(this.left, plus(index, this.row, i));
      const value = x.load(region(this.left.home), where, along === "splat" ? "f32" : along);
      const left = bind(`a_${i}`, along === "splat" ? { k: "splat", a: value } : value);
      for (const c of accumulators.filter((cell) => cell.i === i)) {
        const fma: KExpr = { k: "fma", type, a: left, b: rights[c.j], c: x.variable(c.name, type) };
        statements.push({ s: "assign", name: c.name, type, value: fma });
      }
    }
    return statements;
  }

  /** Loops over what is contracted; `last` says how the innermost runs. */
  private loops(index: Index, last: Rounds | undefined, body: (index: Index) => readonly KStmt[]): readonly KStmt[] {
    const names = this.contracted.map((axis) => this.site.name(loopName(axis)));
    const inLoop: Index = new Map([
      ...index,
      ...this.contracted.map((axis, k) => [axis, x.variable(names[k], "i32")] as const),
    ]);
    return this.contracted.reduceRight<readonly KStmt[]>((nest, axis, k) => {
      const whole = { from: x.int(0), to: this.extentOf(axis), step: 1 };
      const range = k === this.contracted.length - 1 && last ? last : whole;
      return [{ s: "for", kind: "serial", name: names[k], ...range, body: nest }];
    }, body(inLoop));
  }

  private accumulators(rows: number, columns: number, hint: string): readonly Accumulator[] {
    return cellsOf(rows, columns).map(([i, j]) => ({ i, j, name: this.site.name(`${hint}_${i}_${j}`) }));
  }

  private cell(index: Index, row: number, column: number): Index {
    return plus(plus(index, this.row, row), this.column, column);
  }

  private extentOf(axis: string): KExpr {
    if (axis === "|") return x.int(this.site.batch);
    const o = this.left.labels.includes(axis) ? this.left : this.right;
    return x.int(this.site.extent(o.type.shape[o.labels.indexOf(axis)]));
  }

  private at(o: Operand, index: Index): KExpr {
    return this.site.layout.address(
      o.home,
      o.type.time ? index.get("<") : this.site.step,
      o.type.batch ? index.get("|") : undefined,
      [...o.labels].map((l) => index.get(l)!),
    );
  }

  private target(home: Home): Operand {
    return { home, labels: this.site.op.attrs.out, type: this.result };
  }

  private loadResult(index: Index, type: "f32" | "f32x4"): KExpr {
    const [home] = this.site.targets;
    return x.load(region(home), this.at(this.target(home), index), type);
  }

  private store(index: Index, value: KExpr, type: "f32" | "f32x4"): readonly KStmt[] {
    return this.site.targets.map((home) => ({
      s: "store",
      memory: region(home),
      index: this.at(this.target(home), index),
      type,
      value,
    }));
  }
}

const typeOf = (width: 1 | 4): "f32" | "f32x4" => (width === 4 ? "f32x4" : "f32");
const loopName = (axis: string): string => (axis === "|" ? "b" : axis);
const region = (home: Home): { kind: "region"; region: string } => ({ kind: "region", region: home.buffer.region });

const has = (o: Operand, axis: string): boolean => (axis === "|" ? o.type.batch : o.labels.includes(axis));
const stride = (o: Operand, axis: string): number =>
  axis === "|" ? o.home.batch : o.home.strides[o.labels.indexOf(axis)];

const plus = (index: Index, axis: string | undefined, by: number): Index =>
  axis === undefined || by === 0 ? index : new Map([...index, [axis, x.add(index.get(axis)!, x.int(by))]]);

const cellsOf = (rows: number, columns: number): readonly (readonly [number, number])[] =>
  Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns]);
