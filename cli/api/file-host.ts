/** Reads `.cell` files from the disk, if there is one. */
import type { SourceHost } from "../../compiler/source-host.ts";
import { maxText } from "../../compiler/syntax/limits.ts";

/**
 * Node's modules, looked up instead of imported: a page has none, and a bundler needs no substitute if there is no import.
 * (`process.getBuiltinModule` exists for this purpose, in Node from 20.16 on and in Deno and Bun.)
 */
const fs = globalThis.process?.getBuiltinModule?.("node:fs");
const path = globalThis.process?.getBuiltinModule?.("node:path");

/** Whether there is a disk. */
export const hasFiles: boolean = fs !== undefined;

/** The files on disk; none if there is no disk. Imports are resolved from the importing file's folder. */
export const fileHost: SourceHost = {
  read(file) {
    if (!hasFiles) return undefined;
    try {
      return readStart(file);
    } catch {
      return undefined;
    }
  },
  resolve: (from, specifier) =>
    path === undefined || path.isAbsolute(specifier) ? specifier : path.join(path.dirname(from), specifier),
};

/** Bytes of a text that is too long to be a cell: a UTF-16 unit takes at most three bytes, and a pair of them four. */
const enough = 3 * maxText + 4;

/**
 * Returns the text of a file. If the file is endless, or far too long for a cell, it returns just enough for the compiler to refuse
 * it. Throws the file system's errors.
 */
export function readStart(file: string): string {
  if (fs === undefined) throw new Error("there is no disk");
  const descriptor = fs.openSync(file, "r");
  try {
    // A byte order mark stays: offsets in the text count it.
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const part = new Uint8Array(2 ** 16);
    let text = "";
    for (let left = enough; left > 0; ) {
      const count = fs.readSync(descriptor, part, 0, Math.min(left, part.length), null);
      if (count === 0) break;
      text += decoder.decode(part.subarray(0, count), { stream: true });
      left -= count;
    }
    return text + decoder.decode();
  } finally {
    fs.closeSync(descriptor);
  }
}
