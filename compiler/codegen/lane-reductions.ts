/**
 * Few results on many lanes: each lane folds a share of a result, and the shares are folded in workgroup memory.
 *
 *     lanes: fold a share → a slot for each lane
 *     lanes: fold several slots → one of them: some in a row, or those of a subgroup all at once
 *     a lane a result: fold what is left, and store
 */
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../kernel-ir/types.ts";
import { type Axis, binder, decode } from "./loop-nest.ts";
import type { Point } from "./point.ts";
import { accumulate, accumulator, type Reduction, type ReductionSite, resultPoint } from "./reductions.ts";

/** So few shares are folded by one lane. */
const FEW = 8;

/** The fold of `results` results, `outer` their axes, `inner` those that are folded. */
export function reduceAcrossLanes(
  site: ReductionSite,
  ops: readonly Reduction[],
  outer: readonly Axis[],
  inner: readonly Axis[],
  start: Point,
  results: number,
): readonly KStmt[] {
  return new Together(site, ops, outer, inner, start, results).statements();
}

type Variable = KExpr & { readonly k: "var" };

class Together {
  private readonly site: ReductionSite;
  private readonly ops: readonly Reduction[];
  private readonly outer: readonly Axis[];
  private readonly inner: readonly Axis[];
  private readonly start: Point;
  private readonly results: number;
  /** Of each result. */
  private readonly shares: number;
  /** Neighbouring lanes have neighbouring results, because their operands are neighbours; else the shares of one result. */
  private readonly across: boolean;
  private readonly waits: readonly KStmt[];
  private readonly tiles: readonly Tile[];

  constructor(
    site: ReductionSite,
    ops: readonly Reduction[],
    outer: readonly Axis[],
    inner: readonly Axis[],
    start: Point,
    results: number,
  ) {
    this.site = site;
    this.ops = ops;
    this.outer = outer;
    this.inner = inner;
    this.start = start;
    this.results = results;
    const { lanes, subgroups } = site.machine;
    const most = Math.floor(lanes / results);
    // Subgroups fold whole groups of lanes, whose number is a power of two.
    this.shares = subgroups ? 2 ** Math.floor(Math.log2(most)) : most;
    this.across = outer.length > 0 && outer[outer.length - 1].axis === start.f.length - 1;
    this.waits = site.shares.has(ops.length) ? [] : [{ s: "barrier", only: "tiles" }];
    if (this.waits.length > 0) site.shares.release();
    this.tiles = ops.map(() => site.shares.take());
  }

  statements(): readonly KStmt[] {
    const { shares } = this;
    const barrier: KStmt = { s: "barrier", only: "tiles" };
    const first = [...this.waits, this.foldShares(), barrier];
    if (shares <= FEW) return [...first, this.finish(x.int(1), x.int(shares))];
    if (this.site.machine.subgroups) {
      const { joins, count } = this.joins();
      const left = x.div(x.int(shares), count);
      return [...first, ...joins, this.joinSubgroups(count), barrier, this.finish(count, left)];
    }
    // About as many are left as each lane folds.
    const parts = 2 ** Math.round(Math.log2(shares) / 2);
    return [...first, this.foldSlots(parts), barrier, this.finish(x.int(1), x.int(parts))];
  }

  private lanes(count: number, body: (i: KExpr) => readonly KStmt[]): KStmt {
    const name = this.site.scope.name("i");
    return {
      s: "for",
      kind: "lanes",
      name,
      from: x.int(0),
      to: x.int(count),
      step: 1,
      body: body(x.variable(name, "i32")),
    };
  }

  /** Where share `k` of result `r` lies. */
  private slot(k: KExpr, r: KExpr): KExpr {
    return this.across ? x.add(x.mul(k, x.int(this.results)), r) : x.add(x.mul(r, x.int(this.shares)), k);
  }

  /** Which of `parts` shares of which result position i is. */
  private place(i: KExpr, parts: number): { readonly share: KExpr; readonly result: KExpr } {
    return this.across
      ? { share: x.div(i, x.int(this.results)), result: x.rem(i, x.int(this.results)) }
      : { share: x.rem(i, x.int(parts)), result: x.div(i, x.int(parts)) };
  }

  private store(tile: Tile, index: KExpr, value: KExpr): KStmt {
    return { s: "store", memory: { kind: "tile", name: tile.name }, index, type: "f32", value };
  }

  private load(tile: Tile, index: KExpr): KExpr {
    return x.load({ kind: "tile", name: tile.name }, index, "f32");
  }

  private foldShares(): KStmt {
    const { site, ops, results, shares } = this;
    return this.lanes(results * shares, (i) => {
      const bound: KStmt[] = [];
      const { share, result } = this.place(i, shares);
      const { point, guard } = decode(this.outer, result, this.start, binder(site.scope.name, bound));
      const body: KStmt[] = [];
      const totals = ops.map((op) => accumulator(site, op, 1, body));
      const open = this.inner.filter((a) => a.most === undefined);
      const closed = this.inner.filter((a) => a.most !== undefined);
      const count = closed.reduce((n, a) => n * a.most!, 1);
      const k = site.scope.name("k");
      const position = decode(closed, x.variable(k, "i32"), point);
      const fold = guarded(position.guard, accumulate(site, ops, totals, open, position.point, false));
      body.push({ s: "for", kind: "serial", name: k, from: share, to: x.int(count), step: shares, body: fold });
      body.push(...this.tiles.map((tile, j) => this.store(tile, i, totals[j])));
      return [...bound, ...guarded(guard, body)];
    });
  }

  /** Loops over slots `from`, `from` + `step`, … of result `r`; the totals. */
  private fold(into: KStmt[], r: KExpr, slots: (k: KExpr) => KExpr, range: Omit<Loop, "name">): readonly KExpr[] {
    const { site, ops } = this;
    const totals = ops.map((op) => accumulator(site, op, 1, into) as Variable);
    const name = site.scope.name("k");
    const body = this.tiles.map((tile, j): KStmt => {
      const share = this.load(tile, this.slot(slots(x.variable(name, "i32")), r));
      const value: KExpr = { k: "math", op: mathOf(ops[j]), type: "f32", args: [totals[j], share] };
      return { s: "assign", name: totals[j].name, type: "f32", value };
    });
    into.push({ s: "for", kind: "serial", name, ...range, body });
    return totals;
  }

  /** Of each result `parts` lanes fold what the others need not read: each puts its total in the first slot it read. */
  private foldSlots(parts: number): KStmt {
    return this.lanes(this.results * parts, (i) => {
      const { share, result } = this.place(i, parts);
      const body: KStmt[] = [];
      const range = { from: share, to: x.int(this.shares), step: parts };
      const totals = this.fold(body, result, (k) => k, range);
      body.push(...this.tiles.map((tile, j) => this.store(tile, this.slot(share, result), totals[j])));
      return body;
    });
  }

  /** How many lanes a subgroup joins: one if it is so large that it has shares of several results. */
  private joins(): { readonly joins: readonly KStmt[]; readonly count: KExpr } {
    const name = this.site.scope.name("joined");
    const size: KExpr = { k: "subgroupSize" };
    return {
      joins: [
        { s: "var", name, type: "i32", value: x.int(1) },
        {
          s: "if",
          condition: x.compare("le", size, x.int(this.shares)),
          then: [{ s: "assign", name, type: "i32", value: size }],
          else: [],
        },
      ],
      count: x.variable(name, "i32"),
    };
  }

  /** All lanes: each reads one slot, its subgroup folds them, and its first lane puts the total in its own. */
  private joinSubgroups(count: KExpr): KStmt {
    const { site, ops, results, shares } = this;
    return this.lanes(site.machine.lanes, (i) => {
      const body: KStmt[] = [];
      const [k, r] = [x.rem(i, x.int(shares)), x.div(i, x.int(shares))];
      const inside = results * shares === site.machine.lanes ? undefined : x.compare("lt", r, x.int(results));
      const slot = this.slot(k, r);
      const values = ops.map((op, j) => {
        const total = accumulator(site, op, 1, body) as Variable;
        const value = this.load(this.tiles[j], slot);
        body.push(...guarded(inside, [{ s: "assign", name: total.name, type: "f32", value }]));
        return total;
      });
      const joined = ops.map((op, j) => {
        const name = site.scope.name("joint");
        body.push({
          s: "let",
          name,
          type: "f32",
          value: { k: "joint", op: op.op === "maximum" ? "max" : "add", a: values[j] },
        });
        return x.variable(name, "f32");
      });
      const first = x.compare("eq", x.rem(i, count), x.int(0));
      const several = x.compare("gt", count, x.int(1));
      const stores = this.tiles.map((tile, j) => this.store(tile, slot, joined[j]));
      body.push(...guarded(both(both(inside, several), first), stores));
      return body;
    });
  }

  /** A lane a result: folds every `step`-th slot, `count` in all, and stores. */
  private finish(step: KExpr, count: KExpr): KStmt {
    const { site, ops, results } = this;
    return this.lanes(results, (r) => {
      const bound: KStmt[] = [];
      const target = decode(this.outer, r, this.start, binder(site.scope.name, bound));
      const body: KStmt[] = [];
      const totals = this.fold(body, r, (k) => x.mul(k, step), { from: x.int(0), to: count, step: 1 });
      ops.forEach((op, j) => {
        body.push(...site.store(op.results[0], resultPoint(site, op, target.point), totals[j]));
      });
      return [...bound, ...guarded(target.guard, body)];
    });
  }
}

type Loop = Pick<Extract<KStmt, { s: "for" }>, "name" | "from" | "to" | "step">;

const mathOf = (op: Reduction): "max" | "add" => (op.op === "maximum" ? "max" : "add");
const both = (a: KExpr | undefined, b: KExpr): KExpr => (a === undefined ? b : { k: "and", a, b });
const guarded = (condition: KExpr | undefined, then: readonly KStmt[]): readonly KStmt[] =>
  condition ? [{ s: "if", condition, then, else: [] }] : then;
