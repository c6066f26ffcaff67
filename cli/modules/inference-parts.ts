/** What a module that only infers has of an executable: not what training alone reads. */
import type { Entry, EntryName, Executable, Plan } from "../../runtime/plan.ts";
import { resealed } from "../../runtime/seal.ts";

/**
 * The executable, or if it cannot train the same without its gradients' places, and without the hashes of single equations: to a checkpoint of
 * another model, an `InferenceSession` only says that the model's hash differs. Its code is sealed anew.
 */
export function inferenceParts(executable: Executable): Executable {
  const { plan } = executable;
  if (plan.entries.train !== undefined) return executable;
  const entries = Object.entries(plan.entries).map(([name, entry]) => [name as EntryName, withoutGradients(entry)]);
  const smaller: Plan = { ...plan, equations: {}, entries: Object.fromEntries(entries) };
  return { plan: smaller, code: resealed(executable, smaller) };
}

const withoutGradients = (entry: Entry): Entry => ({
  ...entry,
  tensors: entry.tensors.filter(({ role }) => role.kind !== "grad"),
});
