/** `.cell` files from the disk. */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { SourceHost } from "../compiler/source-host.ts";
import { cannotRead } from "./file-errors.ts";

export const fileHost: SourceHost = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  resolve: (from, specifier) => (isAbsolute(specifier) ? specifier : join(dirname(from), specifier)),
};

/** The text of a file the user named. Throws C0401 where it cannot be read. */
export function readSource(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw cannotRead(path, error);
  }
}
