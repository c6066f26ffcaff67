/**
 * The textures of an executable: one for each region that entries share, and those of each entry's `work`. Entries run one after
 * another, so textures of the same shape serve all of them.
 */
import { RuntimeError } from "../error.ts";
import { regionSizes } from "../layout.ts";
import type { Entry, EntryName, Plan, RegionName, Texture } from "../plan.ts";
import { indexAt } from "../texture-index.ts";
import { frameShape, regionWidth, stackBits } from "../texture-shape.ts";
import type { Context } from "./context.ts";
import { createImage, type Image, type ImageShape } from "./image.ts";
import type { Shadows } from "./shadows.ts";

/** What a kernel binds by one name. */
export interface Bound {
  readonly name: string;
  /** Two for an alternating texture: of even and of odd frames. */
  readonly images: readonly Image[];
  /** Of a texture with frames. */
  readonly framed: boolean;
  /** The logarithm of how many frames lie below each other in a layer, if they do. */
  readonly stackBits?: number;
  /** A region that kernels both load from and store to is stored to its shadow first. */
  readonly isRegion: boolean;
}

/** Regions in textures of their own. */
const inRegions: readonly RegionName[] = ["param", "grad", "slot", "stat", "input"];

const isRegion = (name: string): boolean => (inRegions as readonly string[]).includes(name);

export class Textures {
  /** The logarithm of how many layers a texture has at most. */
  readonly layerBits: number;
  /** Undefined for a plan that needs none. */
  readonly shadows: Shadows | undefined;
  readonly #context: Context;
  readonly #plan: Plan;
  /** Before an image is deleted. */
  readonly #release: (image: Image) => void;
  readonly #regions = new Map<string, Image>();
  /** Regions that a kernel both loads from and stores to. */
  readonly #shadowed: ReadonlySet<string>;
  /** Images of each shape, in the order in which entries take them. */
  readonly #pool = new Map<string, Image[]>();
  readonly #entries = new Map<EntryName, ReadonlyMap<string, Bound>>();
  #steps = -1;

  /** Errors: C0503, C0505. */
  constructor(context: Context, plan: Plan, release: (image: Image) => void, shadows: Shadows | undefined) {
    this.#context = context;
    this.#plan = plan;
    this.#release = release;
    this.layerBits = context.layerBits;
    this.#shadowed = new Set(
      plan.kernels.flatMap(({ reads = [], writes = [] }) =>
        writes
          .map((write) => write.texture)
          .filter((name) => isRegion(name) && reads.some((read) => read.texture === name)),
      ),
    );
    if (this.#shadowed.size > 0 && !shadows) throw new Error(`the module of ${plan.name} names no shadows`);
    this.shadows = shadows;
    this.prepare(0);
  }

  /**
   * Makes room for sequences of `steps` steps; what is replaced loses its contents. Errors: C0503; C0505, after which
   * regions that do not grow are as they were.
   */
  prepare(steps: number): void {
    if (steps <= this.#steps) return;
    const floats = regionSizes(this.#plan, steps);
    const shapes = inRegions.map((name) => [name, regionShape(floats[name])] as const);
    const textures = Object.values(this.#plan.entries).flatMap((entry) => entry.textures ?? []);
    for (const [name, shape] of shapes) this.#checkSize(name, shape, steps);
    for (const texture of textures) this.#checkSize(texture.name, this.#shapeOf(texture, steps), steps);
    const grown = shapes.filter(([name, { height }]) => (this.#regions.get(name)?.height ?? 0) < height);
    this.#context.refuseErrors();
    this.#steps = -1;
    this.#freeWork();
    try {
      for (const [name, shape] of grown) {
        this.#freeRegion(name);
        this.#regions.set(name, createImage(this.#context, shape));
        if (this.#shadowed.has(name)) this.shadows!.make(name, shape);
      }
      for (const [name, entry] of Object.entries(this.#plan.entries))
        this.#entries.set(name as EntryName, this.#bind(entry, steps));
      this.#context.refuseShortage();
    } catch (error) {
      this.#freeWork();
      for (const [name] of grown) this.#freeRegion(name);
      throw error;
    }
    this.#steps = steps;
  }

  /** What an entry's kernels bind, by name. */
  of(entry: EntryName): ReadonlyMap<string, Bound> {
    return this.#entries.get(entry)!;
  }

  region(name: string): Image {
    return this.#regions.get(name)!;
  }

  close(): void {
    this.#freeWork();
    for (const name of this.#regions.keys()) this.#freeRegion(name);
  }

  #freeWork(): void {
    for (const images of this.#pool.values()) images.forEach(this.#free);
    this.#pool.clear();
    this.#entries.clear();
  }

  /** A region and its shadow. */
  #freeRegion(name: string): void {
    const image = this.#regions.get(name);
    if (image !== undefined) this.#free(image);
    this.#regions.delete(name);
    this.shadows?.free(name);
  }

  readonly #free = (image: Image): void => {
    this.#release(image);
    this.#context.gl.deleteTexture(image.texture);
  };

  #bind({ textures = [] }: Entry, steps: number): ReadonlyMap<string, Bound> {
    const taken = new Map<string, number>();
    const bound = inRegions.map(
      (name): Bound => ({ name, images: [this.region(name)], framed: false, isRegion: true }),
    );
    const all = [...bound, ...textures.map((texture) => this.#boundTo(texture, steps, taken))];
    return new Map(all.map((one) => [one.name, one] as const));
  }

  #boundTo(texture: Texture, steps: number, taken: Map<string, number>): Bound {
    const shape = this.#shapeOf(texture, steps);
    const key = Object.values(shape).join();
    const free = this.#pool.get(key) ?? [];
    this.#pool.set(key, free);
    const images = Array.from({ length: texture.alternate ? 2 : 1 }, () => {
      const at = taken.get(key) ?? 0;
      taken.set(key, at + 1);
      free[at] ??= createImage(this.#context, shape);
      return free[at];
    });
    const stacked = texture.stacked && { stackBits: stackBits(shape.rows) };
    return { name: texture.name, images, framed: texture.frames !== undefined, ...stacked, isRegion: false };
  }

  /** The shape of a texture of `work`, or of each of the two that it alternates between. What does not fit in layers lies below. */
  #shapeOf({ size, frames, alternate, stacked }: Texture, steps: number): ImageShape {
    const { bits, rows } = frameShape(size, stacked);
    const all = frames === undefined ? 1 : indexAt(frames, { t: 0, T: steps, y: 0 });
    const count = alternate ? Math.ceil(all / 2) : all;
    if (stacked) {
      const each = Math.min(count, 2 ** stackBits(rows));
      return { kind: "layers", bits, rows, height: rows * each, layers: Math.ceil(count / each) };
    }
    const most = 2 ** this.layerBits;
    return {
      kind: frames === undefined ? "2d" : "layers",
      bits,
      rows,
      height: rows * Math.ceil(count / most),
      layers: Math.min(count, most),
    };
  }

  #checkSize(name: string, { bits, height, layers }: ImageShape, steps: number): void {
    const { maxTextureSize } = this.#context;
    if (Math.max(2 ** bits, height) <= maxTextureSize && layers <= 2 ** this.layerBits) return;
    throw new RuntimeError(
      "C0505",
      `${this.#plan.name} needs a texture of ${2 ** bits} × ${height} × ${layers} texels (\`${name}\`) for ${steps} steps, and this GPU allows ${maxTextureSize}`,
      "use a smaller batch or shorter sequences, or compile it with --memory",
    );
  }
}

/** The shape of a region's texture. */
function regionShape(floats: number): ImageShape {
  const rows = Math.max(1, Math.ceil(floats / 4 / 2 ** regionWidth));
  return { kind: "2d", bits: regionWidth, rows, height: rows, layers: 1 };
}

/** A place in an image where a frame begins: a layer, and its first row. */
export interface FramePlace {
  readonly image: Image;
  readonly layer: number;
  readonly row: number;
}

/** Where a frame of a bound texture is. */
export function placeOf({ images, framed, stackBits }: Bound, frame: number, layerBits: number): FramePlace {
  if (!framed) return { image: images[0], layer: 0, row: 0 };
  if (stackBits !== undefined) {
    const [image] = images;
    return { image, layer: frame >> stackBits, row: (frame & (2 ** stackBits - 1)) * image.rows };
  }
  const image = images[images.length === 2 ? frame & 1 : 0];
  const at = images.length === 2 ? frame >> 1 : frame;
  return { image, layer: at & (2 ** layerBits - 1), row: (at >> layerBits) * image.rows };
}
