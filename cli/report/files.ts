/** Files that are either there whole or not there at all. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

let written = 0;

/**
 * Writes `data` to `path` so that no reader, and no crash, ever sees a part of it: a sibling file first, flushed to the
 * disk, then renamed over `path`. Makes the folder where it is missing. On an error the old file stays as it was.
 */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  written += 1;
  // A sibling, because a rename is atomic only within one file system.
  const part = join(dirname(path), `.${basename(path)}.${process.pid}-${written}.part`);
  try {
    const file = await open(part, "wx");
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
