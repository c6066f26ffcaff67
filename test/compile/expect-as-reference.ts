/** What f32 can keep of what the reference says, where norms stand on norms. */
import { expect } from "vitest";
import type { Backend } from "../../runtime/backend.ts";
import type { Place } from "./backends.ts";
import { disagreement } from "./disagreement.ts";
import type { Computes, Study } from "./study.ts";

/** Expects of a target what the reference says, within the tolerance of stacked norms or as closely as f32 can. */
export async function expectAsReference(study: Study, place: Place, backend: Backend, entries: readonly Computes[]) {
  const found = await study.run(place.target, backend, entries);
  for (const entry of entries) expect(disagreement(study, entry, found.get(entry)!)).toBeUndefined();
}
