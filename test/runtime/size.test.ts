import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { sizes } from "../../bench/size.ts";

/** The most that a page may load to run a compiled cell, in bytes after gzip. */
const limit = 20_000;

test("the runtime with a cell compiled for inference is under 20 KB after gzip, on each target", async () => {
  const found = await sizes();
  const cells = found.filter(({ use }) => use === "inference");
  expect(cells.map(({ target }) => target)).toEqual(["wasm", "wgsl", "glsl"]);
  for (const { total, runtime, cell } of cells) {
    expect(runtime).toBeGreaterThan(1000);
    expect(cell).toBeGreaterThan(1000);
    expect(total).toBeLessThan(limit);
  }
});

/** Exports of the runtime, bundled for a page. */
async function bundled(names: string): Promise<{ readonly text: string; readonly size: number }> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names} } from "./runtime/index.ts";`, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    // Loaded where it is needed: bundlers put it in a file of its own.
    external: ["gpu.js"],
    write: false,
  });
  return { text: outputFiles[0].text, size: gzipSync(outputFiles[0].contents, { level: 9 }).length };
}

test("what opens a compiled model is only in a bundle that asks for it", async () => {
  const { text } = await bundled("Session, decodeCheckpoint, wasmBackend");
  expect([text.includes("executable.json"), text.includes("requestAdapter")]).toEqual([false, false]);
});

test("opening a compiled model by its address takes less than 34 KB after gzip, with every backend there is", async () => {
  const { text, size } = await bundled("openSession");
  expect([text.includes("executable.json"), text.includes("requestAdapter")]).toEqual([true, true]);
  expect(size).toBeLessThan(34_000);
});
