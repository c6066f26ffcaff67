/** Cotangents of values, accumulated as they arrive. */
import { real } from "../ir/type.ts";
import type { Value } from "../ir/types.ts";
import { type Cotangent, carriedOut, cutAtZero, type Exposure, fits, sameCuts, uncut } from "./cuts.ts";
import type { Builder } from "./rewrite.ts";

export class Cotangents {
  private readonly map = new Map<Value, Cotangent>();
  private readonly active: ReadonlySet<Value>;
  private readonly exposure: Exposure;

  constructor(active: ReadonlySet<Value>, exposure: Exposure) {
    this.active = active;
    this.exposure = exposure;
  }

  add(b: Builder, v: Value, cotangent: Cotangent | undefined): void {
    if (cotangent === undefined || !this.active.has(v)) return;
    const fitted = this.fitted(b, v, cotangent);
    const old = this.map.get(v);
    this.map.set(v, old ? this.both(b, old, fitted) : fitted);
  }

  get(v: Value): Cotangent | undefined {
    return this.map.get(v);
  }

  /** The cotangent without conditions: 0 where it was cut. */
  whole(b: Builder, v: Value): Value | undefined {
    const found = this.map.get(v);
    return found && carriedOut(b, found);
  }

  /** Summed over the axes that `v` lacks. Keeps those cuts that mean the same after the sum. */
  private fitted(b: Builder, v: Value, { value, cuts }: Cotangent): Cotangent {
    const type = real(v.type);
    const exposed = this.exposure.has(v);
    const kept = exposed ? cuts.filter((cut) => fits(cut, type)) : [];
    const lost = cuts.filter((cut) => !kept.includes(cut));
    const sum = b.unbroadcast(carriedOut(b, { value, cuts: lost }), type);
    return exposed && kept.length === 0 && lost.length > 0 ? cutAtZero(sum) : { value: sum, cuts: kept };
  }

  private both(b: Builder, one: Cotangent, other: Cotangent): Cotangent {
    if (sameCuts(one, other)) return { ...one, value: b.add(one.value, other.value) };
    const sum = b.add(carriedOut(b, one), carriedOut(b, other));
    return one.cuts.length > 0 && other.cuts.length > 0 ? cutAtZero(sum) : uncut(sum);
  }
}
