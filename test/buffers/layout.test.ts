/** Where buffers are in a region. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interfere, type LiveInterval } from "../../compiler/buffers/arena.ts";
import { type Buffer, Layout } from "../../compiler/buffers/layout.ts";

/** Live intervals as short and as nested as those of kernels and of loops. */
const intervals = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -1, max: 1 }), fc.integer({ min: 0, max: 5 }))
  .chain(([command, kernel, more]) => fc.constant<LiveInterval>({ from: [command, 0, kernel], to: [command + more] }));

const requests = fc.array(
  fc.record({
    region: fc.constantFrom("input" as const, "work" as const),
    mayHalve: fc.boolean(),
    time: fc.boolean(),
    size: fc.integer({ min: 1, max: 100 }),
    ring: fc.constantFrom(undefined, undefined, 2),
    interval: intervals,
  }),
  { maxLength: 30 },
);

type Request = typeof requests extends fc.Arbitrary<readonly (infer R)[]> ? R : never;
const mayHalve = (r: Request): boolean => r.mayHalve && r.region === "work" && r.time && !r.ring;

describe("a layout", () => {
  it("never gives the same floats to two buffers that are live together, and rounds regions up to 16", () => {
    fc.assert(
      fc.property(requests, (all) => {
        const layout = new Layout();
        const buffers = all.map((r) => layout.buffer(r.region, r.time, r.size, { ring: r.ring, half: mayHalve(r) }));
        layout.close(new Map(buffers.map((b, i) => [b, all[i].interval])));
        const regions = layout.regions();
        for (const [i, b] of buffers.entries())
          expect(b.region === "half" ? mayHalve(all[i]) : b.region === all[i].region).toBe(true);
        const end = (b: Buffer): number => b.offset + (b.ring ? 16 * Math.ceil(b.size / 16) * b.ring : b.size);
        const inFrames = (b: Buffer): boolean => b.time && !b.ring;
        for (const { fixed, frame } of Object.values(regions)) expect([fixed % 16, frame % 16]).toEqual([0, 0]);
        for (const [i, b] of buffers.entries()) {
          expect(b.offset % 16).toBe(0);
          expect(end(b)).toBeLessThanOrEqual(inFrames(b) ? regions[b.region].frame : regions[b.region].fixed);
          for (const [k, c] of buffers.slice(0, i).entries()) {
            if (b.region !== c.region || inFrames(b) !== inFrames(c)) continue;
            if (b.region !== "input" && !interfere(all[i].interval, all[k].interval)) continue;
            expect(b.offset >= end(c) || c.offset >= end(b)).toBe(true);
          }
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("gives the memory of a buffer that is dead to one that is not live yet", () => {
    const layout = new Layout();
    const [a, b, c] = [20, 40, 20].map((n) => layout.buffer("work", true, n));
    layout.close(
      new Map([
        [a, { from: [0], to: [1] }],
        [b, { from: [1], to: [3] }],
        [c, { from: [2], to: [3] }],
      ]),
    );
    expect([a, b, c].map(({ offset }) => offset)).toEqual([48, 0, 48]);
    expect(layout.region("work")).toEqual({ fixed: 0, frame: 80 });
  });

  it("stores as f16 what takes less room so, and leaves the rest where another buffer reuses it later", () => {
    const layout = new Layout();
    const [saved, short, later] = [
      layout.buffer("work", true, 32, { half: true }),
      layout.buffer("work", true, 16, { half: true }),
      layout.buffer("work", true, 16),
    ];
    layout.close(
      new Map([
        [saved, { from: [0], to: [3] }],
        [short, { from: [0], to: [1] }],
        [later, { from: [2], to: [3] }],
      ]),
    );
    expect([saved, short, later].map(({ region, offset }) => [region, offset])).toEqual([
      ["half", 0],
      ["work", 0],
      ["work", 0],
    ]);
    expect(layout.region("half")).toEqual({ fixed: 0, frame: 32 });
    expect(layout.region("work")).toEqual({ fixed: 0, frame: 16 });
  });

  it("takes no buffer once the frames' size has been told", () => {
    const layout = new Layout();
    layout.close(new Map());
    expect(() => layout.buffer("work", true, 1)).toThrow("closed");
  });
});
