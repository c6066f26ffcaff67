/** The example for the web, as its README and docs/browser.md show it: the page in a browser, and the service in Node. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { type ClientRequest, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "playwright-core";
import * as vite from "vite";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import type { InferenceModel } from "../../runtime/module/inference-model.ts";
import { closeBrowser, visitAddress } from "./browser.ts";
import { repository } from "./build-tree.ts";
import { applicationWithPackage } from "./install-package.ts";
import { openWaves } from "./waves-page.ts";

let app: string;
let example: string;
let shots: string;
/** What Vite has built, served. */
let site: vite.PreviewServer;
/** What the page saved last. */
let checkpoint: string;

/** Runs a command that a document shows, in the application. */
const runInApp = (script: string, ...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [script, ...args], { cwd: app });

beforeAll(async () => {
  app = await applicationWithPackage(inject("scratch"));
  example = join(app, "examples/web");
  shots = join(app, "screenshots");
  checkpoint = join(app, "waves.safetensors");
  await mkdir(shots);
  await writeFile(join(app, "package.json"), '{ "type": "module" }');
  await cp(join(repository, "examples/cells"), join(app, "examples/cells"), { recursive: true });
  const generated = /\/(dist|waves\.d\.cell\.ts(\.map)?|waves-stream\.(js|d\.ts))$/;
  const isSource = (path: string): boolean => !generated.test(path);
  await cp(join(repository, "examples/web"), example, { recursive: true, filter: isSource });
  await vite.build({ root: example, logLevel: "silent" });
  site = await vite.preview({ root: example, logLevel: "silent", preview: { port: 4300, host: "127.0.0.1" } });
  const readme = await readFile(join(example, "README.md"), "utf8");
  const command = /npx cellc (compile .*)/.exec(readme)?.[1] ?? "";
  await runInApp("node_modules/cellc/dist/cli/main.js", ...command.split(" "));
}, 120_000);

afterAll(async () => {
  await closeBrowser();
  await site?.close();
});

/** What the type checker says about a project of the application. */
async function typeErrors(project: string): Promise<string> {
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  return runInApp(compiler, "-p", project).then(
    ({ stdout }) => stdout,
    ({ stdout }: { readonly stdout: string }) => stdout,
  );
}

test("the example type-checks, with the types that its build has written", async () => {
  expect(await typeErrors("examples/web")).toBe("");
});

const lossOf = (row: string | undefined): number => Number(row?.split(" ")[0]);
const phone = { width: 360, height: 740 };
const desktop = { width: 1280, height: 800 };

describe("the page", () => {
  test.each([
    ["phone", phone, "WebAssembly", "Runs on WebAssembly (you chose it)."],
    [
      "desktop",
      desktop,
      "Automatic",
      "Runs on WebAssembly (WebGPU: there is no WebGPU adapter; WebGL2: this browser runs WebGL2 on the processor",
    ],
  ])(
    "on a %s trains, and goes on from a checkpoint with the same numbers",
    async (name, viewport, backend, why) => {
      const waves = await openWaves(site.resolvedUrls?.local[0], shots, { viewport });
      await waves.shoot(`${name}-before`);
      const alert = waves.page.getByRole("alert");
      await waves.choose("WebGPU");
      await waves.press("Start");
      await alert.waitFor();
      expect(await alert.textContent()).toContain("Error C0503There is no WebGPU adapter.");

      await waves.choose(backend);
      await waves.press("Start");
      // The curve is drawn with the next frame of the screen.
      await expect.poll(waves.points).toBeGreaterThan(0);
      const few = await waves.points();
      const paused = await waves.pauseAfter(75);
      expect(few).toBeLessThan(paused);
      await expect.poll(waves.points).toBe(paused);
      const first = await waves.rows();
      expect(lossOf(first.get(70))).toBeLessThan(0.75 * lossOf(first.get(10)));
      expect(await waves.text("status")).toContain(`Paused at step ${paused}. ${why}`);
      expect(await waves.page.locator("#samples li.right").count()).toBeGreaterThan(3);

      const saving = waves.page.waitForEvent("download");
      await waves.press("Save checkpoint");
      const download = await saving;
      expect(download.suggestedFilename()).toBe(`waves-${paused}.safetensors`);
      await download.saveAs(checkpoint);
      await waves.press("Continue");
      const end = await waves.pauseAfter(paused + 25);
      const uninterrupted = await waves.rows();
      await waves.shoot(`${name}-trained`);

      await waves.press("Reset");
      await waves.page.getByRole("button", { name: "Start", exact: true }).waitFor();
      await expect.poll(waves.points).toBe(0);
      expect([await waves.step(), (await waves.rows()).size]).toEqual([0, 0]);

      await waves.load("waves.safetensors", await readFile(checkpoint));
      await waves.page.getByRole("button", { name: "Continue", exact: true }).waitFor();
      expect(await waves.step()).toBe(paused);
      await waves.press("Continue");
      await waves.pauseAfter(end);
      const resumed = await waves.rows();
      const both = [...uninterrupted].filter(([step]) => step > paused && step <= end);
      expect(both.length).toBeGreaterThan(1);
      expect(both.map(([step]) => [step, resumed.get(step)])).toEqual(both);

      const standing = await waves.step();
      await waves.load("holiday.jpg", Buffer.from("this is no checkpoint of anything"));
      await alert.waitFor();
      expect(await alert.textContent()).toContain("Error C0404");
      expect(await alert.textContent()).toContain("The checkpoint is damaged");
      expect(await waves.step()).toBe(standing);
      await waves.shoot(`${name}-refused`);
      await waves.page.emulateMedia({ colorScheme: "dark" });
      await waves.shoot(`${name}-dark`);
      expect(await waves.faults()).toEqual([]);
    },
    60_000,
  );

  // How close a GPU's losses stay to WebAssembly's: both compute in f32, each in its own order.
  test.each([
    ["WebGPU", 1e-4, "GPUAdapter.prototype", "requestDevice", "(await made).destroy()"],
    [
      "WebGL2",
      1e-3,
      "OffscreenCanvas.prototype",
      "getContext",
      'made.getExtension("WEBGL_lose_context").loseContext()',
    ],
  ])(
    "trains on %s by name, says when it is lost, and goes on elsewhere from what it kept",
    async (name, tolerance, maker, make, lose) => {
      const waves = await openWaves(site.resolvedUrls?.local[0], shots, { viewport: desktop, softwareGpu: true });
      const worker = waves.page.workers()[0] ?? (await waves.page.waitForEvent("worker"));
      await remember(worker, maker, make);
      await waves.choose(name);
      await waves.press("Start");
      await waves.page.waitForFunction('Number(document.querySelector("#step").textContent) >= 11');
      expect(await waves.text("status")).toBe(`Training. Runs on ${name} (you chose it).`);
      await worker.evaluate(`(async () => { ${lose}; })()`);
      const alert = waves.page.getByRole("alert");
      await alert.waitFor();
      expect(await alert.textContent()).toMatch(/Error C0503.*Continue goes on from step \d0\./s);
      await waves.shoot(`desktop-lost-${name}`);
      const onGpu = await waves.rows();

      await waves.choose("WebAssembly");
      await waves.press("Continue");
      await waves.pauseAfter(30);
      expect(await waves.text("status")).toContain("Runs on WebAssembly");
      expect(await alert.count()).toBe(0);
      const rows = await waves.rows();
      expect(rows.get(10)).toBe(onGpu.get(10));

      await waves.press("Reset");
      await waves.press("Start");
      await waves.pauseAfter(30);
      const alone = await waves.rows();
      for (const step of [10, 20, 30]) {
        expect(Math.abs(lossOf(rows.get(step)) - lossOf(alone.get(step))), `step ${step}`).toBeLessThan(tolerance);
      }
      expect(await waves.faults()).toEqual([]);
    },
    60_000,
  );

  /** Lets a test reach what the worker will make: a GPU's device, or a context. */
  const remember = (worker: Worker, maker: string, make: string): Promise<unknown> =>
    worker.evaluate(`{
      const make = ${maker}.${make};
      ${maker}.${make} = function (...args) {
        return (globalThis.made = make.apply(this, args));
      };
    }`);

  test("runs in the development server", async () => {
    const options: vite.InlineConfig = { root: example, logLevel: "silent", cacheDir: join(app, "cache") };
    const server = await vite.createServer({ ...options, server: { port: 4310, host: "127.0.0.1" } });
    onTestFinished(() => server.close());
    await server.listen();
    const waves = await openWaves(server.resolvedUrls?.local[0], shots, { viewport: desktop });
    await waves.choose("WebAssembly");
    await waves.press("Start");
    await waves.pauseAfter(3);
    expect(await waves.faults()).toEqual([]);
  }, 60_000);
});

describe("docs/browser.md", () => {
  let text: string;
  let walk: string;

  beforeAll(async () => {
    text = await readFile(join(repository, "docs/browser.md"), "utf8");
    walk = join(app, "walk");
    await mkdir(join(walk, "src"), { recursive: true });
    await cp(join(repository, "examples/cells/bnlstm.cell"), join(walk, "src/bnlstm.cell"));
    for (const [, path, content] of text.matchAll(/```\w+\n(?:\/\/|<!--) ([\w./]+)(?: -->)?\n([\s\S]*?)```/g)) {
      await writeFile(join(walk, path), content);
    }
  });

  test("shows an application that type-checks, trains, saves, loads, and streams", async () => {
    const options: vite.InlineConfig = { root: walk, logLevel: "silent", cacheDir: join(app, "cache") };
    const server = await vite.createServer({ ...options, server: { port: 4320, host: "127.0.0.1" } });
    onTestFinished(() => server.close());
    await server.listen();
    const { page, errors } = await visitAddress(server.resolvedUrls?.local[0] ?? "");
    onTestFinished(() => page.close());
    const output = page.locator("output");
    const load = (buffer: Buffer) =>
      page.locator("#load").setInputFiles({ name: "a.safetensors", mimeType: "application/octet-stream", buffer });

    await page.locator("#train").click();
    await page.waitForFunction('/^step [1-9]\\d/.test(document.querySelector("output").textContent)');
    await page.locator("#pause").click();
    const saving = page.waitForEvent("download");
    await page.locator("#save").click();
    const saved = join(walk, "waves.safetensors");
    await (await saving).saveAs(saved);
    await load(await readFile(join(walk, "index.html")));
    await page.waitForFunction('document.querySelector("output").textContent.includes("checkpoint")');
    expect(await output.textContent()).toMatch(/^the checkpoint is damaged: .*\(/);
    await load(await readFile(saved));
    await page.waitForFunction('document.querySelector("output").textContent.includes("unknown")');
    expect(await output.textContent()).toMatch(/^step \d\d+, loss unknown$/);

    const heard = await page.evaluate(`(async () => {
      const { listen } = await import("/src/listen.js");
      const hear = await listen("/waves.safetensors");
      return [await hear([1, 1, 1, 1]), await hear([-1, -1, -1, -1])];
    })()`);
    for (const probability of heard as readonly number[]) {
      expect(probability).toBeGreaterThan(0);
      expect(probability).toBeLessThan(1);
    }
    expect(errors).toEqual([]);
    expect(await typeErrors("walk")).toBe("");
  }, 60_000);

  test("has the sizes of docs/modules.md, and the commands of the example's README", async () => {
    const rows = (from: string) => from.match(/^\| `(?:wasm|wgsl|glsl)` +\|(?: +[\d.]+ KB +\|)+$/gm);
    expect(rows(text)).toEqual(rows(await readFile(join(repository, "docs/modules.md"), "utf8")));
    expect(rows(text)).toHaveLength(3);
    const readme = await readFile(join(example, "README.md"), "utf8");
    const commands = (from: string) => from.match(/^ {4}(?:npx cellc|node|\() *.*$/gm);
    expect(commands(text)?.length).toBe(3);
    const shared = (line: string): string => line.replace(/for i in [-\d ]+;/, "");
    expect(commands(text)?.map(shared)).toEqual(commands(readme)?.map(shared));
  });
});

/** What the service says: a step, or an error. */
interface Said {
  readonly step?: number;
  readonly answer?: string;
  readonly probabilities?: Readonly<Record<string, number>>;
  readonly error?: { readonly code?: string; readonly message: string };
}

/** A client's end of a stream. */
class Client {
  readonly request: ClientRequest;
  readonly #lines: Promise<AsyncIterator<string>>;
  status = 0;

  constructor(address: string, method = "POST") {
    this.request = request(address, { method, agent: false });
    this.#lines = once(this.request, "response").then(([response]) => {
      this.status = response.statusCode;
      return createInterface({ input: response })[Symbol.asyncIterator]();
    });
    this.request.flushHeaders();
  }

  send(line: string): Promise<Said | undefined> {
    this.request.write(`${line}\n`);
    return this.next();
  }

  end(): Promise<Said | undefined> {
    this.request.end();
    return this.next();
  }

  /** The next line; undefined if the service has ended the stream. */
  async next(): Promise<Said | undefined> {
    const { value, done } = await (await this.#lines).next();
    return done ? undefined : (JSON.parse(value) as Said);
  }
}

describe("the service", () => {
  let address: string;
  let service: ReturnType<typeof start>;

  const start = (path: string) => spawn(process.execPath, ["serve.js", path, "0"], { cwd: example, stdio: "pipe" });

  beforeAll(async () => {
    service = start(checkpoint);
    const [line] = await once(createInterface({ input: service.stdout }), "line");
    address = /http:\S+/.exec(line)?.[0] ?? line;
  });

  afterAll(() => {
    service.kill();
  });

  test("answers each number of two clients at once as the whole sequence up to it is answered", async () => {
    const inputs = [0, 1].map((which) =>
      Array.from({ length: 10 }, (_, t) => [0, 1, 2, 3].map((i) => Math.sin((0.4 + which) * (4 * t + i)))),
    );
    const clients = inputs.map(() => new Client(address));
    const said: (readonly (Said | undefined)[])[] = [];
    for (let t = 0; t < 10; t++) {
      said.push(await Promise.all(clients.map((client, i) => client.send(JSON.stringify(inputs[i][t])))));
    }
    expect(await Promise.all(clients.map((client) => client.end()))).toEqual([undefined, undefined]);
    expect(clients.map(({ status }) => status)).toEqual([200, 200]);

    const { waves } = (await import(pathToFileURL(join(example, "waves-stream.js")).href)) as {
      readonly waves: { open(): Promise<InferenceModel<Untyped>> };
    };
    const model = await waves.open();
    onTestFinished(() => model.close());
    await model.loadCheckpoint(await readFile(checkpoint));
    for (const [i, values] of inputs.entries()) {
      for (let t = 1; t <= 10; t++) {
        const { logits } = await model.forward({ x: { data: values.slice(0, t).flat(), shape: [t, 1, 4] } });
        const powers = Array.from(logits.data, Math.exp);
        const sum = powers.reduce((total, power) => total + power, 0);
        const found = said[t - 1][i];
        expect(found?.step).toBe(t);
        for (const [kind, power] of powers.entries()) {
          expect(Object.values(found?.probabilities ?? {})[kind]).toBeCloseTo(power / sum, 5);
        }
        const most = Object.entries(found?.probabilities ?? {}).reduce((a, b) => (b[1] > a[1] ? b : a));
        expect(found?.answer).toBe(most[0]);
      }
    }
  });

  test.each([
    ["what is no JSON", "one", 400, "not JSON: one"],
    ["what is no list", "1", 400, "not a list of numbers: 1"],
    ["a list of other things", '[1, 2, 3, "4"]', 400, "not a list of numbers"],
    ["a number that is too large to be one", "[1, 2, 3, 1e999]", 400, "Infinity"],
    ["more numbers than the cell takes", "[1, 2, 3, 4, 5]", 400, "`x`"],
    ["a line that is too long", `[${"1,".repeat(200)}1]`, 413, "more than 256 characters"],
    ["a request that is too long", "\n".repeat(2 ** 21), 413, "more than 2097152 bytes"],
  ])("refuses %s", async (_claim, line, status, message) => {
    const client = new Client(address);
    const said = await client.send(line);
    expect(client.status).toBe(status);
    expect(said?.error?.message).toContain(message);
    expect(await client.next()).toBeUndefined();
  });

  test("refuses other paths and methods, and a request without numbers", async () => {
    const elsewhere = new Client(address.replace("/stream", "/"));
    expect(await elsewhere.end()).toEqual({ error: { message: "there is only /stream" } });
    const getting = new Client(address, "GET");
    expect((await getting.end())?.error?.message).toContain("post lists of numbers");
    const empty = new Client(address);
    expect(await empty.end()).toEqual({ error: { message: "the request has no numbers" } });
    expect([elsewhere, getting, empty].map(({ status }) => status)).toEqual([404, 405, 400]);
  });

  test("ends a stream with the error of a later line, and others go on", async () => {
    const [good, bad] = [new Client(address), new Client(address)];
    expect((await bad.send("[0, 1, 0, 1]"))?.step).toBe(1);
    expect((await good.send("[0, 1, 0, 1]"))?.step).toBe(1);
    expect((await bad.send("{}"))?.error?.message).toContain("not a list");
    expect(await bad.next()).toBeUndefined();
    expect((await good.send("[1, 0, 1, 0]"))?.step).toBe(2);
    await good.end();
  });

  test("serves others when a client is gone in the middle, and stops with a stream open", async () => {
    const gone = new Client(address);
    await gone.send("[1, 1, 1, 1]");
    gone.request.on("error", () => {}).destroy();
    const here = new Client(address);
    expect((await here.send("[1, 1, 1, 1]"))?.step).toBe(1);
    here.request.on("error", () => {});
    service.kill("SIGTERM");
    expect(await once(service, "exit")).toEqual([0, null]);
  });

  test("does not start with a file that is no checkpoint", async () => {
    const path = join(example, "index.html");
    const refused = start(path);
    const [line] = await once(createInterface({ input: refused.stderr }), "line");
    expect(line).toContain(path);
    expect(await once(refused, "exit")).toEqual([1, null]);
  });
});

interface Untyped {
  readonly parameters: object;
  readonly statistics: object;
  readonly inputs: object;
  readonly targets: object;
  readonly outputs: { readonly logits: { readonly data: Float32Array; readonly shape: readonly number[] } };
  readonly metrics: object;
  readonly firstInputs: object;
  readonly stepInputs: object;
  readonly stepOutputs: object;
  readonly states: object;
}
