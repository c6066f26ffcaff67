/** What is bound in the context, so that nothing is bound twice in a run. */
import { Framebuffers } from "./framebuffers.ts";
import { type Image, scratchUnit, targetOf } from "./image.ts";
import type { Rectangle } from "./ranges.ts";
import type { ShaderProgram } from "./shader-program.ts";

export class Bindings {
  readonly framebuffers: Framebuffers;
  readonly #gl: WebGL2RenderingContext;
  readonly #units: (Image | undefined)[] = [];
  #unit = -1;
  #program: ShaderProgram | undefined;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.framebuffers = new Framebuffers(gl);
  }

  /** Others have used the context. */
  forget(): void {
    this.#units.length = 0;
    this.#unit = -1;
    this.#program = undefined;
    this.framebuffers.forget();
  }

  use(program: ShaderProgram): void {
    if (this.#program !== program) this.#gl.useProgram(program.handle);
    this.#program = program;
  }

  /** Binds what the samplers of a program read. */
  sample({ units }: ShaderProgram, sampled: (sampler: string) => Image | undefined): void {
    for (const [sampler, unit] of units) {
      const image = sampled(sampler);
      if (image !== undefined) this.#bind(unit, image);
    }
  }

  /** Copies to a rectangle, to a layer of an image. */
  copyTo(image: Image, layer: number, { x, y, width, height }: Rectangle, left: number, below: number): void {
    const gl = this.#gl;
    this.#bind(scratchUnit, image);
    this.#activate(scratchUnit);
    if (image.kind === "2d") gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, x, y, x - left, y - below, width, height);
    else gl.copyTexSubImage3D(gl.TEXTURE_2D_ARRAY, 0, x, y, layer, x - left, y - below, width, height);
  }

  #bind(unit: number, image: Image): void {
    if (this.#units[unit] === image) return;
    this.#activate(unit);
    this.#gl.bindTexture(targetOf(this.#gl, image), image.texture);
    this.#units[unit] = image;
  }

  #activate(unit: number): void {
    if (this.#unit !== unit) this.#gl.activeTexture(this.#gl.TEXTURE0 + unit);
    this.#unit = unit;
  }
}
