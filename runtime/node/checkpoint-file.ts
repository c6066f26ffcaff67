/** Checkpoints on disk. For Node only. */
import { readFile } from "node:fs/promises";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import { RuntimeError } from "../error.ts";
import { foreign } from "../safetensors.ts";
import type { SessionState } from "../state.ts";
import { foreignKind } from "./foreign.ts";
import { replaceFile } from "./replace-file.ts";

/** Writes a checkpoint so that at every moment, even when power fails, `path` holds either the old file or the new one. */
export async function writeCheckpoint(path: string, state: SessionState): Promise<void> {
  await replaceFile(path, encodeCheckpoint(state));
}

/** Reads a checkpoint. Errors, with the path in front: C0404 (damaged), C0407 (another program's file); those of the file system. */
export async function readCheckpoint(path: string): Promise<SessionState> {
  return checkpointOf(path, await readFile(path));
}

/** Decodes the bytes of the checkpoint at `path`. Errors, with the path in front: C0404, C0407. */
export function checkpointOf(path: string, bytes: Uint8Array): SessionState {
  try {
    // The header of a safetensors file begins with a brace.
    const kind = bytes[8] === 0x7b ? undefined : foreignKind(bytes);
    if (kind !== undefined) throw foreign(`it is ${kind}, not a safetensors file`);
    return decodeCheckpoint(bytes);
  } catch (error) {
    if (error instanceof RuntimeError) throw new RuntimeError(error.code, `${path}: ${error.message}`, error.help);
    throw error;
  }
}
