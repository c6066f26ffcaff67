/** What the page of `webgl2.ts` runs: backends whose calls come from the test, with floats as base64. */
import type { Backend, LoadedExecutable } from "../../runtime/backend.ts";
import { RuntimeError } from "../../runtime/error.ts";
import { checkedCode } from "../../runtime/executable.ts";
import type { Range } from "../../runtime/layout.ts";
import type { EntryName, Executable } from "../../runtime/plan.ts";
import { calledRenderer } from "../../runtime/webgl2/called.ts";
import { openContext } from "../../runtime/webgl2/context.ts";
import { drivenRenderer } from "../../runtime/webgl2/driven.ts";
import type { Renderer } from "../../runtime/webgl2/renderer.ts";
import { shadows } from "../../runtime/webgl2/shadows.ts";
import { noSoftware } from "../../runtime/webgl2/software.ts";
import { backendOn, webgl2ModuleBackend } from "../../runtime/webgl2/webgl2.ts";
import { webgpuBackend } from "../../runtime/webgpu/webgpu.ts";

/** What a test may choose of a backend. */
export interface PageOptions {
  /** Default: WebGL2. */
  readonly kind?: "glsl" | "wgsl";
  /** WebGL2 as a generated module opens it. */
  readonly module?: "inference" | "training";
  /** In which ways WebGL2's passes may be rendered. */
  readonly ways?: readonly Renderer["passes"][];
  /** The logarithm of the layers that a texture has at most. */
  readonly layerBits?: number;
  readonly maxTextureSize?: number;
}

const renderers = { driven: drivenRenderer, called: calledRenderer } as const;

const backends = new Map<number, Backend>();
const machines = new Map<number, LoadedExecutable>();

/** What each call did: its result, or its error. */
export type Reply<R> =
  | { readonly result: R }
  | { readonly code: string; readonly message: string; readonly help?: string };

async function reply<R>(act: () => R | Promise<R>): Promise<Reply<R>> {
  try {
    return { result: await act() };
  } catch (thrown) {
    if (!(thrown instanceof RuntimeError)) throw thrown;
    const { code, message, help } = thrown;
    return { code, message, ...(help !== undefined && { help }) };
  }
}

const encode = (data: Float32Array): string => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};

const decode = (text: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

export const page = {
  start: (id: number, { kind = "glsl", module, ways = ["driven", "called"], ...limits }: PageOptions) =>
    reply(async () => {
      const backend =
        kind === "wgsl"
          ? await webgpuBackend()
          : module
            ? await webgl2ModuleBackend({}, module === "training" ? { shadows } : {})
            : backendOn(
                { ...(await openContext(undefined)), ...limits },
                { takeCode: checkedCode, ways: ways.map((way) => renderers[way]), shadows },
              );
      backends.set(id, backend);
      return backend.passes;
    }),
  stop: (id: number) => reply(() => backends.get(id)!.close()),
  open: (id: number, backend: number, executable: Executable) =>
    reply(async () => {
      machines.set(id, await backends.get(backend)!.open(executable));
    }),
  prepare: (id: number, steps: number) => reply(() => machines.get(id)!.prepare(steps)),
  run: (id: number, entry: EntryName, steps: number, first: number) =>
    reply(() => machines.get(id)!.run(entry, steps, first)),
  write: (id: number, range: Range, data: string) => reply(() => machines.get(id)!.write(range, decode(data))),
  read: (id: number, ranges: readonly Range[]) => reply(async () => (await machines.get(id)!.read(ranges)).map(encode)),
  close: (id: number) =>
    reply(() => {
      machines.get(id)!.close();
      machines.delete(id);
    }),
  /** Asks for a GPU that is none of the processor's. */
  openOnGpu: () => reply(async () => (await openContext(undefined, noSoftware)).close()),
};

Object.assign(globalThis, { cellcPage: page });
