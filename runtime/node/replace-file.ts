/** Replaces files atomically. For Node only. */
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What a file is to hold: all of it, or its parts one after another. */
export type FileData = string | Uint8Array | Iterable<string> | AsyncIterable<string>;

let written = 0;

/**
 * Writes `data`, or its parts one after another, to `path` so that no reader ever sees half of it, nor does a crash leave half: first
 * to a sibling file, which is flushed to the disk and then renamed to `path`. Follows symbolic links, and keeps the permissions of a file
 * that it replaces. After an error of the file system, or of what makes the parts, the old file is unchanged.
 */
export async function replaceFile(path: string, data: FileData): Promise<void> {
  const target = (await ifThere(realpath(path))) ?? path;
  const old = await ifThere(stat(target));
  written += 1;
  // A sibling, because a rename is atomic only within one file system.
  const part = join(dirname(target), `.${basename(target)}.${process.pid}-${written}.part`);
  try {
    const file = await open(part, "wx", 0o666);
    try {
      if (old !== undefined) await file.chmod(old.mode & 0o7777);
      await writeFile(file, data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A link that leads only to itself is replaced like any other file.
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw error;
  }
}

/** The new name is on the disk only once its folder is. Windows cannot open folders, and flushes them itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
