/**
 * Reductions with fewer results than there are lanes. Each lane reduces some of a result's elements to a partial result, and the
 * partial results are combined in workgroup memory:
 *
 *     every lane: reduce some elements into its slot
 *     some lanes: combine several slots into one, one after another or all those of a subgroup at once
 *     a lane for each result: combine the slots that are left, and store
 */
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt, Tile } from "../kernel-ir/types.ts";
import { hasSubgroups, invocationsOf } from "../machine.ts";
import {
  accumulate,
  accumulator,
  combine,
  combinerOf,
  type Reduction,
  type ReductionSite,
  resultPoint,
} from "./accumulate.ts";
import { binder, decode, type OwnedAxis } from "./loop-nest.ts";
import { both, guarded, type LoopHeader, loop, onLanes, type Variable } from "./loops.ts";
import type { Point } from "./point.ts";

/** At most so many partial results are combined by one lane. */
const FEW = 8;

/** Reduces along `inner` to `results` results, whose axes are `outer`. */
export function reduceAcrossLanes(
  site: ReductionSite,
  ops: readonly Reduction[],
  outer: readonly OwnedAxis[],
  inner: readonly OwnedAxis[],
  start: Point,
  results: number,
): readonly KStmt[] {
  return new LaneReduction(site, ops, outer, inner, start, results).statements();
}

class LaneReduction {
  private readonly site: ReductionSite;
  private readonly ops: readonly Reduction[];
  private readonly outer: readonly OwnedAxis[];
  private readonly inner: readonly OwnedAxis[];
  private readonly start: Point;
  private readonly results: number;
  /** Partial results of each result. */
  private readonly parts: number;
  /** Whether neighbouring lanes have neighbouring results, because their operands are neighbours; otherwise parts of one result. */
  private readonly across: boolean;
  private readonly waits: readonly KStmt[];
  private readonly tiles: readonly Tile[];

  constructor(
    site: ReductionSite,
    ops: readonly Reduction[],
    outer: readonly OwnedAxis[],
    inner: readonly OwnedAxis[],
    start: Point,
    results: number,
  ) {
    this.site = site;
    this.ops = ops;
    this.outer = outer;
    this.inner = inner;
    this.start = start;
    this.results = results;
    const most = Math.floor(invocationsOf(site.machine) / results);
    // A subgroup has a power of two of lanes, which must all belong to one result.
    this.parts = hasSubgroups(site.machine) ? 2 ** Math.floor(Math.log2(most)) : most;
    this.across = outer.length > 0 && outer[outer.length - 1].axis === start.f.length - 1;
    this.waits = site.partials.has(ops.length) ? [] : [{ s: "barrier", only: "tiles" }];
    if (this.waits.length > 0) site.partials.release();
    this.tiles = ops.map(() => site.partials.take());
  }

  statements(): readonly KStmt[] {
    const { parts } = this;
    const barrier: KStmt = { s: "barrier", only: "tiles" };
    const first = [...this.waits, this.reduceParts(), barrier];
    if (parts <= FEW) return [...first, this.finish(x.int(1), x.int(parts))];
    if (hasSubgroups(this.site.machine)) {
      const { joins, count } = this.joins();
      const left = x.div(x.int(parts), count);
      return [...first, ...joins, this.joinSubgroups(count), barrier, this.finish(count, left)];
    }
    // About as many parts are left as each lane combines.
    const left = 2 ** Math.round(Math.log2(parts) / 2);
    return [...first, this.combineSlots(left), barrier, this.finish(x.int(1), x.int(left))];
  }

  private lanes(count: number, body: (i: KExpr) => readonly KStmt[]): KStmt {
    return onLanes(this.site.scope.name, count, body);
  }

  /** Where part `k` of result `r` lies. */
  private slot(k: KExpr, r: KExpr): KExpr {
    return this.across ? x.add(x.mul(k, x.int(this.results)), r) : x.add(x.mul(r, x.int(this.parts)), k);
  }

  /** Which of `parts` parts of which result position i is. */
  private place(i: KExpr, parts: number): { readonly part: KExpr; readonly result: KExpr } {
    return this.across
      ? { part: x.div(i, x.int(this.results)), result: x.rem(i, x.int(this.results)) }
      : { part: x.rem(i, x.int(parts)), result: x.div(i, x.int(parts)) };
  }

  private store(tile: Tile, index: KExpr, value: KExpr): KStmt {
    return { s: "store", memory: { kind: "tile", name: tile.name }, index, type: "f32", value };
  }

  private load(tile: Tile, index: KExpr): KExpr {
    return x.load({ kind: "tile", name: tile.name }, index, "f32");
  }

  private reduceParts(): KStmt {
    const { site, ops, results, parts } = this;
    const { name: names } = site.scope;
    return this.lanes(results * parts, (i) => {
      const bound: KStmt[] = [];
      const { part, result } = this.place(i, parts);
      const { point, guard } = decode(this.outer, result, this.start, binder(names, bound));
      const body: KStmt[] = [];
      const totals = ops.map((op) => accumulator(site, op, 1, body));
      const open = this.inner.filter((a) => a.most === undefined);
      const closed = this.inner.filter((a) => a.most !== undefined);
      const count = closed.reduce((n, a) => n * a.most!, 1);
      const every: LoopHeader = { hint: "k", from: part, to: x.int(count), step: parts };
      const own = loop(names, every, (k) => {
        const position = decode(closed, k, point);
        return guarded(position.guard, accumulate(site, ops, totals, open, position.point, false));
      });
      body.push(own, ...this.tiles.map((tile, j) => this.store(tile, i, totals[j])));
      return [...bound, ...guarded(guard, body)];
    });
  }

  /** A loop that combines slots `from`, `from` + `step`, … of result `r`; the totals. */
  private combineRange(
    into: KStmt[],
    r: KExpr,
    slots: (k: KExpr) => KExpr,
    range: Omit<LoopHeader, "hint">,
  ): readonly Variable[] {
    const { site, ops } = this;
    const totals = ops.map((op) => accumulator(site, op, 1, into));
    const combined = loop(site.scope.name, { hint: "k", ...range }, (k) =>
      this.tiles.map((tile, j) => combine(ops[j], totals[j], this.load(tile, this.slot(slots(k), r)))),
    );
    into.push(combined);
    return totals;
  }

  /** `parts` lanes for each result combine disjoint slots; each puts its total into the first slot that it read. */
  private combineSlots(parts: number): KStmt {
    return this.lanes(this.results * parts, (i) => {
      const { part, result } = this.place(i, parts);
      const body: KStmt[] = [];
      const range = { from: part, to: x.int(this.parts), step: parts };
      const totals = this.combineRange(body, result, (k) => k, range);
      body.push(...this.tiles.map((tile, j) => this.store(tile, this.slot(part, result), totals[j])));
      return body;
    });
  }

  /** How many lanes a subgroup combines: one, if the subgroup is so large that it has parts of several results. */
  private joins(): { readonly joins: readonly KStmt[]; readonly count: KExpr } {
    const name = this.site.scope.name("joined");
    const size: KExpr = { k: "subgroupSize" };
    return {
      joins: [
        { s: "var", name, type: "i32", value: x.int(1) },
        {
          s: "if",
          condition: x.compare("le", size, x.int(this.parts)),
          then: [{ s: "assign", name, type: "i32", value: size }],
          else: [],
        },
      ],
      count: x.variable(name, "i32"),
    };
  }

  /** Each lane reads its slot, its subgroup combines them, and the subgroup's first lane stores the total in its own slot. */
  private joinSubgroups(count: KExpr): KStmt {
    const { site, ops, results, parts } = this;
    const lanes = invocationsOf(site.machine);
    return this.lanes(lanes, (i) => {
      const body: KStmt[] = [];
      const [k, r] = [x.rem(i, x.int(parts)), x.div(i, x.int(parts))];
      const inside = results * parts === lanes ? undefined : x.compare("lt", r, x.int(results));
      const slot = this.slot(k, r);
      const values = ops.map((op, j) => {
        const total = accumulator(site, op, 1, body);
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
          value: { k: "joint", op: combinerOf(op), a: values[j] },
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

  /** A lane for each result: combines every `step`-th slot, `count` in all, and stores. */
  private finish(step: KExpr, count: KExpr): KStmt {
    const { site, ops, results } = this;
    return this.lanes(results, (r) => {
      const bound: KStmt[] = [];
      const target = decode(this.outer, r, this.start, binder(site.scope.name, bound));
      const body: KStmt[] = [];
      const totals = this.combineRange(body, r, (k) => x.mul(k, step), { from: x.int(0), to: count });
      ops.forEach((op, j) => {
        body.push(...site.store(op.results[0], resultPoint(site, op, target.point), totals[j]));
      });
      return [...bound, ...guarded(target.guard, body)];
    });
  }
}
