/** What is bound in the context, so that nothing is bound twice in a run. */
import { Framebuffers } from "./framebuffers.ts";
import type { Image } from "./image.ts";
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

  /** Binds an image that is copied to. */
  bindScratch(image: Image): void {
    this.#units.bindScratch(image);
  }
}
