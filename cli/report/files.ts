/** Files that people are given: whole or not at all. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile } from "../../runtime/node/replace-file.ts";
import { cannotRead, cannotWrite } from "../file-errors.ts";
import { readJson } from "./json.ts";
import type { Shape } from "./shapes.ts";

/** Writes `data` to `path` as `replaceFile` does, and makes the folder where it is missing. On an error, C0409, the old file stays. */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, data);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * The record that a JSON file in a folder for results holds; undefined where there is no such file. Throws C0401 or C0409 for one
 * that cannot be read, and C0402, with `what` it should be and the line, for one of another shape.
 */
export async function readRecordFile<T>(path: string, what: string, shape: Shape<T>): Promise<T | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    // A file stands where the folder should be made.
    throw error.code === "ENOTDIR" ? cannotWrite(path, error) : cannotRead(path, error);
  });
  return text === undefined ? undefined : readJson(text, shape, { path, what });
}
