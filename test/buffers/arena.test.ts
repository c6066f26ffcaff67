/** Buffers that are live at different times share memory, and no others do. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparePoints, interfere, type LiveInterval, pack } from "../../compiler/buffers/arena.ts";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { lower } from "../../compiler/lower.ts";
import { schedule } from "../../compiler/schedule.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, elaborated, planned } from "../schedule/cells.ts";

const intervals = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
  .map(([a, b]): LiveInterval => ({ from: [Math.min(a, b)], to: [Math.max(a, b)] }));
const requests = fc.array(fc.record({ size: fc.integer({ min: 1, max: 50 }), interval: intervals }), { maxLength: 25 });

describe("packing", () => {
  it("keeps buffers apart that are live together, within the size it tells", () => {
    fc.assert(
      fc.property(requests, (all) => {
        const { offsets, size } = pack(all);
        const ends = all.map((r, i) => offsets[i] + r.size);
        expect(size).toBe(Math.max(0, ...ends));
        for (const [i, a] of all.entries())
          for (const [k, b] of all.slice(0, i).entries())
            if (interfere(a.interval, b.interval)) expect(offsets[i] >= ends[k] || offsets[k] >= ends[i]).toBe(true);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it("needs at least what is live at one program point, and no more for intervals that nest", () => {
    const nested: LiveInterval[] = [0, 1, 2, 3].map((k) => ({ from: [k], to: [7 - k] }));
    expect(pack(nested.map((interval) => ({ size: 16, interval }))).size).toBe(64);
    const chain: LiveInterval[] = [0, 1, 2, 3].map((k) => ({ from: [k], to: [k + 1] }));
    expect(pack(chain.map((interval) => ({ size: 16, interval }))).size).toBe(32);
  });

  it("compares program points by their parts: a loop's kernels lie within its command", () => {
    const inLoop: LiveInterval = { from: [2, 0, 1], to: [2, 0, 3] };
    expect(interfere(inLoop, { from: [2, 0, 3], to: [4] })).toBe(true);
    expect(interfere(inLoop, { from: [2, 0, 4], to: [4] })).toBe(false);
    expect(interfere(inLoop, { from: [0], to: [2, -1, 9] })).toBe(false);
    expect(interfere(inLoop, { from: [2, Number.NEGATIVE_INFINITY], to: [2, Number.POSITIVE_INFINITY] })).toBe(true);
  });

  it("knows the frame after the last step's: two may share the steps', not that one", () => {
    const state: LiveInterval = { from: [4], to: [5], behind: { from: [0], to: [5] } };
    const saved: LiveInterval = { from: [1], to: [3] };
    expect(interfere(state, saved)).toBe(false);
    expect(interfere(state, { ...saved, behind: { from: [6], to: [7] } })).toBe(false);
    expect(interfere(state, { ...saved, behind: { from: [5], to: [7] } })).toBe(true);
  });
});

const dims = { D: 1, H: 100, batch: 64, steps: 10 };

describe.each([wasm, wgsl])("on $name", ({ machine }) => {
  it.each(Object.entries(cells))("%s shares no float between values that are live together", (_, cell) => {
    const { placed, entries } = lower(elaborated(cell).graph);
    const shared = sharedTensors(placed, dims, []);
    for (const [entry, graph] of Object.entries(entries)) {
      const { arena } = schedule(graph, { entry, dims, machine, shared, inputs: [] });
      expect(arena.length).toBeGreaterThan(1);
      const span = ({ buffer: { offset, size, ring = 1 } }: (typeof arena)[number]) =>
        [offset, offset + 16 * Math.ceil(size / 16) * ring] as const;
      const framed = ({ buffer: { time, ring } }: (typeof arena)[number]): boolean => time && !ring;
      for (const [i, a] of arena.entries()) {
        for (const b of arena.slice(0, i)) {
          if (framed(a) !== framed(b) || !interfere(a.interval, b.interval)) continue;
          // An alias: the kernel that reads the one for the last time is the first to write the other.
          const inPlace = [a, b].some(({ interval: { to } }, k) => comparePoints(to, [b, a][k].interval.from) === 0);
          if (inPlace && span(a)[0] === span(b)[0] && a.buffer.size === b.buffer.size) continue;
          const [[from, to], [start, end]] = [span(a), span(b)];
          expect(from >= end || start >= to, `${from}–${to} and ${start}–${end}`).toBe(true);
        }
      }
    }
  });
});

describe("bytes of a training step with B = 64, H = 100, D = 1", () => {
  const perStep = (name: keyof typeof cells): number =>
    4 * planned(cells[name], wasm, { batch: 64, dims: { D: 1, H: 100 } }).plan.entries.train!.regions.work.frame;
  /** [B, H]. */
  const one = 4 * 64 * 100;

  it("are two values of [B, H] and some rows for the plain recurrent cell", () => {
    expect(Math.floor(perStep("rnn") / one)).toBe(2);
  });

  it("are eleven for the LSTM, where each value in a place of its own took nineteen", () => {
    expect(perStep("lstm")).toBe(11 * one);
  });

  it("are under 14 for the batch-normalized LSTM, where each value in a place of its own took 41", () => {
    expect(Math.ceil(perStep("bnlstm") / one)).toBe(14);
  });
});
