/**
 * The targets, a row each: what the command line, the benches and the tests know of one. Its code for kernels lies in `targets/`
 * and what runs that code in `runtime/`; both are loaded when they are needed.
 */
import type { Target } from "../compiler/target.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Code, Feature } from "../runtime/plan.ts";

/** File names and what stands in them. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** What a target's code runs on here. */
export interface Device {
  /** For people; measurements are kept by it. */
  readonly name: string;
  /** Of targets that need a GPU: the adapter, which may turn out to be a processor. */
  readonly adapter?: GPUAdapterInfo;
}

/** Largest errors that pass, as a share of a tensor's largest number: of results, and of gradients. */
export interface Tolerance {
  readonly forward: number;
  readonly gradient: number;
}

export interface OpenOptions {
  /** Threads at most. Default: as many as pay. */
  readonly threads?: number;
  /** Of WebAssembly. Default: the best that the engine has. */
  readonly simd?: "plain" | "relaxed";
}

type CodeKind = Code["kind"];

/** The code of each kind. */
type CodeOf = { readonly [K in CodeKind]: Extract<Code, { readonly kind: K }> };

export interface TargetRow<K extends CodeKind> {
  /** The kind of its code: the target's own name, or that of the one it is a variant of. */
  readonly kind: K;
  /** Where it runs. */
  readonly doc: string;
  /** The files of a compiled model besides its plan. */
  readonly filesDoc: string;
  /** Features that not every device has; a target that needs some is a variant of the one that needs none. */
  readonly features: readonly Feature[];
  /** Whether it runs on a number of threads that can be chosen. */
  readonly threads: boolean;
  readonly tolerance: Tolerance;
  /** The backend's name in `cellc/runtime`. */
  readonly backend: "wasmBackend" | "webgpuBackend";
  /** The machine, and code for kernels. */
  load(): Promise<Target>;
  /** Opens the backend; close it, or Node may not end. Errors: C0503, C0504. */
  open(options?: OpenOptions): Promise<Backend>;
  /** Throws where there is none: C0503, C0504. */
  device(threads?: number): Promise<Device>;
  /** What else of a device results depend on. */
  facts(): Promise<Readonly<Record<string, string>>>;
  files(code: CodeOf[K]): Files;
  /** All kernels as text. */
  text(code: CodeOf[K]): string;
  /** What a page loads of it. */
  served(code: CodeOf[K]): string | Uint8Array;
}

/**
 * In f32 (ε = 6e-8) every rounding of the forward pass goes through the gradients a second time, and a batch norm whose variance
 * is small multiplies rounding by about γ/√variance a step, to some 1e-5 in practice; a derivative that is wrong is off by far more.
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
  text: ({ text }) => text,
  // For engines without relaxed SIMD, the larger of the two.
  served: ({ binary }) => binary,
};

const wgsl: TargetRow<"wgsl"> = {
  kind: "wgsl",
  doc: "WebGPU: browsers, and Node with the package `webgpu`",
  filesDoc: "a file `NAME.wgsl` for each kernel",
  features: [],
  threads: false,
  tolerance: f32,
  backend: "webgpuBackend",
  load: async () => (await import("../targets/wgsl/target.ts")).wgsl,
  open: async () => (await import("../runtime/webgpu/webgpu.ts")).webgpuBackend(),
  async device() {
    const { info } = (await (await import("../runtime/webgpu/adapter.ts")).findAdapter()).adapter;
    const words = [info.vendor, info.architecture, info.device, info.description].filter((word) => word !== "");
    return { name: words.join(" "), adapter: info };
  },
  facts: async () => ({}),
  files: ({ modules }) => Object.fromEntries(Object.entries(modules).map(([name, text]) => [`${name}.wgsl`, text])),
  text: ({ modules }) =>
    Object.entries(modules)
      .map(([name, text]) => `// ${name}\n${text}`)
      .join("\n"),
  served: ({ modules }) => JSON.stringify(modules),
};

/** For each kind of code the target of its name, which needs no features. */
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
} as const satisfies Rows & Readonly<Record<string, Rows[CodeKind]>>;

export type TargetName = keyof typeof targets;

export const targetNames = Object.keys(targets) as readonly TargetName[];

export const [defaultTarget] = targetNames;

/** Those that every device can run that has a backend for them. */
export const plainTargets = targetNames.filter((name) => targets[name].features.length === 0) as readonly CodeKind[];

/** Those that run on a number of threads that can be chosen. */
export const threadedTargets = targetNames.filter((name) => targets[name].threads);

const byKind: Rows = targets;

/** The row of a kind of code. */
const rowOf = <K extends CodeKind>(code: CodeOf[K]): TargetRow<K> => byKind[code.kind as K];

/** A compiled model's code as files. */
export const codeFiles = <K extends CodeKind>(code: CodeOf[K]): Files => rowOf(code).files(code);

/** A compiled model's kernels as text. */
export const codeText = <K extends CodeKind>(code: CodeOf[K]): string => rowOf(code).text(code);

/** What a page loads of a compiled model's code. */
export const codeServed = <K extends CodeKind>(code: CodeOf[K]): string | Uint8Array => rowOf(code).served(code);
