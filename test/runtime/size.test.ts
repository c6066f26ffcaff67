import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { type Size, sizes } from "../../bench/size.ts";
import type { TargetName } from "../../cli/targets.ts";

/** The most that a page may load to run a compiled cell, in bytes after gzip. WebGL2's backend is the largest, without gpu.js. */
const limits: Readonly<Record<Size["use"], Readonly<Partial<Record<TargetName, number>>>>> = {
  inference: { wasm: 21_500, wgsl: 20_100, glsl: 23_500 },
  training: { wasm: 58_400, wgsl: 51_400, glsl: 54_600 },
};

test("the runtime with a compiled cell is no larger than it was, to infer and to train, on each target", async () => {
  const found = await sizes();
  for (const use of ["inference", "training"] as const) {
    const cells = found.filter((size) => size.use === use);
    expect(cells.map(({ target }) => target)).toEqual(Object.keys(limits[use]));
    for (const { target, total, runtime, cell } of cells) {
      expect(runtime).toBeGreaterThan(1000);
      expect(cell).toBeGreaterThan(1000);
      expect(total).toBeLessThan(limits[use][target]!);
    }
  }
});

/** Exports of a file of the runtime, bundled for a page. */
async function bundled(names: string, file = "index"): Promise<{ readonly text: string; readonly size: number }> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names} } from "./runtime/${file}.ts";`, resolveDir: process.cwd(), loader: "ts" },
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

test("a module for WebGL2 brings in shadows and the judge of software renderers only by their names", async () => {
  const only = await bundled("inferenceModule, webgl2ModuleBackend", "module/index");
  const all = await bundled("inferenceModule, webgl2ModuleBackend, shadows, noSoftware", "module/index");
  const has = ({ text }: { readonly text: string }) =>
    ["copyTexSubImage2D", "swiftshader"].map((word) => text.includes(word));
  expect(has(only)).toEqual([false, false]);
  expect(has(all)).toEqual([true, true]);
});

test("what carries states from batch to batch is only in a bundle that names it", async () => {
  const has = ({ text }: { readonly text: string }) => text.includes("cannot go on from one of");
  expect(has(await bundled("openSession, Session, decodeCheckpoint, encodeCheckpoint, wasmBackend"))).toBe(false);
  expect(has(await bundled("trainingModule, wasmModuleBackend", "module/index"))).toBe(false);
  expect(has(await bundled("carrying"))).toBe(true);
});

test("opening a compiled model by its address takes less than 53 KB after gzip, with every backend there is", async () => {
  const { text, size } = await bundled("openSession");
  expect([text.includes("executable.json"), text.includes("requestAdapter")]).toEqual([true, true]);
  expect(size).toBeLessThan(52_300);
});
