/** A run that goes on from imported numbers, in a folder of its own. */
import type { SessionState } from "../../runtime/state.ts";
import { readCurve } from "../report/curve-log.ts";
import { saveCheckpoint } from "../training/checkpoint.ts";
import { RunFolder, type RunRecord } from "../training/run-folder.ts";

/**
 * Writes a run of the settings of another, which `cellc train --resume` goes on with. Its curve begins with what the other had up to the
 * state's step. Throws C0408 if the folder holds a run, C0409 if it cannot be written, and C0410 if another process writes there.
 */
export async function writeRun(
  path: string,
  { folder, record }: { readonly folder: string; readonly record: RunRecord },
  state: SessionState,
): Promise<void> {
  const run = new RunFolder(path);
  await run.withLock(async () => {
    await run.begin(false);
    const { step } = state.counters;
    const curve = await readCurve(new RunFolder(folder).files.curve);
    await run.extendCurve(curve.filter((point) => point.step <= step));
    await saveCheckpoint(run.files.model, state);
    const { format, model, task, batch, seed, machine, form } = record;
    const options = { ...record.options, out: path };
    const now = new Date().toISOString();
    // A folder without a record is no run, so it comes last.
    await run.write({
      ...{ format, status: "interrupted", model, task, batch, seed, options, machine, started: now, ended: now, step },
      ...(form && { form }),
    });
  });
}
