/** What f32 can keep of what the reference says, where norms stand on norms. */
import { expect } from "vitest";
import type { Backend } from "../../runtime/backend.ts";
import type { Place } from "./backends.ts";
import type { Computes, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** By how much a target may round worse than one f32 op after another, where norms on norms make much of little: its sums round, too. */
const ROUNDINGS = 100;

/** Expects of a target what the reference says, within the tolerance of stacked norms or as closely as f32 can. */
export async function expectAsReference(study: Study, place: Place, backend: Backend, entries: readonly Computes[]) {
  const found = await study.run(place.target, backend, entries);
  for (const entry of entries) {
    const errors = study.errorsOf(entry, found.get(entry)!);
    const { forward, gradient } = tolerance.stacked;
    if (errors.forward < forward && errors.gradient < gradient) continue;
    const least = study.roundingErrors(entry);
    expect(errors.forward, entry).toBeLessThan(Math.max(forward, ROUNDINGS * least.forward));
    expect(errors.gradient, entry).toBeLessThan(Math.max(gradient, ROUNDINGS * least.gradient));
  }
}
