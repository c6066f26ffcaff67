/** How closely f32 can match the reference when norms follow norms. */
import { afterAll, expect } from "vitest";
import type { Backend } from "../../runtime/backend.ts";
import type { Place } from "./backends.ts";
import { compareWithReference } from "./disagreement.ts";
import type { Computes, Study } from "./study.ts";

/**
 * For the tests of a file, or of the `describe` that this is called in: expects of a target what the reference says, within the
 * tolerance of stacked norms or as closely as f32 can. Of comparisons that need the second there may be `excused`, as many as there
 * are; one more says that rounding has become worse. Undefined where more is drawn than that was counted for.
 */
export function asReference(excused: number | undefined) {
  let found = 0;
  afterAll(() => {
    expect(found, "comparisons that were beyond the tolerance").toBeLessThanOrEqual(excused ?? found);
  });
  return async (study: Study, place: Place, backend: Backend, entries: readonly Computes[]): Promise<void> => {
    const results = await study.run(place.target, backend, entries);
    for (const entry of entries) {
      const { disagreement, excused: beyond } = compareWithReference(study, entry, results.get(entry)!);
      expect(disagreement).toBeUndefined();
      if (beyond) found++;
    }
  };
}
