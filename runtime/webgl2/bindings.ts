/** What is bound in the context, so that nothing is bound twice in a run. */
import { Framebuffers } from "./framebuffers.ts";
import type { Image } from "./image.ts";
import type { Rectangle } from "./ranges.ts";
import type { ShaderProgram } from "./shader-program.ts";
import { TextureUnits } from "./texture-units.ts";

export class Bindings {
  readonly framebuffers: Framebuffers;
  readonly #gl: WebGL2RenderingContext;
  readonly #units: TextureUnits;
  #program: ShaderProgram | undefined;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.framebuffers = new Framebuffers(gl);
    this.#units = new TextureUnits(gl);
  }

  /** Others have used the context. */
  forget(): void {
    this.#units.forget();
    this.#program = undefined;
    this.framebuffers.forget();
  }

  use(program: ShaderProgram): void {
    if (this.#program !== program) this.#gl.useProgram(program.handle);
    this.#program = program;
  }

  /** Binds what the samplers of a program, which is the current one, read. */
  sample(program: ShaderProgram, sampled: (sampler: string) => Image): void {
    program.setUnits(this.#units.bind(program.samplers.map(sampled)));
  }

  /** Copies to a rectangle of a layer what the framebuffer that is read has `left` texels to its left and `below` rows below it. */
  copyTo(image: Image, layer: number, { x, y, width, height }: Rectangle, left: number, below: number): void {
    const gl = this.#gl;
    this.#units.bindScratch(image);
    if (image.kind === "2d") gl.copyTexSubImage2D(gl.TEXTURE_2D, 0, x, y, x - left, y - below, width, height);
    else gl.copyTexSubImage3D(gl.TEXTURE_2D_ARRAY, 0, x, y, layer, x - left, y - below, width, height);
  }
}
