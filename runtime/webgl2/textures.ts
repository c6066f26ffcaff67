/**
 * The textures of an executable: one for each region that entries share, and those of each entry's `work`. Entries run one after
 * another, so textures of the same shape serve all of them.
 */
import { RuntimeError } from "../error.ts";
import { regionSizes } from "../layout.ts";
import type { Entry, EntryName, Plan, RegionName, Texture } from "../plan.ts";
import { indexAt } from "../texture-index.ts";
import { frameShape, regionWidth } from "../texture-shape.ts";
import type { Context } from "./context.ts";

/** A texture of the GPU: rows of 2^bits texels. */
export interface Image {
  readonly texture: WebGLTexture;
  readonly target: "2d" | "layers";
  readonly bits: number;
  /** Rows of a frame, and of a layer. */
  readonly rows: number;
  readonly height: number;
  readonly layers: number;
}

/** What a kernel binds by one name. */
export interface Bound {
  readonly name: string;
  /** Two for an alternating texture: of even and of odd frames. */
  readonly images: readonly Image[];
  /** Of a texture with frames. */
  readonly framed: boolean;
  /** A region that kernels both load from and store to is stored to its shadow first. */
  readonly isRegion: boolean;
}

/** Regions in textures of their own. */
export const inRegions: readonly RegionName[] = ["param", "grad", "slot", "stat", "input"];

export class Textures {
  private readonly context: Context;
  private readonly plan: Plan;
  private readonly regions = new Map<string, Image>();
  private readonly shadows = new Map<string, Image>();
  /** Images of each shape, in the order in which entries take them. */
  private readonly pool = new Map<string, Image[]>();
  private readonly entries = new Map<EntryName, ReadonlyMap<string, Bound>>();
  private steps = -1;

  constructor(context: Context, plan: Plan) {
    this.context = context;
    this.plan = plan;
    this.prepare(0);
  }

  /** Makes room for sequences of `steps` steps. Errors: C0505. */
  prepare(steps: number): void {
    if (steps <= this.steps) return;
    const floats = regionSizes(this.plan, steps);
    for (const name of inRegions) {
      const rows = Math.ceil(floats[name] / 4 / 2 ** regionWidth);
      const known = this.regions.get(name);
      if (known !== undefined && known.height >= rows) continue;
      if (known) this.context.gl.deleteTexture(known.texture);
      this.regions.set(name, this.image(name, "2d", regionWidth, rows, 1, 1, steps));
    }
    for (const image of [...this.pool.values()].flat()) this.context.gl.deleteTexture(image.texture);
    this.pool.clear();
    this.entries.clear();
    for (const [name, entry] of Object.entries(this.plan.entries))
      this.entries.set(name as EntryName, this.bind(entry, steps));
    this.steps = steps;
  }

  /** What an entry's kernels bind, by name. */
  of(entry: EntryName): ReadonlyMap<string, Bound> {
    return this.entries.get(entry)!;
  }

  region(name: string): Image {
    return this.regions.get(name)!;
  }

  /** Where a kernel stores what it stores to a region that it also loads from. */
  shadow(name: string): Image {
    const image = this.region(name);
    const known = this.shadows.get(name);
    if (known?.height === image.height) return known;
    if (known) this.context.gl.deleteTexture(known.texture);
    const made = this.image(name, "2d", image.bits, image.height, 1, 1, this.steps);
    this.shadows.set(name, made);
    return made;
  }

  close(): void {
    const all = [...this.regions.values(), ...this.shadows.values(), ...[...this.pool.values()].flat()];
    for (const { texture } of all) this.context.gl.deleteTexture(texture);
  }

  private bind({ textures = [] }: Entry, steps: number): ReadonlyMap<string, Bound> {
    const taken = new Map<string, number>();
    const bound = inRegions.map(
      (name): Bound => ({ name, images: [this.region(name)], framed: false, isRegion: true }),
    );
    return new Map(
      [...bound, ...textures.map((t) => this.boundTo(t, steps, taken))].map((one) => [one.name, one] as const),
    );
  }

  private boundTo({ name, size, frames, alternate }: Texture, steps: number, taken: Map<string, number>): Bound {
    const { bits, rows } = frameShape(size);
    const framed = frames !== undefined;
    const count = framed ? indexAt(frames, { t: 0, T: steps, y: 0 }) : 1;
    const each = alternate ? Math.ceil(count / 2) : count;
    const images = Array.from({ length: alternate ? 2 : 1 }, () => {
      const key = [framed, bits, rows, each].join();
      const free = this.pool.get(key) ?? [];
      this.pool.set(key, free);
      const at = taken.get(key) ?? 0;
      taken.set(key, at + 1);
      free[at] ??= this.image(name, framed ? "layers" : "2d", bits, rows, each, each, steps);
      return free[at];
    });
    return { name, images, framed, isRegion: false };
  }

  /** A texture of zeros for so many frames. What does not fit in layers lies below. */
  private image(
    name: string,
    target: Image["target"],
    bits: number,
    rows: number,
    frames: number,
    _each: number,
    steps: number,
  ): Image {
    const { gl, layerBits, maxTextureSize } = this.context;
    const most = 2 ** layerBits;
    const layers = Math.min(frames, most);
    const height = Math.max(1, rows) * Math.ceil(frames / most);
    if (height > maxTextureSize || 2 ** bits > maxTextureSize) {
      throw new RuntimeError(
        "C0505",
        `${this.plan.name} needs a texture of ${2 ** bits} × ${height} (\`${name}\`) for ${steps} steps, and this GPU has ${maxTextureSize} rows`,
        "use a smaller batch or shorter sequences, or compile it with --memory",
      );
    }
    const texture = gl.createTexture();
    if (texture === null) throw new RuntimeError("C0505", "the GPU has no memory for another texture");
    const kind = target === "2d" ? gl.TEXTURE_2D : gl.TEXTURE_2D_ARRAY;
    gl.activeTexture(gl.TEXTURE0 + scratchUnit);
    gl.bindTexture(kind, texture);
    if (target === "2d") gl.texStorage2D(kind, 1, gl.RGBA32F, 2 ** bits, height);
    else gl.texStorage3D(kind, 1, gl.RGBA32F, 2 ** bits, height, layers);
    gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    if (gl.getError() === gl.OUT_OF_MEMORY)
      throw new RuntimeError("C0505", "the GPU is out of memory", "use a smaller batch or shorter sequences");
    return { texture, target, bits, rows, height, layers };
  }
}

/** The texture unit that is not a sampler's: kernels sample 15 of the 16 that every device has. */
export const scratchUnit = 15;

/** A place in an image where a frame begins: a layer, and its first row. */
export interface FramePlace {
  readonly image: Image;
  readonly layer: number;
  readonly row: number;
}

/** Where a frame of a bound texture is. */
export function placeOf({ images, framed }: Bound, frame: number, layerBits: number): FramePlace {
  if (!framed) return { image: images[0], layer: 0, row: 0 };
  const image = images[images.length === 2 ? frame & 1 : 0];
  const at = images.length === 2 ? frame >> 1 : frame;
  return { image, layer: at & (2 ** layerBits - 1), row: (at >> layerBits) * image.rows };
}
