/** What a module has of an executable: what a page has to load, and not what training alone reads if it only infers. */
import type { Entry, EntryName, Executable, Plan } from "../../runtime/plan.ts";
import { resealed } from "../../runtime/seal.ts";

/** The executable of a module: a smaller plan, and shaders without comments and blank lines. Its code is sealed anew. */
export function moduleParts(executable: Executable): Executable {
  const plan = executable.plan.entries.train === undefined ? inferencePlan(executable.plan) : executable.plan;
  return { plan, code: resealed(executable, plan, terse) };
}

/**
 * A plan without the places of gradients, and without the hashes of single equations: of a checkpoint of another model, an
 * `InferenceSession` only says that the model's hash differs.
 */
function inferencePlan(plan: Plan): Plan {
  const entries = Object.entries(plan.entries).map(([name, entry]) => [name as EntryName, withoutGradients(entry)]);
  return { ...plan, equations: {}, entries: Object.fromEntries(entries) };
}

const withoutGradients = (entry: Entry): Entry => ({
  ...entry,
  tensors: entry.tensors.filter(({ role }) => role.kind !== "grad"),
});

/** Bundlers do not look into texts. */
const terse = (shader: string): string => shader.replace(/^[ \t]*\/\/.*\n/gm, "").replace(/\n{2,}/g, "\n");
