/** Checkpoints on disk. For Node only: the one file of the runtime that imports from it. */
import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import type { SessionState } from "../state.ts";

/**
 * Writes a checkpoint so that at every moment, even when power fails, `path` holds either the old file or the new one:
 * into a file beside it, to the disk, then renamed.
 */
export async function writeCheckpoint(path: string, state: SessionState): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(encodeCheckpoint(state));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Errors: C0404 (damaged); those of the file system. */
export async function readCheckpoint(path: string): Promise<SessionState> {
  return decodeCheckpoint(await readFile(path));
}

/** The new name is on the disk only when its folder is. Windows cannot open folders and writes them by itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
