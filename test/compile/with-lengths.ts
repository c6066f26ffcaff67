/** What is computed of sequences of one length and of several, and again in the segments that little memory asks for. */
import { expect, it } from "vitest";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import type { Study, StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** Steps of a sequence that is worth cutting. */
const TIME = 24;

type Studies = (more: Partial<StudyOptions>) => Study;

/**
 * Declares the tests of a graph: gradients against differences, and WebAssembly against the reference, with and without `lengths`, in
 * segments of the sequence, and in `others`.
 */
export function withLengths(study: Studies, lengths: readonly number[], others: readonly Partial<StudyOptions>[] = []) {
  const { target } = places.wasm;
  const backend = opened(places.wasm);

  it.each([undefined, lengths])(
    "has the gradients that differences show, also on WebAssembly, lengths %j",
    async (own) => {
      const checked = study({ lengths: own });
      expect(checked.directionError()).toBeLessThan(tolerance.differences);
      const errors = await checked.targetErrors(target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );

  const ways: readonly (readonly [string, () => Study])[] = [
    [
      "in segments of the sequence",
      () => cutInSegments((memory) => study({ memory, time: TIME }), places.wasm.target, TIME),
    ],
    ...others.map((more) => [JSON.stringify(more), () => study(more)] as const),
  ];
  it.each(ways)("is the same %s", async (_, made) => {
    const errors = await made().targetErrors(target, backend());
    expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
    expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
  });
}
