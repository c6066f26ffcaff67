/** Files that people are given: whole or not at all. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile } from "../../runtime/node/replace-file.ts";
import { cannotWrite } from "../file-errors.ts";

/** Writes `data` to `path` as `replaceFile` does, and makes the folder where it is missing. On an error, C0409, the old file stays. */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, data);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
