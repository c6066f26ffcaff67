/** Which way of rendering works here: each must give the right numbers once. */
import { RuntimeError } from "../error.ts";
import type { Context } from "./context.ts";
import { GpuJsKernels } from "./gpu-js-kernels.ts";
import { bindScratch, createImage, type Image, reading } from "./image.ts";
import type { Pass } from "./pass.ts";
import type { Renderer } from "./renderer.ts";

/** A way to render. */
export type Way = (context: Context, kernels: GpuJsKernels) => Renderer;

/** The first of `ways` that works. `help`: what to do if none does. Errors: C0503, if none does or the context is lost: it is then closed. */
export function chooseRenderer(context: Context, ways: readonly Way[], help: string): Renderer {
  try {
    for (const way of ways) {
      const renderer = way(context, new GpuJsKernels(context));
      if (works(context, renderer)) return renderer;
    }
    throw new RuntimeError("C0503", "this browser's WebGL2 computes wrong numbers", help);
  } catch (error) {
    context.close();
    throw error;
  }
}

/** Two outputs, of which each is computed from a texture, and a number that is given. */
const shader = `precision highp float;
precision highp int;
precision highp sampler2D;

uniform int t;
uniform ivec4 place;
uniform sampler2D given_texture;

vec4 out_sum;
vec4 out_half;

void render() {
  int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;
  if (texel < 0 || texel >= place.w) discard;
  out_sum = texelFetch(given_texture, ivec2(texel, 0), 0) + float(t);
  out_half = 0.5 * out_sum;
}
`;

const probe: Pass = {
  name: "probe",
  shader,
  samples: new Map([["given_texture", { texture: "given" }]]),
  writes: ["sum", "half"].map((texture) => ({ texture, at: 0 })),
  reads: new Set(["given"]),
  sweeps: false,
};

/** Numbers that a float with fewer bits does not hold: f32 holds 24. */
const given = [1, 2 ** 24 - 1, -3, 0.5, 5, 6, 7, 8];

/** Whether the probe, from the second texel of a texture and of a layer on, leaves the right numbers there and nowhere else. */
function works(context: Context, renderer: Renderer): boolean {
  const { gl, check } = context;
  const row = { bits: 2, rows: 1, height: 1 } as const;
  const images: Image[] = [];
  const made = (kind: Image["kind"], layers: number): Image => {
    const image = createImage(context, { ...row, kind, layers });
    images.push(image);
    return image;
  };
  try {
    const [from, sum, half] = [made("2d", 1), made("2d", 1), made("layers", 2)];
    bindScratch(gl, from);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 2, 1, gl.RGBA, gl.FLOAT, Float32Array.from(given));
    renderer.load(probe);
    renderer.begin();
    renderer.render({
      pass: probe,
      targets: [
        { output: 0, image: sum, layer: 0, first: 1 },
        { output: 1, image: half, layer: 1, first: 1 },
      ],
      sampled: () => from,
      times: { t: 1, T: 1, y: 0 },
      count: 2,
      steps: 1,
    });
    renderer.end();
    const wanted = given.map((value) => value + 1);
    return (
      holds(gl, sum, 0, wanted) &&
      holds(
        gl,
        half,
        1,
        wanted.map((value) => value / 2),
      )
    );
  } catch (thrown) {
    check();
    if (thrown instanceof RuntimeError && thrown.code === "C0506") return false;
    throw thrown;
  } finally {
    for (const image of images) {
      renderer.release(image);
      gl.deleteTexture(image.texture);
    }
  }
}

/** Whether a layer of four texels holds zeros, `wanted` and zeros. */
function holds(gl: WebGL2RenderingContext, image: Image, layer: number, wanted: readonly number[]): boolean {
  const found = new Float32Array(16);
  reading(gl, (attach) => {
    attach(image, layer);
    gl.readPixels(0, 0, 4, 1, gl.RGBA, gl.FLOAT, found);
  });
  const expected = [0, 0, 0, 0, ...wanted, 0, 0, 0, 0];
  return found.every((value, i) => value === expected[i]);
}
