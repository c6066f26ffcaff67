import { expect, test } from "vitest";
import { sizes } from "../../bench/size.ts";

/** The most that a page may load to run a compiled cell, in bytes after gzip. */
const limit = 20_000;

test("the runtime with a cell compiled for inference is under 20 KB after gzip, on each target", async () => {
  const found = await sizes();
  const cells = found.filter(({ use }) => use === "inference");
  expect(cells.map(({ target }) => target)).toEqual(["wasm", "wgsl"]);
  for (const { total, runtime, cell } of cells) {
    expect(runtime).toBeGreaterThan(1000);
    expect(cell).toBeGreaterThan(1000);
    expect(total).toBeLessThan(limit);
  }
});
