/** Backends for the tests of a file, opened once: a shader compiler and a device take long to start. */
import { afterAll, beforeAll } from "vitest";
import { type OpenOptions, plainTargets, type Tolerance, targets } from "../../cli/targets.ts";
import type { Target } from "../../compiler/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { webgl2InChromium } from "../targets/webgl2.ts";

export interface Place {
  readonly name: string;
  readonly target: Target;
  readonly tolerance: Tolerance;
  readonly open: () => Promise<Backend>;
}

async function placeOf(name: (typeof plainTargets)[number], options: OpenOptions): Promise<Place> {
  const { load, open, tolerance } = targets[name];
  const target = await load();
  // Node has no WebGL2.
  if (name === "glsl") return { name, target, tolerance, open: () => webgl2InChromium() };
  const simd = options.simd === "relaxed" ? " with relaxed SIMD" : "";
  return { name: `${name}${simd}`, target, tolerance, open: () => open(options) };
}

const plain = await Promise.all(
  plainTargets.map(async (name) => [name, await placeOf(name, { simd: "plain" })] as const),
);

/**
 * Where kernels run: each target, and WebAssembly again with relaxed SIMD. A machine without a WebGPU adapter cannot run these
 * tests, and fails them with the reason.
 */
export const places = {
  ...(Object.fromEntries(plain) as Readonly<Record<(typeof plainTargets)[number], Place>>),
  relaxed: await placeOf("wasm", { simd: "relaxed" }),
};

/** WebGPU as pages have it: a browser's own, in a page of Chromium. */
export const webgpuInPage: Place = {
  ...places.wgsl,
  name: "wgsl in a page",
  open: () => webgl2InChromium({ kind: "wgsl" }),
};

/**
 * Cases for a place. On WebAssembly they are all; a GPU's shader compiler takes its time, and there it is one of `every`, others on WebGPU than
 * on WebGL2. All of them: `CELLC_ALL_SHADERS=1 npx vitest run test/compile`.
 */
export function inTurn<T>({ target }: Place, cases: readonly T[], every: number): readonly T[] {
  if (target.name === "wasm" || process.env.CELLC_ALL_SHADERS) return cases;
  const turn = target.name === "glsl" ? Math.floor(every / 2) : 0;
  return cases.filter((_, n) => n % every === turn);
}

/** Opens a place's backend before the tests of the enclosing `describe` and closes it after them. */
export function opened(place: Place): () => Backend {
  let backend: Backend | undefined;
  beforeAll(async () => {
    backend = await place.open();
  });
  afterAll(() => backend?.close());
  return () => backend!;
}
