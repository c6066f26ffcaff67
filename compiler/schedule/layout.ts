/** Where values live: buffers in the plan's regions, and homes, which say how a value is laid out in one. */
import type { Region, RegionName } from "../../runtime/plan.ts";
import { always, type Life, never, pack } from "./arena.ts";
import * as x from "./expr.ts";
import type { KExpr } from "./kernel-ir.ts";

/** A stretch of a region. Where it stands is known when the layout is closed. */
export interface Buffer {
  readonly region: RegionName;
  /** One copy per frame. */
  readonly time: boolean;
  /** Copies in the fixed part that frames take turns in: frame f has copy f mod `ring`. */
  readonly ring?: number;
  readonly offset: number;
  /** Floats of one copy. */
  readonly size: number;
}

/** Which frame of a buffer serves step t. */
export type FrameIndex =
  | { readonly kind: "shifted"; readonly by: number }
  | { readonly kind: "first" }
  /** Frame T. */
  | { readonly kind: "behind" }
  /** Frame T − 1. */
  | { readonly kind: "last" };

/** A value's place: element (b, f…) at step t stands at start + frame(t) + b·batch + Σ f·strides. */
export interface Home {
  readonly buffer: Buffer;
  readonly start: number;
  readonly frame: FrameIndex;
  /** Rows kept of a statistic: row min(t, steps − 1), each `row` floats, without frames. */
  readonly steps?: { readonly count: number; readonly row: number };
  readonly batch: number;
  readonly strides: readonly number[];
}

/** Alignment of buffers, in floats: a cache line. */
const LINE = 16;
const align = (n: number): number => Math.ceil(n / LINE) * LINE;

const regionNames: readonly RegionName[] = ["param", "grad", "slot", "stat", "input", "work"];

/** A buffer of `work`, and from when to when it holds something. */
export interface Slot {
  readonly buffer: Buffer;
  readonly life: Life;
}

/** Gets its offset when the layout is closed. */
class Stretch implements Buffer {
  readonly region: RegionName;
  readonly time: boolean;
  readonly ring: number | undefined;
  readonly size: number;
  private at: number | undefined;

  constructor(region: RegionName, time: boolean, size: number, ring?: number) {
    this.region = region;
    this.time = time;
    this.size = size;
    this.ring = ring;
  }

  get offset(): number {
    if (this.at === undefined) throw new Error("where a buffer stands was asked for before the layout was closed");
    return this.at;
  }

  set offset(at: number) {
    this.at = at;
  }

  /** All copies, on whole cache lines. */
  get extent(): number {
    return align(this.size) * (this.ring ?? 1);
  }
}

export class Layout {
  private readonly fixed = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  private readonly frame = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  private readonly stretches: Stretch[] = [];
  private closed = false;

  /** Takes `size` floats of `input` or `work`, once or in every frame; with `ring`, once for each of so many frames in turn. */
  buffer(region: "input" | "work", time: boolean, size: number, ring?: number): Buffer {
    if (this.closed) throw new Error("a buffer was asked for after the layout was closed");
    const stretch = new Stretch(region, time, size, ring);
    this.stretches.push(stretch);
    return stretch;
  }

  /** Makes room for what other entries of the same plan keep in a region. */
  reserve(region: RegionName, size: number): void {
    this.fixed.set(region, Math.max(this.fixed.get(region)!, size));
  }

  /**
   * Gives every buffer its offset. Those of `work` share floats when their lives do not meet; `lives` says from when to when
   * each holds something, and what is not in it is never used. What the host writes to `input` stays for the whole run.
   */
  close(lives: ReadonlyMap<Buffer, Life>): readonly Slot[] {
    this.closed = true;
    const slots = this.stretches.map((buffer) => ({ buffer, life: lives.get(buffer) ?? never }));
    for (const region of ["input", "work"] as const) {
      for (const time of [false, true]) {
        const here = this.stretches.filter((s) => s.region === region && (s.time && !s.ring) === time);
        const life = (s: Stretch): Life => (region === "input" ? always : (lives.get(s) ?? never));
        const { offsets, size } = pack(here.map((s) => ({ size: s.extent, life: life(s) })));
        here.forEach((s, i) => {
          s.offset = offsets[i];
        });
        (time ? this.frame : this.fixed).set(region, size);
      }
    }
    return slots.filter(({ buffer }) => buffer.region === "work");
  }

  regions(): Readonly<Record<RegionName, Region>> {
    return Object.fromEntries(regionNames.map((r) => [r, this.region(r)])) as Record<RegionName, Region>;
  }

  region(name: RegionName): Region {
    return { fixed: align(this.fixed.get(name)!), frame: align(this.frame.get(name)!) };
  }

  /** The index of an element in its region. `t` is the step; `undefined` for a value without one. */
  address(home: Home, t: KExpr | undefined, b: KExpr | undefined, f: readonly KExpr[]): KExpr {
    const { buffer } = home;
    const terms: KExpr[] = [];
    if (home.steps) terms.push(x.mul(x.min(t ?? x.int(0), x.int(home.steps.count - 1)), x.int(home.steps.row)));
    let base = buffer.offset + home.start;
    if (buffer.ring) {
      terms.push(x.mul(x.rem(frameOf(home.frame, t), x.int(buffer.ring)), x.int(align(buffer.size))));
    } else if (buffer.time) {
      const { fixed, frame } = this.region(buffer.region);
      base += fixed;
      terms.push(x.mul(frameOf(home.frame, t), x.int(frame)));
    }
    if (b !== undefined) terms.push(x.mul(b, x.int(home.batch)));
    f.forEach((index, i) => {
      terms.push(x.mul(index, x.int(home.strides[i])));
    });
    return x.add(x.sum(terms), x.int(base));
  }
}

function frameOf(frame: FrameIndex, t: KExpr | undefined): KExpr {
  switch (frame.kind) {
    case "first":
      return x.int(0);
    case "behind":
      return x.uniform("T");
    case "last":
      return x.sub(x.uniform("T"), x.int(1));
    case "shifted":
      if (t === undefined) throw new Error("a value that varies over time was read without a step");
      return x.add(t, x.int(frame.by));
  }
}
