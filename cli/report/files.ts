/** Reads and writes result files. A file is written completely or not at all. */
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type FileData, replaceFile } from "../../runtime/node/replace-file.ts";
import { exit, Failure } from "../failure.ts";
import { cannotRead, cannotWrite } from "../file-errors.ts";
import { readJson } from "./json.ts";
import type { Schema } from "./schema.ts";

/** Writes `data` to `path` as `replaceFile` does, and creates the folder if it is missing. Throws C0409, and then the old file remains. */
export async function writeAtomically(path: string, data: FileData): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, data);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Throws C0409 if `path` is a folder, so that the error comes before the work whose results go there. */
export async function checkNoFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw cannotWrite(path, Object.assign(new Error("it is a folder"), { code: "EISDIR" }));
}

/**
 * The bytes of a file; undefined if there is none. Throws C0401 if it cannot be read, or if it is a pipe or a device, which could
 * keep a reader waiting for ever.
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
 * Reads the record in a JSON file of a result folder; undefined if there is no such file. Throws C0401 if it cannot be read, and
 * C0402, with `what` it should be and the line, if it does not match the schema.
 */
export async function readRecordFile<T>(path: string, what: string, schema: Schema<T>): Promise<T | undefined> {
  const bytes = await readWhole(path);
  return bytes && readJson(bytes.toString("utf8"), schema, { path, what });
}
