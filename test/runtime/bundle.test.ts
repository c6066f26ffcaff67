import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";

const run = promisify(execFile);

/** Runs the small model on three threads and says how many it had. */
const application = `
  import { wasmBackend } from "./runtime/index.ts";
  import { leaky } from "./test/runtime/leaky.ts";
  const backend = wasmBackend({ threads: 3, costs: { barrier: 0, start: 0 } });
  const machine = await backend.open(leaky("wasm"));
  await machine.prepare(6);
  await machine.run("infer", 6);
  console.log(backend.threads);
  backend.close();`;

test.each([
  ["minified", { minify: true }],
  ["minified, with the names of functions kept", { minify: true, keepNames: true }],
])("workers start from a bundle, %s", async (_how, options) => {
  const folder = await mkdtemp(join(tmpdir(), "cellc-bundle-"));
  try {
    const outfile = join(folder, "app.mjs");
    const stdin = { contents: application, resolveDir: process.cwd(), loader: "ts" } as const;
    await build({ ...options, stdin, outfile, bundle: true, format: "esm", platform: "node" });
    expect((await run(process.execPath, [outfile], { timeout: 60_000 })).stdout).toBe("3\n");
  } finally {
    await rm(folder, { recursive: true });
  }
});
