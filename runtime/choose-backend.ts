/** Chooses a backend: a row for each, the best first. */

import type { Backend } from "./backend.ts";
import { backendTitles } from "./backend-titles.ts";
import { RuntimeError } from "./error.ts";
import { optionParser } from "./option-parser.ts";
import type { Code } from "./plan.ts";
import { isRecord } from "./shown.ts";
import type { WasmOptions } from "./wasm/wasm.ts";
import type { WebglOptions } from "./webgl2/webgl2.ts";

/** A backend by the kind of code that it runs. */
export type BackendName = Code["kind"];

/** What `openBackend` takes. */
export interface BackendOptions {
  /** A backend by name, or `auto`: the first that runs here, of WebGPU and WebGL2 on a GPU, and WebAssembly. Default: `auto`. */
  readonly backend?: BackendName | "auto";
  /** For WebAssembly, if that is what is opened. */
  readonly wasm?: WasmOptions;
  /** For WebGL2, if that is what is opened. */
  readonly webgl2?: WebglOptions;
}

/** A backend that was chosen. */
export interface ChosenBackend extends Backend {
  /** Why it was: for each that was tried before, its name and what it lacks. Empty if it was the first to be tried. */
  readonly reason: string;
}

interface BackendRow {
  /** Loads and opens it. `hasNext`: another is tried next, so it refuses what that does better. */
  open(options: BackendOptions, hasNext: boolean): Promise<Backend>;
}

/** The best first: this is the order of `auto`. */
export const backendRows: Readonly<Record<BackendName, BackendRow>> = {
  wgsl: {
    // On a processor, WebAssembly is faster than WebGPU.
    open: async (_, hasNext) => (await import("./webgpu/webgpu.ts")).webgpuBackend({ software: !hasNext }),
  },
  glsl: {
    open: async ({ webgl2 }, hasNext) =>
      (await import("./webgl2/webgl2.ts")).webgl2Backend({ ...webgl2, software: !hasNext }),
  },
  wasm: {
    open: async ({ wasm }) => (await import("./wasm/wasm.ts")).wasmBackend(wasm),
  },
};

const names = Object.keys(backendRows) as readonly BackendName[];

const isName = (value: unknown): boolean => value === "auto" || names.some((name) => name === value);

const parseOptions = optionParser<BackendOptions>("the options of a backend", {
  backend: [`auto, ${names.join(", ")}`, isName],
  wasm: ["an object", isRecord],
  webgl2: ["an object", isRecord],
});

/**
 * Opens the backend of that name or, by default, the best that runs here: WebGPU on a GPU, else WebGL2 on one, else WebAssembly.
 * `reason` says why it is not a better one. Close it when its last session is done. Errors: those of the backend that is asked for
 * (C0503, C0504); with `auto`, C0509 if none runs here; C0406 (options).
 */
export async function openBackend(options: BackendOptions = {}): Promise<ChosenBackend> {
  return firstBackend(parseOptions(options), () => undefined);
}

/** Says why a backend does not do; undefined if it does. It is asked by name, and then with the open backend. */
export type Objection = (name: BackendName, open?: Backend) => string | undefined;

/** What a machine may lack. Other errors are faults of the caller's, or ours, and no reason to choose another backend. */
const lacking: ReadonlySet<string> = new Set(["C0503", "C0504"]);

/** As `openBackend`, of the backends that `objection` does not object to. */
export async function firstBackend(options: BackendOptions, objection: Objection): Promise<ChosenBackend> {
  const { backend: asked = "auto" } = options;
  const candidates = (asked === "auto" ? names : [asked]).map((name) => ({ name, wrong: objection(name) }));
  const tried: string[] = [];
  for (const [i, { name, wrong }] of candidates.entries()) {
    const hasNext = candidates.slice(i + 1).some((next) => next.wrong === undefined);
    const found = wrong ?? (await tryOpen(name, options, hasNext, objection));
    if (typeof found !== "string") return Object.assign(found, { reason: tried.join("; ") });
    tried.push(`${backendTitles[name]}: ${found}`);
  }
  throw new RuntimeError(
    "C0509",
    `no backend here can run it: ${tried.join("; ")}`,
    "compile it for WebAssembly as well, which runs anywhere: --target wgsl,wasm",
  );
}

/** An open backend, or what is wrong with it. */
async function tryOpen(
  name: BackendName,
  options: BackendOptions,
  hasNext: boolean,
  objection: Objection,
): Promise<Backend | string> {
  try {
    const backend = await backendRows[name].open(options, hasNext);
    const wrong = objection(name, backend);
    if (wrong === undefined) return backend;
    backend.close();
    return wrong;
  } catch (error) {
    if (options.backend !== "auto" && options.backend !== undefined) throw error;
    if (error instanceof RuntimeError && lacking.has(error.code)) return error.message;
    throw error;
  }
}
