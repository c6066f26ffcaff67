/** Where values live: buffers in the plan's regions, and homes, which say how a value is laid out in one. */
import type { Region, RegionName } from "../../runtime/plan.ts";
import * as x from "./expr.ts";
import type { KExpr } from "./kernel-ir.ts";

/** A stretch of a region. Offsets are fixed when it is made; where the frames begin is known when all are made. */
export interface Buffer {
  readonly region: RegionName;
  /** One copy per frame. */
  readonly time: boolean;
  readonly offset: number;
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

export class Layout {
  private readonly fixed = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  private readonly frame = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  private closed = false;

  /** Takes `size` floats of a region, once or in every frame. Parameters stand back to back, all else on cache lines. */
  buffer(region: RegionName, time: boolean, size: number): Buffer {
    if (this.closed) throw new Error("a buffer was asked for after the layout was closed");
    const sizes = time ? this.frame : this.fixed;
    const offset = sizes.get(region)!;
    sizes.set(region, region === "param" || region === "grad" ? offset + size : align(offset + size));
    return { region, time, offset, size };
  }

  /** Makes room for what other entries of the same plan keep in a region. */
  reserve(region: RegionName, size: number): void {
    this.fixed.set(region, Math.max(this.fixed.get(region)!, size));
  }

  close(): Readonly<Record<RegionName, Region>> {
    this.closed = true;
    const regions = regionNames.map((r) => [r, this.region(r)] as const);
    return Object.fromEntries(regions) as Record<RegionName, Region>;
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
    if (buffer.time) {
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
