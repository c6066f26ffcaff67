/** `.cell` files from the disk, where there is one. */
import type { SourceHost } from "../../compiler/source-host.ts";
import { maxText } from "../../compiler/syntax/limits.ts";

/**
 * What Node brings, asked for instead of imported: a page has none of it, and a bundler that finds no import needs no substitute.
 * (`process.getBuiltinModule` is there for this, from Node 20.16 on, and in Deno and Bun.)
 */
const fs = globalThis.process?.getBuiltinModule?.("node:fs");
const path = globalThis.process?.getBuiltinModule?.("node:path");

/** Whether there is a disk. */
export const hasFiles: boolean = fs !== undefined;

/** The files of the disk, none where there is no disk. What a file imports is looked for from the file's folder. */
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

/** Bytes of a text that is too long to be a cell: a character takes three at most, or four for two units of UTF-16. */
const enough = 3 * maxText + 4;

/**
 * The text of a file; of one without end, or far too long to be read as a cell, only so much that the compiler refuses it. Throws
 * what the file system says.
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
