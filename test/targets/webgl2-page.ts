/** What the page of `webgl2.ts` runs: a backend whose calls come from the test, with floats as base64. */
import type { Backend, LoadedExecutable } from "../../runtime/backend.ts";
import { RuntimeError } from "../../runtime/error.ts";
import type { Range } from "../../runtime/layout.ts";
import type { EntryName, Executable } from "../../runtime/plan.ts";
import { webgl2Backend } from "../../runtime/webgl2/webgl2.ts";

const machines = new Map<number, LoadedExecutable>();
let backend: Backend | undefined;

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
  start: () =>
    reply(async () => {
      backend = await webgl2Backend();
    }),
  open: (id: number, executable: Executable) =>
    reply(async () => {
      machines.set(id, await backend!.open(executable));
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
};

Object.assign(globalThis, { cellcPage: page });
