import { expect, test } from "vitest";
import { openPeakMeter } from "../../bench/peak.ts";

test("the meter says how much was done in a second on each number of threads, and begins anew when it has said so", async () => {
  const meter = await openPeakMeter([1, 2]);
  try {
    await meter.sample();
    const peaks = meter.take();
    expect(peaks.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const { fused, gflops, gigabytes } of peaks) {
      expect(fused).toBe(true);
      expect(gflops).toMatchObject({ runs: 1, median: expect.any(Number) });
      // No processor is a thousandth as fast, or a thousand times.
      expect(gflops.median).toBeGreaterThan(0.05);
      expect(gflops.median).toBeLessThan(100_000);
      expect(gigabytes.median).toBeGreaterThan(0);
    }
    expect(meter.take()).toEqual([]);
  } finally {
    meter.close();
  }
});
