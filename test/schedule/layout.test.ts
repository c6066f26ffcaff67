/** Where buffers stand in a region. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Layout } from "../../compiler/schedule/layout.ts";
import type { RegionName } from "../../runtime/plan.ts";

const requests = fc.array(
  fc.record({
    region: fc.constantFrom<RegionName>("param", "grad", "stat", "input", "work"),
    time: fc.boolean(),
    size: fc.integer({ min: 1, max: 100 }),
  }),
  { maxLength: 30 },
);

describe("a layout", () => {
  it("never gives the same floats to two buffers, and rounds regions up to 16", () => {
    fc.assert(
      fc.property(requests, (all) => {
        const layout = new Layout();
        const buffers = all.map((r) => layout.buffer(r.region, r.time, r.size));
        const regions = layout.close();
        for (const { fixed, frame } of Object.values(regions)) expect([fixed % 16, frame % 16]).toEqual([0, 0]);
        for (const [i, b] of buffers.entries()) {
          expect(b.offset + b.size).toBeLessThanOrEqual(b.time ? regions[b.region].frame : regions[b.region].fixed);
          for (const c of buffers.slice(0, i)) {
            if (b.region !== c.region || b.time !== c.time) continue;
            expect(b.offset >= c.offset + c.size || c.offset >= b.offset + b.size).toBe(true);
          }
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("sets parameters back to back and everything else on cache lines", () => {
    const layout = new Layout();
    const offsets = (region: RegionName): number[] => [5, 3, 20].map((n) => layout.buffer(region, false, n).offset);
    expect(offsets("param")).toEqual([0, 5, 8]);
    expect(offsets("work")).toEqual([0, 16, 32]);
  });

  it("takes no buffer once the frames' size has been told", () => {
    const layout = new Layout();
    layout.close();
    expect(() => layout.buffer("work", true, 1)).toThrow("closed");
  });
});
