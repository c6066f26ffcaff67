/** The runtime's checkpoint files, with the file system's refusals in words. */
import { checkpointOf, writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import type { RestoreOptions, SessionState } from "../../runtime/state.ts";
import { exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import type { Output } from "../output.ts";
import { readWhole } from "../report/files.ts";

/** How a command takes a checkpoint. */
export interface CheckpointOptions {
  readonly allowOtherEquations?: boolean;
}

/** What a command's options say of it to the runtime, which takes no others. */
export const allowed = ({ allowOtherEquations = false }: CheckpointOptions): RestoreOptions => ({
  allowOtherEquations,
});

/** Says W0611 where a checkpoint of other equations was taken. `differences`: a phrase each; none where nothing differs. */
export function sayOtherEquations(path: string, differences: readonly string[], { warn, errorColors }: Output): void {
  if (differences.length === 0) return;
  const { bold, yellow } = errorColors;
  warn(`${bold(yellow("warning[W0611]"))}: ${bold(`${path} is taken as it is: ${differences.join("; ")}`)}`);
}

/** Throws C0401 where it cannot be read, C0404 where it is damaged, and C0407 for a file of another program. */
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

/** Atomically. Throws C0409 where it cannot be written. */
export async function saveCheckpoint(path: string, state: SessionState): Promise<void> {
  await writeCheckpoint(path, state).catch((error: unknown) => {
    throw cannotWrite(path, error);
  });
}
