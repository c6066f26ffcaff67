/** Files that people are given: whole or not at all. */
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile } from "../../runtime/node/replace-file.ts";
import { exit, Failure } from "../failure.ts";
import { cannotRead, cannotWrite } from "../file-errors.ts";
import { readJson } from "./json.ts";
import type { Schema } from "./schema.ts";

/** Writes `data` to `path` as `replaceFile` does, and makes the folder where it is missing. On an error, C0409, the old file stays. */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, data);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Throws C0409 where a folder stands in a file's place: said before the work that the file is to show. */
export async function checkNoFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw cannotWrite(path, Object.assign(new Error("it is a folder"), { code: "EISDIR" }));
}

/**
 * The bytes of a file; undefined where there is none. Throws C0401 for what cannot be read, and for what is no file: a pipe or a
 * device could keep a reader waiting for ever.
 */
export async function readWhole(path: string): Promise<Buffer | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile() && !found.isDirectory()) throw noFile(path);
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannotRead(path, error);
  }
}

const noFile = (path: string): Failure =>
  new Failure(
    "C0401",
    exit.input,
    `cannot read ${path}: it is a pipe or a device, not a file`,
    "give the path of a file",
  );

/**
 * The record that a JSON file in a folder for results holds; undefined where there is no such file. Throws C0401 for one that
 * cannot be read, and C0402, with `what` it should be and the line, for one of another shape.
 */
export async function readRecordFile<T>(path: string, what: string, schema: Schema<T>): Promise<T | undefined> {
  const bytes = await readWhole(path);
  return bytes && readJson(bytes.toString("utf8"), schema, { path, what });
}
