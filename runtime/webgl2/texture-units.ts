/** Which images are bound to which texture units: a bound one stays where it is for all programs, which are told its unit. */
import { type Image, scratchUnit, targetOf } from "./image.ts";

/** What no pass has sampled for so many is taken from its unit first: longer ago than a step. */
const staleAfter = 64;

export class TextureUnits {
  readonly #gl: WebGL2RenderingContext;
  readonly #images: (Image | undefined)[] = [];
  readonly #units = new Map<Image, number>();
  /** The number of the pass that last sampled each unit. */
  readonly #lastUse = new Array<number>(scratchUnit).fill(0);
  #pass = 0;
  #active = -1;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  /** Others have bound textures. */
  forget(): void {
    this.#images.length = 0;
    this.#units.clear();
    this.#lastUse.fill(0);
    this.#pass = 0;
    this.#active = -1;
  }

  /** Binds images, at most as many as there are units, and returns their units. */
  bind(images: readonly Image[]): readonly number[] {
    this.#pass++;
    for (const image of images) {
      const unit = this.#units.get(image);
      if (unit !== undefined) this.#lastUse[unit] = this.#pass;
    }
    return images.map((image) => {
      const unit = this.#units.get(image) ?? this.#take(image);
      this.#lastUse[unit] = this.#pass;
      return unit;
    });
  }

  /** Binds an image to the unit that no program samples, and makes that the active one. */
  bindScratch(image: Image): void {
    this.#put(scratchUnit, image);
    this.#activate(scratchUnit);
  }

  #take(image: Image): number {
    const unit = this.#victim();
    const before = this.#images[unit];
    if (before) this.#units.delete(before);
    this.#put(unit, image);
    this.#units.set(image, unit);
    return unit;
  }

  /**
   * The unit to take. Steps repeat: of what every step samples, the image that was sampled last will be needed again last, so it goes, and
   * the others stay for good.
   */
  #victim(): number {
    let stalest = -1;
    let latest = -1;
    for (let unit = 0; unit < scratchUnit; unit++) {
      const use = this.#lastUse[unit];
      if (use === this.#pass) continue;
      if (stalest < 0 || use < this.#lastUse[stalest]) stalest = unit;
      if (latest < 0 || use > this.#lastUse[latest]) latest = unit;
    }
    const isFree = this.#images[stalest] === undefined;
    return isFree || this.#lastUse[stalest] < this.#pass - staleAfter ? stalest : latest;
  }

  #put(unit: number, image: Image): void {
    if (this.#images[unit] === image) return;
    this.#activate(unit);
    this.#gl.bindTexture(targetOf(this.#gl, image), image.texture);
    this.#images[unit] = image;
  }

  #activate(unit: number): void {
    if (this.#active !== unit) this.#gl.activeTexture(this.#gl.TEXTURE0 + unit);
    this.#active = unit;
  }
}
