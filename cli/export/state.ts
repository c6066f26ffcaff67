/** The numbers that a trained model infers with. */
import { ownTensors } from "../../runtime/check-state.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import { compareState, type SessionState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import { requireCountedOn, requireStatistics } from "../inference/trained-session.ts";
import type { Output } from "../output.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import { compileFile } from "../toolchain.ts";
import { allowed, sayOtherEquations } from "../training/checkpoint.ts";
import { type ElaboratedModel, elaborateModel } from "../training/task-model.ts";
import type { ModelToExport } from "./formats.ts";

/**
 * A checkpoint's parameters and statistics without the optimiser's slots, as of the model of `plan`, which was compiled to infer. Warns of
 * statistics that trail behind. Throws C0403 for a checkpoint of another model, C0404 for numbers that are not finite, C0406 for statistics
 * that were counted from window to window, and C0501 if those that inference needs were never collected.
 */
export function stateForInference(
  plan: Plan,
  { settings, state, checkpoint }: Pick<ModelToExport, "settings" | "state" | "checkpoint">,
  output: Output,
): SessionState {
  requireCountedOn(plan, settings.own);
  const kept = keptTensors(plan);
  sayOtherEquations(checkpoint, compareState(state, plan, kept, allowed(settings)), output);
  requireStatistics(plan, state, checkpoint);
  const numbers = ownTensors(state);
  const warning = provenanceWarning(provenanceOf(plan, state.counters), checkpoint);
  if (warning !== undefined) output.warn(warning);
  const { name, fingerprint, measures, equations, dims } = plan;
  const tensors = new Map(
    kept.map((tensor) => [tensor.name, { shape: tensor.shape, data: numbers.get(tensor.name)! }]),
  );
  // Its batches have nothing to go on from.
  const { carried: _, ...rest } = state;
  return { ...rest, name, fingerprint, measures, equations, dims, tensors };
}

/** A trained model's graph, with the plan that says what a checkpoint of it holds, and its numbers. Throws as `stateForInference` does. */
export async function elaboratedToExport(
  context: Context,
  model: ModelToExport,
): Promise<ElaboratedModel & { readonly plan: Plan; readonly state: SessionState }> {
  const { settings, task, file } = model;
  const made = elaborateModel({ ...settings, file }, task);
  const { elaborated, host, options } = made;
  const request = {
    ...settings,
    file,
    host,
    entry: options.entry,
    dims: { ...elaborated.dims, ...elaborated.numbers },
  };
  const { executable } = await compileFile(
    { ...request, target: "wasm", batch: 1, time: task.steps, entries: ["infer"] },
    context,
  );
  const { plan } = executable;
  return { ...made, plan, state: stateForInference(plan, model, context.output) };
}
