/** Reads and writes the runtime's checkpoint files, and puts file system errors into words. */
import { checkpointOf, writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import type { RestoreOptions, SessionState } from "../../runtime/state.ts";
import { exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import type { Output } from "../output.ts";
import { readWhole } from "../report/files.ts";

/** Options of commands that read a checkpoint. */
export interface CheckpointOptions {
  readonly allowOtherEquations?: boolean;
}

/** The part of a command's options that the runtime takes for restoring. */
export const allowed = ({ allowOtherEquations = false }: CheckpointOptions): RestoreOptions => ({
  allowOtherEquations,
});

/** Prints W0611 if a checkpoint of other equations was accepted. `differences` is empty if nothing differs. */
export function sayOtherEquations(path: string, differences: readonly string[], { warn, errorColors }: Output): void {
  if (differences.length === 0) return;
  const { bold, yellow } = errorColors;
  warn(`${bold(yellow("warning[W0611]"))}: ${bold(`${path} is taken as it is: ${differences.join("; ")}`)}`);
}

/** Reads a checkpoint. Throws C0401 if it cannot be read, C0404 if it is damaged, and C0407 for a file of another program. */
export async function loadCheckpoint(path: string): Promise<SessionState> {
  const bytes = await readWhole(path);
  if (bytes !== undefined) return checkpointOf(path, bytes);
  throw new Failure(
    "C0401",
    exit.input,
    `cannot read ${path}: there is no such file`,
    "cellc train writes model.safetensors",
  );
}

/** Writes a checkpoint atomically. Throws C0409 if it cannot be written. */
export async function saveCheckpoint(path: string, state: SessionState): Promise<void> {
  await writeCheckpoint(path, state).catch((error: unknown) => {
    throw cannotWrite(path, error);
  });
}
