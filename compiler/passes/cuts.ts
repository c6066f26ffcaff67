/**
 * Where a cotangent counts, and where it is cut off.
 *
 * The gradient of `where(u > 0, log(u), 0)` takes nothing from log(u) where u is 0, and yet 0 · 1/u is NaN. So a cut cotangent is
 * passed on uncut, together with the condition under which it counts. It is set to 0 after the ops whose derivative may be
 * infinite, not before them. A condition is passed on as long as it means the same for the operand. After that, a cotangent is
 * known to be cut where it is 0.
 *
 * A condition is passed on only where it is needed: towards a derivative that may not be finite (`Exposure`). All other cotangents
 * are cut at once. So nothing changes where nothing can go wrong: in a cell without conditions, or after √(v + ε).
 */
import * as dim from "../ir/dim.ts";
import { rangeOf, rowOf } from "../ir/ops.ts";
import { anything, assumeGiven, type Range, widened } from "../ir/range.ts";
import { broadcastTypes, sameType } from "../ir/type.ts";
import type { Op, OpOf, Type, Value } from "../ir/types.ts";
import { gradient, hasGradient } from "./gradient.ts";
import { Builder } from "./rewrite.ts";

/** Counts where the condition is not 0, or where it is. */
export interface Cut {
  readonly condition: Value;
  readonly unless: boolean;
}

/** `value` may be anything where it does not count. */
export interface Cotangent {
  readonly value: Value;
  readonly cuts: readonly Cut[];
}

export const uncut = (value: Value): Cotangent => ({ value, cuts: [] });

/** A cotangent that is known to be cut where it is 0. */
export const cutAtZero = (value: Value): Cotangent => ({ value, cuts: [{ condition: value, unless: false }] });

/** `value` where it counts, else 0. */
export function carriedOut(b: Builder, { value, cuts }: Cotangent): Value {
  const zero = (v: Value, { condition, unless }: Cut): Value =>
    // A value that is its own condition is 0 there already.
    condition === v ? v : unless ? b.select(condition, b.scalar(0), v) : b.select(condition, v, b.scalar(0));
  return cuts.reduce(zero, value);
}

/** Whether it is 0 where it does not count. A missing cotangent is 0 everywhere. */
export const isCut = (d: Cotangent | undefined): boolean => d === undefined || d.cuts.length > 0;

/** The cuts that all cotangents (missing ones aside) share. */
export function commonCuts(all: readonly (Cotangent | undefined)[]): readonly Cut[] {
  const there = all.filter((d) => d !== undefined);
  const alike = there.every((d) => sameCuts(d, there[0]));
  return alike ? (there[0]?.cuts ?? []) : [];
}

export const sameCuts = (a: Cotangent, b: Cotangent): boolean =>
  a.cuts.length === b.cuts.length &&
  a.cuts.every(({ condition, unless }, i) => condition === b.cuts[i].condition && unless === b.cuts[i].unless);

/** Whether a condition is constant along the axes that `type` lacks. */
export const fits = ({ condition }: Cut, type: Type): boolean => {
  const { time, batch, shape } = condition.type;
  if ((time && !type.time) || (batch && !type.batch) || shape.length > type.shape.length) return false;
  return sameType(broadcastTypes([condition.type, type]), { ...type, dtype: "f32" });
};

/** Whether a condition is the same for all features: such a condition keeps its meaning when features are moved or added up. */
export const isPlain = ({ condition }: Cut): boolean => condition.type.shape.length === 0;

/** A condition that all features share, without their unit axes. */
export function plain(b: Builder, cut: Cut): Cut {
  const { shape } = cut.condition.type;
  if (shape.length === 0 || !shape.every((d) => dim.isOne(d))) return cut;
  return { ...cut, condition: b.one("reshape", [cut.condition], { shape: [] }) };
}

/**
 * A cotangent that its op's row computes as cut: d where a condition holds and else 0, or d times 1 or 0. `given` are cotangents
 * that another graph has cut, and that weigh the terms of this graph's loss.
 */
export function asCut(ops: readonly Op[], value: Value, given: ReadonlySet<Value>): Cotangent {
  const made = (v: Value): Op | undefined => ops.findLast((op) => op.results[0] === v);
  const isZero = (v: Value): boolean => {
    const op = made(v);
    return op?.op === "const" && op.attrs.value === 0;
  };
  const op = made(value);
  if (op?.op === "select") {
    const [condition, yes, no] = op.operands;
    if (isZero(no)) return { value: yes, cuts: [{ condition, unless: false }] };
    if (isZero(yes)) return { value: no, cuts: [{ condition, unless: true }] };
  }
  if (op?.op === "mul") {
    const isIndicator = (maker: Op | undefined): boolean => maker !== undefined && rowOf(maker.op).indicator === true;
    const at = op.operands.findIndex((v) => isIndicator(made(v)));
    if (at >= 0) return { value: op.operands[1 - at], cuts: [{ condition: op.operands[at], unless: false }] };
    const weight = op.operands.find((v) => given.has(v));
    if (weight !== undefined) return { value, cuts: [{ condition: weight, unless: false }] };
  }
  return uncut(value);
}

/** Which values have, between them and the leaves, a derivative that may not be finite. Includes bodies. */
export class Exposure {
  /** Whether any cotangent is cut at all. */
  cutting = false;
  private readonly exposed = new Set<Value>();
  private readonly ranges = new Map<Value, Range>();
  private readonly makers = new Map<Value, Op>();
  private readonly active: ReadonlySet<Value>;
  /** Cotangents from another graph. */
  readonly given: ReadonlySet<Value>;

  constructor(ops: readonly Op[], active: ReadonlySet<Value>, given: ReadonlySet<Value>) {
    this.active = active;
    this.given = given;
    this.block(ops);
  }

  has(v: Value): boolean {
    return this.cutting && this.exposed.has(v);
  }

  /** Whether its numbers are certainly finite. */
  isFinite(v: Value): boolean {
    return this.of(v).finite === "always";
  }

  private readonly of = (v: Value): Range => this.ranges.get(v) ?? anything;

  private block(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.op === "scan") {
        this.scan(op);
        continue;
      }
      for (const r of op.results) this.makers.set(r, op);
      const range = rangeOf(op, this.of, (v) => this.makers.get(v));
      for (const r of op.results) this.ranges.set(r, range);
      if (op.op === "leaf" || !op.results.some((r) => this.active.has(r)) || !hasGradient(op)) continue;
      if (!this.derivativeIsFinite(op) || op.operands.some((v) => this.exposed.has(v)))
        for (const r of op.results) this.exposed.add(r);
    }
  }

  /** Whether cotangents of the operands are finite wherever those of the results are. Also records that some are cut. */
  private derivativeIsFinite(op: Exclude<Op, OpOf<"scan">>): boolean {
    const b = new Builder();
    const dx = gradient(
      b,
      op,
      op.results.map((r) => b.value({ ...r.type, dtype: "f32" })),
    );
    const makers = new Map(b.ops.flatMap((made) => made.results.map((r) => [r, made] as const)));
    const own = new Map<Value, Range>();
    const of = (v: Value): Range => own.get(v) ?? this.of(v);
    for (const made of b.ops) {
      const range = rangeOf(made as Exclude<Op, OpOf<"scan">>, of, (v) => makers.get(v) ?? this.makers.get(v));
      for (const r of made.results) own.set(r, range);
    }
    return op.operands.every((v, i) => {
      const d = dx[i];
      if (d === undefined || !this.active.has(v)) return true;
      if (asCut(b.ops, d, this.given).cuts.length > 0) this.cutting = true;
      return of(d).finite === "always";
    });
  }

  private scan(scan: OpOf<"scan">): void {
    const body = scan.body!;
    const { states } = scan.attrs;
    body.params.forEach((p, i) => {
      const { finite, ...bounds } = this.of(scan.operands[i]);
      this.ranges.set(p, { ...bounds, finite: assumeGiven(finite) });
      if (this.exposed.has(scan.operands[i])) this.exposed.add(p);
    });
    // A state is in a range, finite, and hidden if its next value is: iterate to a fixed point.
    for (let changed = true; changed; ) {
      this.block(body.ops);
      changed = false;
      for (let i = 0; i < states; i++) {
        const [p, next] = [body.params[i], body.results[i]];
        const before = this.of(p);
        const now = widened(before, this.of(next));
        if (now.low !== before.low || now.high !== before.high || now.finite !== before.finite) {
          this.ranges.set(p, now);
          changed = true;
        }
        if (this.exposed.has(next) && !this.exposed.has(p)) {
          this.exposed.add(p);
          changed = true;
        }
      }
    }
    scan.results.forEach((r, i) => {
      this.ranges.set(r, i < states ? this.of(body.params[i]) : this.of(body.results[i]));
      if (this.exposed.has(body.results[i])) this.exposed.add(r);
    });
  }
}
