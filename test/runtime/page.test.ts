/** A compiled model, opened by its address in a page: on WebGPU, on WebAssembly, and on whichever the browser has. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { targets } from "../../cli/targets.ts";
import { Session, wasmBackend } from "../../runtime/index.ts";
import { closeBrowser, visitAddress } from "../cli/browser.ts";
import { soundBatch } from "./compiled.ts";
import { compiledFor, type Server, serve, trainedState, writeModel } from "./model-folder.ts";

let server: Server;
let expected: readonly number[];

beforeAll(async () => {
  const root = await mkdtemp(join(inject("scratch"), "open-"));
  const state = await trainedState();
  await mkdir(join(root, "models"));
  await writeModel(join(root, "models/words"), ["wgsl", "wasm"], state);
  const [{ executable }] = await compiledFor(["wasm"]);
  const batch = soundBatch(executable.plan, 5, 9);
  const backend = wasmBackend({ threads: 1 });
  const session = await Session.open(executable, backend, { state });
  expected = [...(await session.infer(batch)).outputs.logits];
  backend.close();
  const application = `
    import { openSession } from "./runtime/index.ts";
    const batch = { inputs: { w: ${JSON.stringify([...batch.inputs.w])}, y: null }, steps: 5, examples: 3 };
    // Relative to the page.
    globalThis.infer = async (options) => {
      const session = await openSession("../models/words", options);
      const logits = [...(await session.infer(batch)).outputs.logits];
      const { name, reason } = session.backend;
      session.close();
      return { name, reason, logits };
    };
    globalThis.refused = (address) => openSession(address).catch(({ code, message }) => code + ": " + message);`;
  await build({
    stdin: { contents: application, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    outdir: join(root, "app"),
  });
  await writeFile(join(root, "app/index.html"), '<!doctype html><script type="module" src="stdin.js"></script>');
  server = await serve(root, (request, response) => {
    // Browsers run a module only as JavaScript, and ask for an icon.
    if (request.url?.endsWith(".js")) response.setHeader("content-type", "text/javascript");
    if (request.url?.endsWith(".html")) response.setHeader("content-type", "text/html");
    if (request.url !== "/favicon.ico") return false;
    response.writeHead(204).end();
    return true;
  });
});

afterAll(async () => {
  await closeBrowser();
  await server.close();
});

interface Found {
  readonly name: "wgsl" | "wasm";
  readonly reason: string;
  readonly logits: readonly number[];
}

const visit = async () => {
  const visited = await visitAddress(`${server.address}app/index.html`, { softwareGpu: true });
  await visited.page.waitForFunction("globalThis.infer");
  return visited;
};

test.each(["wgsl", "wasm"] as const)(
  "a page infers on %s what Node does, and loads only what is for it",
  async (name) => {
    const { page, errors, requests } = await visit();
    const found = (await page.evaluate(`infer({ backend: "${name}" })`)) as Found;
    expect([found.name, found.reason, errors]).toEqual([name, "", []]);
    const off = Math.max(...found.logits.map((value, i) => Math.abs(value - expected[i])));
    expect(off).toBeLessThan(targets[name].tolerance.forward);
    const model = requests.flatMap((address) => /models\/words\/(.*)$/.exec(address)?.[1] ?? []);
    const code = name === "wasm" ? "wasm/kernels.relaxed.wasm" : "wgsl/kernels.json";
    expect(model.sort()).toEqual(["executable.json", "model.safetensors", `${name}/plan.json`, code].sort());
    await page.close();
  },
);

test("by default a page takes WebAssembly where WebGPU would run on the processor, and says so", async () => {
  const { page, errors } = await visit();
  const { name, reason } = (await page.evaluate("infer({})")) as Found;
  expect([name, reason, errors]).toEqual([
    "wasm",
    "WebGPU: the only adapter is a program on the processor (swiftshader); WebGL2: it was not compiled for it",
    [],
  ]);
  await page.close();
});

test("an address that leads nowhere is an error with its code", async () => {
  const { page } = await visit();
  expect(await page.evaluate('refused("/nowhere")')).toBe(
    `C0401: cannot read ${server.address}nowhere/executable.json: the server answers 404 Not Found`,
  );
  expect(await page.evaluate('refused("http://[")')).toBe("C0406: http://[ is no address");
  await page.close();
});
