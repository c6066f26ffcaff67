/** Compiles a trained model to infer, and loads its numbers. */
import type { Backend } from "../../runtime/backend.ts";
import { carrying } from "../../runtime/carriers.ts";
import type { EntryName, Plan } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { SessionState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import type { DataOptions } from "../data/data-options.ts";
import type { TaskForm } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import { hasStatistics } from "../statistics/statistic.ts";
import { type CompileRequest, compileFile } from "../toolchain.ts";
import { allowed, type CheckpointOptions, sayOtherEquations } from "../training/checkpoint.ts";
import { modelAround } from "../training/task-model.ts";

export interface TrainedRequest extends Omit<CompileRequest, "suggested" | "time" | "entries">, CheckpointOptions {
  readonly entries: readonly EntryName[];
  /** Examples of a last batch that is smaller than the others; 0 if there is none. */
  readonly rest?: number;
}

/** A checkpoint as it was read. */
export interface Checkpoint {
  readonly path: string;
  readonly state: SessionState;
}

/**
 * A session of the model, with the checkpoint's numbers. `form` is that of the task that it was trained on. Throws as compiling does, C0403
 * for a checkpoint of another model, and C0501 without statistics.
 */
export async function openTrained(
  { rest = 0, ...request }: TrainedRequest,
  form: TaskForm,
  { path, state }: Checkpoint,
  backend: Backend,
  context: Pick<Context, "environment" | "output" | "seed">,
): Promise<Session> {
  const full = { ...request, ...modelAround(request, form), suggested: form.dims, time: form.steps };
  const { executable } = await compileFile(full, context);
  const session = await Session.open(executable, backend, { seed: context.seed, carrying });
  sayOtherEquations(path, await session.restore(state, allowed(request)), context.output);
  requireStatistics(executable.plan, state, path);
  const warning = provenanceWarning(provenanceOf(executable.plan, state.counters), path);
  if (warning !== undefined) context.output.warn(warning);
  if (rest > 0) await session.attach((await compileFile({ ...full, batch: rest, quiet: true }, context)).executable);
  return session;
}

/** Throws C0501 if the statistics that the plan needs to infer were never collected. */
export function requireStatistics(plan: Plan, { counters }: Pick<SessionState, "counters">, checkpoint: string): void {
  const { seen, written = [] } = counters;
  if (!hasStatistics(plan) || seen.some((batches) => batches > 0)) return;
  const tensors = Object.values(plan.entries).flatMap((entry) => entry.tensors);
  if (tensors.every(({ name, role }) => role.kind !== "stat" || written.includes(name))) return;
  throw new Failure(
    "C0501",
    exit.input,
    `${checkpoint} has no population statistics, and ${plan.name} normalizes with them at inference`,
    `estimate them: cellc stats ${checkpoint} --estimate`,
  );
}

/**
 * Throws C0406 if sequences whose steps are counted from their beginning would be normalized by other rows than in training, whose windows
 * each began at the first row.
 */
export function requireCountedOn({ name, entries }: Plan, { carryStatistics }: DataOptions = {}): void {
  const tensors = Object.values(entries).flatMap((entry) => entry.tensors);
  const perStep = tensors.some(({ role }) => role.kind === "stat" && role.steps > 1);
  if (carryStatistics !== "window" || !perStep) return;
  throw new Failure(
    "C0406",
    exit.input,
    `${name} has statistics for each step, which --carry-statistics window counted anew in each window of its training, and here steps are counted from the beginning`,
    "train with --carry-statistics continue, or with `stats = shared` at its norms",
  );
}
