/** `.cell` files from the disk. */
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { SourceHost } from "../compiler/source-host.ts";
import { maxText } from "../compiler/syntax/limits.ts";
import { cannotRead } from "./file-errors.ts";

export const fileHost: SourceHost = {
  read(path) {
    try {
      return readStart(path);
    } catch {
      return undefined;
    }
  },
  resolve: (from, specifier) => (isAbsolute(specifier) ? specifier : join(dirname(from), specifier)),
};

/** Bytes of a text that is too long to be a cell: a character takes three at most, or four for two units of UTF-16. */
const enough = 3 * maxText + 4;

/** The text of a file; of one without end, or far too long to be read as a cell, only so much that the compiler refuses it. */
function readStart(path: string): string {
  const file = openSync(path, "r");
  try {
    const parts: Buffer[] = [];
    for (let left = enough; left > 0; ) {
      const part = Buffer.alloc(Math.min(left, 2 ** 16));
      const count = readSync(file, part);
      if (count === 0) break;
      parts.push(part.subarray(0, count));
      left -= count;
    }
    return Buffer.concat(parts).toString("utf8");
  } finally {
    closeSync(file);
  }
}

/** The text of a file the user named. Throws C0401 where it cannot be read. */
export function readSource(path: string): string {
  try {
    return readStart(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}
