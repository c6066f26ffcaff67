/** Files that are either there whole or not there at all. */
import { mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cannotWrite } from "../file-errors.ts";

let written = 0;

/**
 * Writes `data` to `path` so that no reader, and no crash, ever sees a part of it: a sibling file first, flushed to the
 * disk, then renamed over `path`. Makes the folder where it is missing, writes through a symbolic link, and keeps the
 * permissions of a file that is replaced. On an error, C0409, the old file stays as it was.
 */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await replace(path, data);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

async function replace(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const target = (await ifThere(realpath(path))) ?? path;
  const old = await ifThere(stat(target));
  written += 1;
  // A sibling, because a rename is atomic only within one file system.
  const part = join(dirname(target), `.${basename(target)}.${process.pid}-${written}.part`);
  try {
    const file = await open(part, "wx", 0o666);
    try {
      if (old !== undefined) await file.chmod(old.mode & 0o7777);
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
