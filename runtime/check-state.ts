/** Checks that a state to be restored is sound in itself; `state.ts` checks whether it belongs to the model. */
import { RuntimeError } from "./error.ts";
import { elementsOf } from "./layout.ts";
import { isCount, isRecord, shown } from "./shown.ts";
import type { Counters, SavedTensor } from "./state.ts";

/** The error for a state that contradicts itself. */
export function contradictory(fault: string): RuntimeError {
  return new RuntimeError("C0404", `the state cannot be restored: ${fault}`, "pass what `state` gave, or an older one");
}

/** Whether these are counters of a session: whole numbers, and the numbers of batches seen, which may be fractions. */
export function isCounters(value: unknown): value is Counters {
  if (!isRecord(value)) return false;
  const { seed, step, run, seen, seenOver = {}, written = [], estimated } = value;
  if (!Number.isSafeInteger(seed) || !isCount(step) || !isCount(run)) return false;
  // A batch whose sequences differ in length counts as a fraction.
  const areParts = (counts: unknown): boolean =>
    Array.isArray(counts) && counts.every((n) => Number.isFinite(n) && n >= 0);
  const parts = areParts(seen) && isRecord(seenOver) && Object.values(seenOver).every(areParts);
  if (!Array.isArray(written) || !written.every((name) => typeof name === "string")) return false;
  return parts && (estimated === undefined || isCount(estimated));
}

/** Whether this maps names to texts. */
export const areTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((text) => typeof text === "string");

/** A copy of a session's counters. Errors: C0404. */
export function ownCounters(given: unknown): Counters {
  if (!isCounters(given)) throw contradictory("its counters are not numbers");
  const { seed, step, run, seen, seenOver, written, estimated } = given;
  return {
    ...{ seed, step, run, seen: [...seen] },
    ...(seenOver && {
      seenOver: Object.fromEntries(Object.entries(seenOver).map(([axis, counts]) => [axis, [...counts]])),
    }),
    ...(written && { written: [...written] }),
    ...(estimated !== undefined && { estimated }),
  };
}

/** Copies of a state's numbers, by name. Errors: C0404, if there are not as many as a shape says, or one is not finite. */
export function ownTensors(state: { readonly tensors: ReadonlyMap<string, SavedTensor> }): Map<string, Float32Array> {
  // A state that went through JSON has lost its map.
  if (!isRecord(state) || !(state.tensors instanceof Map)) throw contradictory("its tensors are not a Map");
  const {
    name,
    fingerprint,
    optimizer = "",
    optimizerOptions,
    measures,
    equations,
    notes,
  } = state as Readonly<Record<string, unknown>>;
  if (![name, fingerprint, optimizer].every((text) => typeof text === "string"))
    throw contradictory("its name, its fingerprint and its optimiser are not text");
  if (![measures, equations].every((said) => said === undefined || areTexts(said)))
    throw contradictory("what it says of the model's equations is not text");
  if (notes !== undefined && !areTexts(notes)) throw contradictory("its notes are not text");
  if (optimizerOptions !== undefined && !areTexts(optimizerOptions))
    throw contradictory("what it says of the optimiser's options is not text");
  return new Map(
    [...(state.tensors as ReadonlyMap<string, unknown>)].map(([name, saved]) => {
      if (!isRecord(saved) || !(saved.data instanceof Float32Array))
        throw contradictory(`\`${name}\` is not a Float32Array`);
      const { shape } = saved;
      if (!Array.isArray(shape) || !shape.every(isCount)) throw contradictory(`\`${name}\` has no shape`);
      const numbers = saved.data.length;
      if (numbers !== elementsOf(shape))
        throw contradictory(`\`${name}\` [${shape.join(", ")}] has ${numbers} numbers`);
      const data = saved.data.slice();
      const wrong = data.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) throw contradictory(`\`${name}\` holds ${shown(data[wrong])} at ${wrong}`);
      return [name, data];
    }),
  );
}
