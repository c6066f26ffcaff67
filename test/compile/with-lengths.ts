/** What is computed of sequences of one length and of several, and again in the segments that little memory asks for. */
import { expect, it } from "vitest";
import { regionSizes } from "../../runtime/layout.ts";
import { opened, places } from "./backends.ts";
import type { Study, StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

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
    ["in segments of the sequence", () => inSegments(study)],
    ...others.map((more) => [JSON.stringify(more), () => study(more)] as const),
  ];
  it.each(ways)("is the same %s", async (_, made) => {
    const errors = await made().targetErrors(target, backend());
    expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
    expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
  });
}

/** A study whose sequences are cut in segments, as there is less memory than they need. */
function inSegments(study: Studies): Study {
  const time = 24;
  const { plan } = study({ memory: 2 ** 40, time }).compile(places.wasm.target);
  const bytes = 4 * Object.values(regionSizes(plan, time)).reduce((a, b) => a + b, 0);
  return study({ memory: Math.floor(0.8 * bytes), time });
}
