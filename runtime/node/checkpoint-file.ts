/** Checkpoints on disk. For Node only. */
import { readFile } from "node:fs/promises";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import type { SessionState } from "../state.ts";
import { replaceFile } from "./replace-file.ts";

/** Writes a checkpoint so that at every moment, even when power fails, `path` holds either the old file or the new one. */
export async function writeCheckpoint(path: string, state: SessionState): Promise<void> {
  await replaceFile(path, encodeCheckpoint(state));
}

/** Errors: C0404 (damaged); those of the file system. */
export async function readCheckpoint(path: string): Promise<SessionState> {
  return decodeCheckpoint(await readFile(path));
}
