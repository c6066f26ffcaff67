/** Memory layout: buffers in the plan's regions, and allocations, which say how a value is laid out in a buffer. */
import type { Region, RegionName } from "../../runtime/plan.ts";
import * as x from "../kernel-ir/expr.ts";
import { type KExpr, type Memory, widthOf } from "../kernel-ir/types.ts";
import { always, type LiveInterval, never, pack, span } from "./arena.ts";

/**
 * What the frames of a buffer stand for: the steps of the sequence, the steps of the current segment, or the borders between
 * segments (border k is before segment k).
 */
export type Span = "sequence" | "segment" | "borders";

/** How a buffer is kept in a texture. */
export interface BufferTexture {
  /** Unique in the entry, an identifier. */
  readonly name: string;
  /** Even and odd frames are in textures of their own, so that a kernel may load from one while it stores to the next. */
  readonly alternate: boolean;
  /** Frames lie below each other, so that a kernel that is started for each step can store to many at once. */
  readonly stacked: boolean;
}

/** A range of a region. Its offset is known once the layout is closed. */
export interface Buffer {
  /** A buffer requested in `half` may end up in `work`: closing the layout decides. */
  readonly region: RegionName;
  /** One copy per frame. */
  readonly time: boolean;
  readonly span: Span;
  /** Copies in the fixed part that frames use in turn: frame f uses copy f mod `ring`. */
  readonly ring?: number;
  /** The texture that it is in, on a machine that keeps buffers in textures; it then has no offset unless the host reads it. */
  readonly texture?: BufferTexture;
  readonly offset: number;
  /** Floats of one copy. */
  readonly size: number;
}

/** Which frame of a buffer step t uses. */
export type FrameIndex =
  /** Frame t + `by`. For borders: that before the segment of step t or, if `by` is 1, that after it. */
  | { readonly kind: "shifted"; readonly by: number }
  | { readonly kind: "first" }
  /** Frame T, after the last step's. */
  | { readonly kind: "behind" }
  /** Frame T − 1, the last step's. */
  | { readonly kind: "last" };

/** A value's place in a buffer: element (b, f…) at step t is at start + frame(t) + b·batch + Σ f·strides. */
export interface Allocation {
  readonly buffer: Buffer;
  readonly start: number;
  readonly frame: FrameIndex;
  /**
   * The rows of a statistic: row min(t, count − 1), each of `row` floats, without frames. If the value has no time, t is the step
   * that the kernel is dispatched for.
   */
  readonly steps?: { readonly count: number; readonly row: number };
  readonly batch: number;
  /** With `quads`, the last one is for columns that are multiples of 4. */
  readonly strides: readonly number[];
  /** Panels of four columns: see `passes/prepack-weights.ts`. */
  readonly quads?: true;
}

/** Alignment of buffers, in floats: a cache line. */
export const LINE = 16;
/** `n` floats, on whole cache lines. */
export const align = (n: number): number => Math.ceil(n / LINE) * LINE;

/** Whether four columns, the first a multiple of 4, are contiguous. */
export const columnsAreContiguous = ({ strides, quads }: Allocation): boolean =>
  quads === true || strides[strides.length - 1] === 1;

const regionNames: readonly RegionName[] = ["param", "grad", "slot", "stat", "input", "work", "half"];
/** Regions whose buffers share memory if their live intervals do not overlap. */
const arenas = ["work", "half"] as const;

/** A buffer of an arena, and its live interval. */
export interface LiveBuffer {
  readonly buffer: Buffer;
  readonly interval: LiveInterval;
}

/** `to` may reuse the memory of `from`: it is computed from it element by element, and nothing reads `from` afterwards. */
export interface Alias {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** What a buffer is for. */
interface BufferKind {
  /** Copies that frames use in turn. */
  readonly ring?: number;
  readonly span?: Span;
  /** Each frame's copy may be stored as f16. */
  readonly half?: boolean;
  /** Kernels that store to a frame load from others. */
  readonly alternate?: boolean;
  /** For readers of generated code. */
  readonly name?: string;
}

/** Its offset is known once the layout is closed. */
class ArenaBuffer implements Buffer {
  region: RegionName;
  readonly time: boolean;
  readonly span: Span;
  readonly ring: number | undefined;
  readonly size: number;
  texture: BufferTexture | undefined;
  private at: number | undefined;

  constructor(
    region: "input" | "work",
    time: boolean,
    size: number,
    { span = "sequence", ring, half = false }: BufferKind,
    texture?: BufferTexture,
  ) {
    this.texture = texture;
    this.region = half ? "half" : region;
    this.time = time;
    this.size = size;
    this.span = span;
    this.ring = ring;
  }

  get offset(): number {
    if (this.at === undefined) throw new Error("the offset of a buffer was asked for before the layout was closed");
    return this.at;
  }

  set offset(at: number) {
    this.at = at;
  }

  /** The size of all copies, in whole cache lines. */
  get extent(): number {
    return align(this.size) * (this.ring ?? 1);
  }
}

/** Chains of f32 buffers, each of which may reuse the memory of the one before it. */
function chains(buffers: readonly ArenaBuffer[], aliases: readonly Alias[]): readonly (readonly ArenaBuffer[])[] {
  const here = new Map<Buffer, ArenaBuffer>(buffers.flatMap((s) => (s.region === "work" ? [[s, s]] : [])));
  const next = new Map<Buffer, ArenaBuffer>();
  for (const { from, to } of aliases) {
    const after = here.get(to);
    if (here.has(from) && after !== undefined) next.set(from, after);
  }
  const later = new Set(next.values());
  const chain = (first: ArenaBuffer): readonly ArenaBuffer[] => {
    const all: ArenaBuffer[] = [];
    for (let s: ArenaBuffer | undefined = first; s !== undefined; s = next.get(s)) all.push(s);
    return all;
  };
  return buffers.filter((s) => !later.has(s)).map(chain);
}

/** Names of textures, which are unique and avoid those of regions. */
class TextureNames {
  private readonly taken = new Set<string>(regionNames);

  make(wanted: string): string {
    // Languages reserve names with two underscores in a row.
    const plain = wanted.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "");
    const base = /^[A-Za-z]/.test(plain) ? plain : plain === "" ? "value" : `value_${plain}`;
    let name = base;
    for (let n = 2; this.taken.has(name); n++) name = `${base}_${n}`;
    this.taken.add(name);
    return name;
  }
}

/** Whether each frame has a copy of its own. */
export const isFramed = ({ time, ring }: Buffer): boolean => time && !ring;

export class Layout {
  /** Steps of a segment, where time is cut. */
  readonly length: number | undefined;
  private readonly fixed = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  private readonly frame = new Map<RegionName, number>(regionNames.map((r) => [r, 0]));
  /** Floats per frame of a segment. These frames follow each other at the end of an arena's fixed part. */
  private readonly segmentFrame = new Map<RegionName, number>();
  private borderFrame = 0;
  private readonly buffers: ArenaBuffer[] = [];
  private readonly names: TextureNames | undefined;
  private closed = false;

  /** @param inTextures `work` is kept in textures, not in one region */
  constructor(length?: number, inTextures = false) {
    this.length = length;
    this.names = inTextures ? new TextureNames() : undefined;
  }

  /**
   * A buffer of `size` floats in `input` or `work`, one copy or one per frame; with `ring`, that many copies that frames use in
   * turn.
   */
  buffer(region: "input" | "work", time: boolean, size: number, kind: BufferKind = {}): Buffer {
    if (this.closed) throw new Error("a buffer was asked for after the layout was closed");
    const name = region === "work" ? this.names?.make(kind.name ?? "") : undefined;
    const alternate = kind.ring !== undefined || kind.alternate === true;
    const made = new ArenaBuffer(
      region,
      time,
      size,
      kind,
      name === undefined ? undefined : { name, alternate, stacked: false },
    );
    this.buffers.push(made);
    return made;
  }

  /** Lets the frames of a buffer's texture lie below each other. */
  stack(buffer: Buffer): void {
    const own = this.buffers.find((s) => s === buffer);
    if (own?.texture !== undefined) own.texture = { ...own.texture, stacked: true };
  }

  /** Reserves room for what other entries of the same plan keep in a region. */
  reserve(region: RegionName, size: number): void {
    this.fixed.set(region, Math.max(this.fixed.get(region)!, size));
  }

  /**
   * Assigns every buffer its offset. Buffers of an arena share memory if their live intervals do not overlap, or if one is an alias
   * of the other. A buffer without an interval is never used. What the host writes to `input` stays for the whole run. Of what is in
   * textures, only what the host reads, `visible`, has an offset, by which the host asks for it.
   */
  close(
    intervals: ReadonlyMap<Buffer, LiveInterval>,
    aliases: readonly Alias[] = [],
    visible: ReadonlySet<Buffer> = new Set(),
  ): readonly LiveBuffer[] {
    this.closed = true;
    const lifetime = (s: ArenaBuffer): LiveInterval => (s.region === "input" ? always : (intervals.get(s) ?? never));
    const interval = (s: ArenaBuffer): LiveInterval => (s.texture === undefined ? lifetime(s) : always);
    const placed = this.buffers.filter((s) => s.texture === undefined || visible.has(s));
    const packed = (which: (s: ArenaBuffer) => boolean) => {
      const here = chains(placed.filter(which), aliases);
      return {
        here,
        ...pack(here.map((chain) => ({ size: chain[0].extent, interval: chain.map(interval).reduce(span) }))),
      };
    };
    const place = (which: (s: ArenaBuffer) => boolean): number => {
      const { here, offsets, size } = packed(which);
      here.forEach((chain, i) => {
        for (const s of chain) s.offset = offsets[i];
      });
      return align(size);
    };
    this.chooseHalves(() =>
      arenas
        .flatMap((region) =>
          (["sequence", "segment"] as const).map(
            (span) => widthOf(region) * packed((s) => s.region === region && isFramed(s) && s.span === span).size,
          ),
        )
        .reduce((a, b) => a + b),
    );
    for (const region of ["input", ...arenas] as const) {
      this.fixed.set(
        region,
        place((s) => s.region === region && !isFramed(s)),
      );
      this.frame.set(
        region,
        place((s) => s.region === region && isFramed(s) && s.span === "sequence"),
      );
    }
    for (const region of arenas) {
      this.segmentFrame.set(
        region,
        place((s) => s.region === region && isFramed(s) && s.span === "segment"),
      );
    }
    this.borderFrame = place((s) => isFramed(s) && s.span === "borders");
    return this.buffers.flatMap((s) => (s.region === "input" ? [] : [{ buffer: s, interval: lifetime(s) }]));
  }

  /** Counts the memory of a texture that the host does not read: it has no place in the region, but a size. */
  count(buffer: Buffer): void {
    const { ring = 1, span, size } = buffer;
    const floats = align(size);
    if (!isFramed(buffer)) this.fixed.set("work", this.fixed.get("work")! + ring * floats);
    else if (span === "sequence") this.frame.set("work", this.frame.get("work")! + floats);
    else if (span === "segment") this.segmentFrame.set("work", this.segmentFrame.get("work")! + floats);
    else this.borderFrame += floats;
  }

  /**
   * Moves f16 buffers to `work` if that takes less memory: mostly because they share it with what the backward pass computes later.
   */
  private chooseHalves(bytes: () => number): void {
    if (!this.buffers.some(({ region }) => region === "half")) return;
    let least = bytes();
    for (let before = Number.POSITIVE_INFINITY; least < before; ) {
      before = least;
      for (const s of this.buffers.filter(({ region }) => region === "half")) {
        s.region = "work";
        const found = bytes();
        if (found < least) least = found;
        else s.region = "half";
      }
    }
  }

  regions(): Readonly<Record<RegionName, Region>> {
    return Object.fromEntries(regionNames.map((r) => [r, this.region(r)])) as Record<RegionName, Region>;
  }

  region(name: RegionName): Region {
    const fixed = align(this.fixed.get(name)!);
    const frame = align(this.frame.get(name)!);
    const { length } = this;
    const segmentFrame = this.segmentFrame.get(name);
    if (segmentFrame === undefined || length === undefined) return { fixed, frame };
    // Like a sequence, a segment has one frame more than steps.
    return {
      fixed: fixed + segmentFrame * (length + 1),
      frame,
      segment: { length, frame: segmentFrame, border: name === "work" ? this.borderFrame : 0 },
    };
  }

  /** Addresses for a kernel that runs once for all steps, or in a loop over them. */
  addresses(clock: Clock): Addresses {
    return {
      steps: clock.steps,
      first: clock.first,
      global: clock.global,
      local: clock.local,
      placeOf: (allocation, t, b, f, width = 1) => this.placeOf(clock, allocation, t, b, f, width),
    };
  }

  private placeOf(
    clock: Clock,
    allocation: Allocation,
    t: KExpr | undefined,
    b: KExpr | undefined,
    f: readonly KExpr[],
    width: 1 | 4,
  ): x.Place {
    const { buffer } = allocation;
    const memory = memoryOf(buffer);
    const terms: KExpr[] = [];
    if (allocation.steps) {
      const row = t === undefined ? x.uniform("t") : clock.global(t);
      terms.push(x.mul(x.min(row, x.int(allocation.steps.count - 1)), x.int(allocation.steps.row)));
    }
    let base = (buffer.texture === undefined ? buffer.offset : 0) + allocation.start;
    let frame: KExpr | undefined;
    if (buffer.time) {
      const index = this.frameOf(clock, allocation, t);
      if (buffer.texture !== undefined) frame = buffer.ring ? x.rem(index, x.int(buffer.ring)) : index;
      else if (buffer.ring) terms.push(x.mul(x.rem(index, x.int(buffer.ring)), x.int(align(buffer.size))));
      else {
        const { start, frame, perStep } = this.frames(buffer);
        base += start;
        if (perStep > 0) terms.push(x.mul(x.uniform("T"), x.int(perStep)));
        terms.push(x.mul(index, x.int(frame)));
      }
    }
    if (b !== undefined) terms.push(x.mul(b, x.int(allocation.batch)));
    f.forEach((index, i) => {
      const stride = allocation.strides[i];
      if (allocation.quads && width === 1 && i === f.length - 1)
        terms.push(x.mul(x.div(index, x.int(4)), x.int(4 * stride)), x.rem(index, x.int(4)));
      else terms.push(x.mul(index, x.int(stride)));
    });
    return { memory, ...(frame && { frame }), index: x.add(x.sum(terms), x.int(base)) };
  }

  /** Frame k of a span is at start + T · perStep + k · frame. */
  private frames({ region, span }: Buffer): {
    readonly start: number;
    readonly frame: number;
    readonly perStep: number;
  } {
    const { fixed, frame } = this.region(region);
    switch (span) {
      case "sequence":
        return { start: fixed, frame, perStep: 0 };
      case "segment":
        return { start: align(this.fixed.get(region)!), frame: this.segmentFrame.get(region)!, perStep: 0 };
      case "borders":
        return { start: fixed + frame, frame: this.borderFrame, perStep: frame };
    }
  }

  private frameOf(clock: Clock, { buffer: { span }, frame }: Allocation, t: KExpr | undefined): KExpr {
    if (span === "borders") {
      const length = x.int(this.length!);
      switch (frame.kind) {
        case "first":
          return x.int(0);
        case "shifted":
          return x.add(x.div(x.uniform("t"), length), x.int(frame.by));
        default:
          return x.div(x.add(x.uniform("T"), x.int(this.length! - 1)), length);
      }
    }
    const steps = span === "segment" ? clock.steps : x.uniform("T");
    switch (frame.kind) {
      case "first":
        return x.int(0);
      case "behind":
        return steps;
      case "last":
        return x.sub(steps, x.int(1));
      case "shifted":
        if (t === undefined) throw new Error("a value that varies over time was read without a step");
        return x.add(span === "segment" ? clock.local(t) : clock.global(t), x.int(frame.by));
    }
  }
}

/** How a kernel counts steps. */
export interface Clock {
  /** The number of steps of its loops over time. */
  readonly steps: KExpr;
  /** The first step of workgroups that have one step each: not 0 if a grid is dispatched in pieces. */
  readonly first: KExpr;
  /** The step of the sequence that is its step `t`. */
  global(t: KExpr): KExpr;
  /** The step of the segment that is its step `t`. */
  local(t: KExpr): KExpr;
}

/** The whole sequence at once, or step by step. */
export const wholeClock: Clock = {
  steps: x.uniform("T"),
  first: x.uniform("t"),
  global: (t) => t,
  local: (t) => t,
};

/**
 * A segment of `length` steps, the last one shorter. Kernels that are dispatched for each step get the step of the sequence, and
 * count from there. Others get the segment's first step, and count from 0.
 */
export function segmentClock(length: number, inBody: boolean): Clock {
  const t = x.uniform("t");
  const within = (step: KExpr): KExpr => x.rem(step, x.int(length));
  const start = inBody ? x.sub(t, within(t)) : t;
  return {
    steps: x.min(x.int(length), x.sub(x.uniform("T"), start)),
    // A segment is never too long for one grid.
    first: x.int(0),
    global: (step) => (inBody ? step : x.add(t, step)),
    local: (step) => (inBody ? within(step) : step),
  };
}

/** Places of elements, in terms of one kernel's steps. */
export interface Addresses extends Clock {
  /**
   * The place in memory of an element, or of the first of four columns. `t` is the step; `undefined` for a value without time.
   */
  placeOf(
    allocation: Allocation,
    t: KExpr | undefined,
    b: KExpr | undefined,
    f: readonly KExpr[],
    width?: 1 | 4,
  ): x.Place;
}

/** The memory that holds a buffer. */
export const memoryOf = ({ texture, region }: Buffer): Extract<Memory, { kind: "region" }> => ({
  kind: "region",
  region: texture?.name ?? region,
});
