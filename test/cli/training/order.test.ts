/** Which examples make a batch: whole sequences side by side, part after part. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { carriedParts } from "../../../cli/data/carried-parts.ts";
import type { Task } from "../../../cli/data/task.ts";
import {
  type Drawn,
  drawnForTraining,
  drawnInOrder,
  drawnWhole,
  epochOrder,
  isRagged,
  stepsPerEpoch,
  unitCount,
} from "../../../cli/training/order.ts";
import { testStreams } from "../../data/draws.ts";

const taskOf = (parts: readonly number[]): Pick<Task, "splits" | "sequences" | "carry"> => {
  const count = parts.reduce((sum, own) => sum + own, 0);
  return {
    splits: { train: count, validation: count, test: 0 },
    sequences: (split) => Uint32Array.from(split === "test" ? [] : parts),
    carry: { statistics: "continue" },
  };
};

/** Checks that batches go through sequences side by side. Returns the parts that they have, each once. */
function readThrough(batches: readonly Drawn[], parts: readonly number[]): readonly number[] {
  const firsts = parts.map((_, s) => parts.slice(0, s).reduce((sum, own) => sum + own, 0));
  const found: number[] = [];
  let before: readonly number[] = [];
  for (const { indices, begins, over = [] } of batches) {
    const now = Array.from(indices);
    if (begins) {
      expect(over).toEqual([]);
      expect(firsts).toEqual(expect.arrayContaining(now));
    } else
      for (const [place, index] of now.entries())
        if (!over.includes(place)) expect(index).toBe(before[place] + 1);
        else expect(firsts.includes(before[place] + 1) || index === before[place]).toBe(true);
    found.push(...now.filter((_, place) => !over.includes(place)));
    before = now;
  }
  expect(new Set(found).size).toBe(found.length);
  return found.toSorted((a, b) => a - b);
}

const counts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 });

describe("sequences that go on", () => {
  test("are read through, part after part, as many side by side as a batch has", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 5 }), (parts, batch) => {
        const task = taskOf(parts);
        const drawing = drawnInOrder(task, "validation", batch);
        const all = Array.from({ length: drawing.count }, (_, at) => drawing.at(at));
        expect(readThrough(all, parts)).toEqual(Array.from({ length: task.splits.validation }, (_, at) => at));
        expect(unitCount(task, "validation")).toBe(parts.length);
        expect(all.every(({ indices }) => indices.length === batch || indices.length === parts.length % batch)).toBe(
          true,
        );
        expect(isRagged(task)).toBe(new Set(parts).size > 1);
        const some = drawnWhole(task, "train", batch, 8);
        if (parts.length < batch) return;
        expect(some.count).toBeGreaterThan(0);
        expect(some.count).toBeLessThanOrEqual(Math.max(1, Math.floor(8 / batch)));
        for (let at = 0; at < some.count; at++) expect(some.at(at).indices.length).toBe(batch);
      }),
    );
  });

  test("are shuffled in each epoch, and a training goes on anywhere in it", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 4 }), fc.nat(30), (parts, batch, from) => {
        fc.pre(parts.length >= batch);
        const task = taskOf(parts);
        const whole = drawnForTraining(task, batch, testStreams, 0);
        const all = Array.from({ length: 60 }, () => whole.next().value);
        const later = drawnForTraining(task, batch, testStreams, from);
        for (let step = from; step < 60; step++) expect(later.next().value).toEqual(all[step]);
        const first = all.filter(({ epoch }) => epoch === 0).map(({ drawn }) => drawn);
        if (first.length === 60) return;
        readThrough(first, parts);
        expect(first[0].begins).toBe(true);
        const begun = first.filter(({ begins }) => begins).length;
        expect(begun).toBe(Math.floor(parts.length / batch));
        if (new Set(parts).size === 1) expect(first.length).toBe(stepsPerEpoch(task, batch));
      }),
    );
  });

  test("stay side by side where they fill a single batch", () => {
    const [{ drawn }] = [drawnForTraining(taskOf([3, 3]), 2, testStreams, 0).next().value];
    expect(drawn).toEqual({ indices: Uint32Array.of(0, 3), begins: true });
  });
});

test("batches to estimate from are as mixed in length as those of training, and are the first examples", () => {
  const count = 240;
  const uniform = testStreams("sizes");
  const sizes = Uint32Array.from({ length: count }, (_, at) => 10 + Math.floor(90 * uniform(at)));
  const task = { splits: { train: count, validation: 0, test: 0 }, lengths: () => sizes };
  const batch = 8;
  const spread = (batches: Iterable<Uint32Array>): number => {
    const ranges = [...batches].map((one) => {
      const own = Array.from(one, (at) => sizes[at]);
      return Math.max(...own) - Math.min(...own);
    });
    return ranges.reduce((sum, range) => sum + range, 0) / ranges.length;
  };
  const made = drawnWhole(task, "train", batch, 203);
  const estimated = Array.from({ length: made.count }, (_, at) => made.at(at).indices);
  expect(estimated.flatMap((one) => [...one]).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 200 }, (_, at) => at),
  );
  const epoch = epochOrder(task, batch, testStreams, 0);
  const trained = Array.from({ length: count / batch }, (_, at) => epoch.subarray(at * batch, (at + 1) * batch));
  // Sorted as a whole, a batch of 8 of 200 would have lengths that differ by 4.
  expect(spread(trained)).toBeGreaterThan(20);
  expect(Math.abs(spread(estimated) - spread(trained))).toBeLessThan(8);
});

describe("a data set in parts", () => {
  const segments = fc.array(fc.record({ from: fc.nat(9), steps: fc.nat(200) }), { minLength: 1, maxLength: 6 });
  const cut = fc.record({
    streams: fc.integer({ min: 1, max: 6 }),
    window: fc.integer({ min: 1, max: 9 }),
    ahead: fc.nat(1),
  });

  test("has each step once, but for the few that would make a single sequence's pieces uneven", () => {
    fc.assert(
      fc.property(segments, cut, fc.boolean(), (given, cut, predicting) => {
        const own = given.map(({ from, steps }, sequence) => ({ sequence, from, to: from + steps }));
        const { train, validation } = carriedParts({ train: own, validation: own, test: [] }, cut, predicting);
        for (const parts of [train, validation]) {
          const seen = own.map(({ from, to }) => new Uint8Array(Math.max(0, to - from - cut.ahead)).fill(0));
          let index = 0;
          for (const count of parts.sequences)
            for (let part = 0; part < count; part++, index++) {
              const { segment, from } = parts.place(index);
              const length = Math.min(cut.window, segment.to - from - cut.ahead);
              expect(part === count - 1 || length === cut.window).toBe(true);
              const begin = own[segment.sequence].from;
              for (let t = from; t < from + length; t++) seen[segment.sequence][t - begin]++;
            }
          expect(index).toBe(parts.count);
          const steps = seen.flatMap((of) => [...of]);
          expect(Math.max(0, ...steps)).toBeLessThanOrEqual(1);
          const missed = steps.filter((times) => times === 0).length;
          if (parts.count > 0) expect(missed).toBe(parts.left);
          if (parts.count > 0 && parts.left > 0)
            expect([parts.uneven, parts.sequences.length > parts.left]).toEqual([false, true]);
        }
        const there = own.filter(({ from, to }) => to - from > cut.ahead);
        // Only a single sequence is cut to be measured, and none to be predicted.
        if (there.length > 1 || predicting) expect(validation.sequences.length).toBe(there.length);
        const total = there.reduce((sum, { from, to }) => sum + to - from - cut.ahead, 0);
        if (!predicting && total >= cut.streams * cut.window)
          expect(train.sequences.length).toBeGreaterThanOrEqual(cut.streams);
      }),
    );
  });

  test("a text is measured in as many pieces as there are streams, if they are long enough for a beginning without a past", () => {
    const pieces = (steps: number): number => {
      const text = [{ sequence: 0, from: 0, to: steps + 1 }];
      const cut = { streams: 8, window: 10, ahead: 1 };
      return carriedParts({ train: text, validation: text, test: [] }, cut, false).validation.sequences.length;
    };
    expect([100, 399, 400, 1599, 1600, 9999].map(pieces)).toEqual([1, 1, 2, 7, 8, 8]);
  });
});
