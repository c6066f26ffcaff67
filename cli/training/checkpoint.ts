/** The runtime's checkpoint files, with the file system's refusals in words. */
import { readCheckpoint, writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import type { SessionState } from "../../runtime/state.ts";
import { cannotRead, cannotWrite } from "../file-errors.ts";

/** Throws C0401 where it cannot be read and C0404 where it is damaged. */
export async function loadCheckpoint(path: string): Promise<SessionState> {
  return readCheckpoint(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
}

/** Atomically. Throws C0409 where it cannot be written. */
export async function saveCheckpoint(path: string, state: SessionState): Promise<void> {
  await writeCheckpoint(path, state).catch((error: unknown) => {
    throw cannotWrite(path, error);
  });
}
