/**
 * The targets, a row each: what the command line, the benches and the tests know about a target. Its code generator is in
 * `targets/` and its backend is in `runtime/`. Both are loaded when they are needed.
 */
import type { Target } from "../compiler/target.ts";
import type { Backend } from "../runtime/backend.ts";
import type { CodeFiles } from "../runtime/manifest.ts";
import type { Code, Feature } from "../runtime/plan.ts";
import { wholeShader } from "../runtime/webgl2/shader.ts";

/** File contents by name. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** The device that a target's code runs on here. */
export interface Device {
  /** A name for people. Measurements are stored under it. */
  readonly name: string;
  /** The adapter, for targets that need a GPU. It may turn out to be a CPU. */
  readonly adapter?: GPUAdapterInfo;
}

/** Largest accepted errors of results and of gradients, relative to a tensor's largest element. */
export interface Tolerance {
  readonly forward: number;
  readonly gradient: number;
}

export interface OpenOptions {
  /** The most threads to use. Default: as many as pay off. */
  readonly threads?: number;
  /** Instruction set of WebAssembly. Default: the best that the engine has. */
  readonly simd?: "plain" | "relaxed";
}

type CodeKind = Code["kind"];

/** The code of each kind. */
type CodeOf = { readonly [K in CodeKind]: Extract<Code, { readonly kind: K }> };

export interface TargetRow<K extends CodeKind> {
  /** The kind of its code: its own name, or the name of the target that it is a variant of. */
  readonly kind: K;
  /** Where it runs. */
  readonly doc: string;
  /** The files of a compiled model besides its plan. */
  readonly filesDoc: string;
  /** Features that not every device has. A target that needs any is a variant of one that needs none. */
  readonly features: readonly Feature[];
  /** Whether the number of threads can be chosen. */
  readonly threads: boolean;
  readonly tolerance: Tolerance;
  /** The backend's name in `cellc/runtime`. */
  readonly backend: "wasmBackend" | "webgpuBackend" | "webgl2Backend";
  /** That of the backend for generated modules. */
  readonly moduleBackend: "wasmModuleBackend" | "webgpuModuleBackend" | "webgl2ModuleBackend";
  /** Loads the machine description and the code generator. */
  load(): Promise<Target>;
  /** Opens the backend. Close it, or Node may not exit. Errors: C0503, C0504. */
  open(options?: OpenOptions): Promise<Backend>;
  /** Throws C0503 or C0504 if there is none. */
  device(threads?: number): Promise<Device>;
  /** Other facts about the device that results depend on. */
  facts(): Promise<Readonly<Record<string, string>>>;
  files(code: CodeOf[K]): Files;
  /** Those of the files that the runtime loads. */
  loaded(code: CodeOf[K]): Extract<CodeFiles, { readonly kind: K }>;
  /** All kernels as text. */
  text(code: CodeOf[K]): string;
  /** The part of the code that a page loads. */
  served(code: CodeOf[K]): string | Uint8Array;
}

/**
 * In f32 (ε = 6e-8), every rounding error of the forward pass enters the gradients again, and a batch norm with a small variance
 * multiplies it by about γ/√variance at each step, to some 1e-5 in practice. A wrong derivative is off by far more.
 */
const f32: Tolerance = { forward: 1e-5, gradient: 1e-4 };

const wasm: TargetRow<"wasm"> = {
  kind: "wasm",
  doc: "any processor, by WebAssembly with SIMD",
  filesDoc: "`kernels.wasm` with its text `kernels.wat`, and `kernels.relaxed.wasm`, the same with relaxed SIMD",
  features: [],
  threads: true,
  tolerance: f32,
  backend: "wasmBackend",
  moduleBackend: "wasmModuleBackend",
  load: async () => (await import("../targets/wasm/target.ts")).wasm,
  async open({ threads, simd } = {}) {
    (await import("../runtime/node/relaxed-simd.ts")).allowRelaxedSimd();
    return (await import("../runtime/wasm/wasm.ts")).wasmBackend({ threads, simd });
  },
  async device(threads) {
    const { availableParallelism, cpus } = await import("node:os");
    const most = Math.min(threads ?? availableParallelism(), availableParallelism());
    return { name: `${cpus()[0]?.model.trim() ?? process.arch}, up to ${most} threads` };
  },
  // Rounding depends on it.
  facts: async () => ({ simd: (await import("../runtime/wasm/module.ts")).bestSimd() }),
  files({ binary, relaxed, text }) {
    return { "kernels.wasm": binary, ...(relaxed && { "kernels.relaxed.wasm": relaxed }), "kernels.wat": text };
  },
  loaded: ({ relaxed }) => ({
    kind: "wasm",
    binary: "kernels.wasm",
    ...(relaxed && { relaxed: "kernels.relaxed.wasm" }),
  }),
  text: ({ text }) => text,
  // For engines without relaxed SIMD, the larger of the two.
  served: ({ binary }) => binary,
};

const wgsl: TargetRow<"wgsl"> = {
  kind: "wgsl",
  doc: "WebGPU: browsers, and Node with the package `webgpu`",
  filesDoc: "`kernels.json`, which has all kernels, and each as text in a file `NAME.wgsl`",
  features: [],
  threads: false,
  tolerance: f32,
  backend: "webgpuBackend",
  moduleBackend: "webgpuModuleBackend",
  load: async () => (await import("../targets/wgsl/target.ts")).wgsl,
  open: async () => (await import("../runtime/webgpu/webgpu.ts")).webgpuBackend(),
  async device() {
    const { info } = (await (await import("../runtime/webgpu/adapter.ts")).findAdapter()).adapter;
    const words = [info.vendor, info.architecture, info.device, info.description].filter((word) => word !== "");
    return { name: words.join(" "), adapter: info };
  },
  facts: async () => ({}),
  files: ({ modules }) => ({
    "kernels.json": `${JSON.stringify(modules, null, 1)}\n`,
    ...Object.fromEntries(Object.entries(modules).map(([name, text]) => [`${name}.wgsl`, text])),
  }),
  loaded: () => ({ kind: "wgsl", kernels: "kernels.json" }),
  text: ({ modules }) =>
    Object.entries(modules)
      .map(([name, text]) => `// ${name}\n${text}`)
      .join("\n"),
  served: ({ modules }) => JSON.stringify(modules),
};

const glsl: TargetRow<"glsl"> = {
  kind: "glsl",
  doc: "WebGL2, in browsers, through the package `gpu.js`",
  filesDoc: "`kernels.json`, which has all kernels, and each as a whole shader in a file `NAME.frag`",
  features: [],
  threads: false,
  tolerance: f32,
  backend: "webgl2Backend",
  moduleBackend: "webgl2ModuleBackend",
  load: async () => (await import("../targets/glsl/target.ts")).glsl,
  open: async () => (await import("../runtime/webgl2/webgl2.ts")).webgl2Backend(),
  device: () => noWebgl2(),
  facts: async () => ({}),
  files: ({ modules }) => ({
    "kernels.json": `${JSON.stringify(modules, null, 1)}\n`,
    ...Object.fromEntries(Object.entries(modules).map(([name, part]) => [`${name}.frag`, wholeShader(part)])),
  }),
  loaded: () => ({ kind: "glsl", kernels: "kernels.json" }),
  text: ({ modules }) =>
    Object.entries(modules)
      .map(([name, part]) => `// ${name}\n${part}`)
      .join("\n"),
  served: ({ modules }) => JSON.stringify(modules),
};

/** Node has no WebGL2. */
async function noWebgl2(): Promise<Device> {
  const { openContext } = await import("../runtime/webgl2/context.ts");
  const { gl, close } = await openContext(undefined);
  const name = String(gl.getParameter(gl.RENDERER));
  close();
  return { name };
}

/** For each kind of code, the target of that name. It needs no features. */
type Rows = { readonly [K in CodeKind]: TargetRow<K> };

/** The first is the default. */
export const targets = {
  wasm,
  wgsl,
  "wgsl+subgroups": {
    ...wgsl,
    doc: "WebGPU on GPUs with the feature `subgroups`, where sums over lanes take fewer steps",
    features: ["subgroups"],
    load: async () => (await import("../targets/wgsl/target.ts")).wgslWithSubgroups,
  },
  glsl,
} as const satisfies Rows & Readonly<Record<string, Rows[CodeKind]>>;

export type TargetName = keyof typeof targets;

export const targetNames = Object.keys(targets) as readonly TargetName[];

export const [defaultTarget] = targetNames;

/** Targets that are no variant of another: one for each kind of code. */
export const plainTargets: readonly CodeKind[] = targetNames.filter(
  (name): name is CodeKind => name === targets[name].kind,
);

/** Targets whose number of threads can be chosen. */
export const threadedTargets = targetNames.filter((name) => targets[name].threads);

const byKind: Rows = targets;

/** The row for a kind of code. */
const rowOf = <K extends CodeKind>(code: CodeOf[K]): TargetRow<K> => byKind[code.kind as K];

/** A compiled model's code as files. */
export const codeFiles = <K extends CodeKind>(code: CodeOf[K]): Files => rowOf(code).files(code);

/** The files of a compiled model that the runtime loads. */
export const codeLoaded = <K extends CodeKind>(code: CodeOf[K]): CodeFiles => rowOf(code).loaded(code);

/** A compiled model's kernels as text. */
export const codeText = <K extends CodeKind>(code: CodeOf[K]): string => rowOf(code).text(code);

/** The part of a compiled model's code that a page loads. */
export const codeServed = <K extends CodeKind>(code: CodeOf[K]): string | Uint8Array => rowOf(code).served(code);
