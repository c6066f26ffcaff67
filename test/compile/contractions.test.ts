import * as fc from "fast-check";
import { describe, it } from "vitest";
import { opened, places } from "./backends.ts";
import { asReference } from "./expect-as-reference.ts";
import { randomContractions } from "./random-contraction.ts";
import { Study } from "./study.ts";

/** By command, more: `CELLC_CONTRACTIONS=2000 npx vitest run test/compile/contractions.test.ts`. */
const asked = Number(process.env.CELLC_CONTRACTIONS ?? 0);

describe.each([
  { place: places.wasm, runs: 24 },
  { place: places.wgsl, runs: 3 },
])("on $place.name", ({ place, runs }) => {
  const backend = opened(place);
  const expectAsReference = asReference(asked ? undefined : 0);
  // Sums of ten thousands of terms of either sign lose some digits: errors of a wrong index are as large as what is computed.
  it("random products, forward and backward, are the reference's", async () => {
    await fc.assert(
      fc.asyncProperty(randomContractions, async ({ graph, batch, time }) => {
        await expectAsReference(new Study(graph, { dims: {}, batch, time }), place, backend(), ["train"]);
      }),
      { seed: Number(process.env.SEED ?? 71), numRuns: asked || runs },
    );
  });
});
