/** Files that people are given: whole or not at all. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile } from "../../runtime/node/replace-file.ts";
import { exit, Failure } from "../failure.ts";
import { cannotRead, cannotWrite } from "../file-errors.ts";

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
 * that cannot be read, and C0402, with `what` it should be, for one that is something else.
 */
export async function readRecordFile<T extends { readonly format: 1 }>(
  path: string,
  what: string,
): Promise<T | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    // A file stands where the folder should be made.
    throw error.code === "ENOTDIR" ? cannotWrite(path, error) : cannotRead(path, error);
  });
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as T;
    if (record.format === 1) return record;
  } catch {
    // Said below, with the case of another format.
  }
  throw new Failure("C0402", exit.input, `${path}: not ${what}`);
}
