/** A program that gpu.js has made of a kernel's part, and the numbers that it was given last. */
import { RuntimeError } from "../error.ts";
import type { IndexTimes } from "../texture-index.ts";

/** The uniforms of times. A pass over many steps is given the first. */
const timeNames = { t: "t", T: "T", y: "y", first_y: "y" } as const;

/** A number of a program. */
interface Uniform {
  readonly name: keyof IndexTimes;
  readonly location: WebGLUniformLocation;
  value: number;
}

export class ShaderProgram {
  readonly handle: WebGLProgram;
  /** The samplers that the driver's compiler has left. */
  readonly samplers: readonly string[];
  readonly #gl: WebGL2RenderingContext;
  readonly #samplers: readonly { readonly location: WebGLUniformLocation; unit: number }[];
  readonly #times: readonly Uniform[];
  readonly #place: WebGLUniformLocation;
  #lastPlace: readonly [number, number, number, number] = [0, 0, 0, 0];

  /** The program must be the current one. Errors: C0506, if gpu.js has not made it of `shader`, the part of kernel `name`. */
  constructor(gl: WebGL2RenderingContext, handle: WebGLProgram, name: string, shader: string, layerBits: number) {
    this.#gl = gl;
    this.handle = handle;
    const at = (uniform: string): WebGLUniformLocation | null => gl.getUniformLocation(handle, uniform);
    const declared = [...shader.matchAll(/^uniform sampler2D(?:Array)? (\w+);$/gm)].map(([, sampler]) => sampler);
    const left = declared.flatMap((sampler) => {
      const location = at(sampler);
      return location === null ? [] : [{ name: sampler, location, unit: -1 }];
    });
    this.samplers = left.map((sampler) => sampler.name);
    this.#samplers = left;
    gl.uniform1i(at("layer_bits"), layerBits);
    // A program's numbers are zeros at first.
    this.#times = Object.entries(timeNames).flatMap(([uniform, name]) => {
      const location = at(uniform);
      return location === null ? [] : [{ name, location, value: 0 }];
    });
    const place = at("place");
    if (place === null)
      throw new RuntimeError("C0506", `gpu.js has changed the shader of kernel \`${name}\``, "use gpu.js 2.24");
    this.#place = place;
  }

  /** Sets the texture unit of each sampler. The program must be the current one. */
  setUnits(units: readonly number[]): void {
    this.#samplers.forEach((sampler, i) => {
      if (sampler.unit !== units[i]) this.#gl.uniform1i(sampler.location, units[i]);
      sampler.unit = units[i];
    });
  }

  /** Sets the step, the number of steps and the index along the grid's second axis. The program must be the current one. */
  setTimes(times: IndexTimes): void {
    for (const uniform of this.#times) {
      const value = times[uniform.name];
      if (uniform.value !== value) this.#gl.uniform1i(uniform.location, value);
      uniform.value = value;
    }
  }

  /** Sets the first texel's x and y, the texels of a row, and how many texels it computes. The program must be the current one. */
  setPlace(x: number, y: number, width: number, count: number): void {
    const last = this.#lastPlace;
    if (last[0] === x && last[1] === y && last[2] === width && last[3] === count) return;
    this.#gl.uniform4i(this.#place, x, y, width, count);
    this.#lastPlace = [x, y, width, count];
  }
}
