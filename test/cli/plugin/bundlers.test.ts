/** Cells in applications that Vite, esbuild and webpack bundle: build, development server, change and mistake. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import * as vite from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import webpack from "webpack";
import { closeBrowser, visitAddress } from "../browser.ts";
import { applicationWithPackage } from "../install-package.ts";

/** A cell that another one is made of. */
const base = `cell plain(D = 3, H = 4) {
  param W : [D, H] = orthogonal
  param U : [H, H] = identity
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ W + h @ U)
  output h'
}
`;
const cell = `import { plain } from "./base.cell"

// A cell for tests.
cell tiny = plain with {}
`;
const wrong = base.replace("tanh(", "tahn(");

/** What the page or the process runs: what the cell gives for a sequence of ones, and the sizes of another one. */
const application = `
import { tensor } from "cellc/runtime";
import { dims, tiny } from "./tiny.cell";
import { dims as wide, tiny as wider } from "./tiny.cell?H=6&entries=infer";

export async function run() {
  const model = await tiny.open({ seed: 1 });
  const x = tensor(new Float32Array(2 * dims.batch * dims.D).fill(1), [2, dims.batch, dims.D]);
  const { h } = await model.forward({ x });
  const other = await wider.open();
  model.close();
  other.close();
  return { shape: h.shape, first: [...h.data.slice(0, dims.H)], wide: wide.H, trains: "train" in other };
}
`;

let app: string;
const at = (name: string): string => join(app, name);
const write = (name: string, text: string): Promise<void> => writeFile(at(name), text);

interface Plugins {
  readonly vite: typeof import("../../../cli/plugin/vite.ts");
  readonly rollup: typeof import("../../../cli/plugin/rollup.ts");
  readonly webpack: typeof import("../../../cli/plugin/webpack.ts");
  readonly esbuild: typeof import("../../../cli/plugin/esbuild.ts");
}

/** The plugin as an application imports it. */
async function pluginFor<Bundler extends keyof Plugins>(bundler: Bundler): Promise<Plugins[Bundler]["cellc"]> {
  const path = at(`node_modules/cellc/dist/cli/${bundler}.js`);
  return ((await import(pathToFileURL(path).href)) as Plugins[Bundler]).cellc;
}

/** Runs a bundle. Each has an address of its own, because Node remembers modules. */
async function runBundle(path: string): Promise<unknown> {
  const bundle = (await import(`${pathToFileURL(path).href}?${Math.random()}`)) as { run(): Promise<unknown> };
  return bundle.run();
}

const expected = { shape: [2, 2, 4], first: expect.any(Array), wide: 6, trains: false };

beforeAll(async () => {
  app = await applicationWithPackage(inject("scratch"));
  await write("package.json", '{ "type": "module" }');
}, 120_000);

beforeEach(async () => {
  await write("base.cell", base);
  await write("tiny.cell", cell);
  await write("main.js", application);
  await rm(at("tiny.d.cell.ts"), { force: true });
});

afterAll(closeBrowser);

describe("Vite", () => {
  const settings = async (more: vite.InlineConfig = {}): Promise<vite.InlineConfig> => ({
    ...{ root: app, configFile: false, logLevel: "silent" },
    plugins: [(await pluginFor("vite"))({ batch: 2 })],
    ...more,
  });
  const asLibrary = {
    lib: { entry: "main.js", formats: ["es"], fileName: "bundle" },
    outDir: "vite",
  } satisfies vite.BuildOptions;

  test("builds an application that runs, and writes types beside the cell", async () => {
    await vite.build(await settings({ build: asLibrary }));
    const text = await readFile(at("vite/bundle.js"), "utf8");
    expect(text).not.toContain("import.meta.hot");
    expect(await runBundle(at("vite/bundle.js"))).toEqual(expected);
    const types = await readFile(at("tiny.d.cell.ts"), "utf8");
    expect(types).toContain("A cell for tests.");
    expect(types).toContain("npx cellc types tiny.cell --kernels wasm --batch 2");
    expect(existsSync(at("tiny.d.cell.ts.map"))).toBe(true);
  });

  test("builds with the plugin for Rollup, too, and without types if they are not wanted", async () => {
    const plugins = [(await pluginFor("rollup"))({ batch: 2, types: false })];
    await vite.build(await settings({ build: { ...asLibrary, outDir: "rollup" }, plugins }));
    expect(await runBundle(at("rollup/bundle.js"))).toEqual(expected);
    expect(existsSync(at("tiny.d.cell.ts"))).toBe(false);
  });

  test("fails to build with a mistake in an imported cell, and shows the place", async () => {
    await write("base.cell", wrong);
    const failed = await vite.build(await settings({ build: asLibrary })).catch((error: unknown) => error);
    expect(String((failed as Error).message)).toContain("6│   h' = tahn(x @ W + h @ U)");
    expect(String((failed as Error).message)).toContain("did you mean `tanh`?");
  });

  test("a page keeps its parameters when the cell changes, and shows mistakes", async () => {
    await write(
      "index.html",
      `<!doctype html><meta charset="utf-8"><script type="module">
import { tensor } from "cellc/runtime";
import { dims, tiny } from "./tiny.cell";
const x = tensor(new Float32Array(2 * dims.batch * dims.D).fill(1), [2, dims.batch, dims.D]);
const d_h = tensor(new Float32Array(2 * dims.batch * dims.H).fill(1), [2, dims.batch, dims.H]);
const model = await tiny.open({ seed: 1 });
await model.train({ x, d_h }, { lr: 0.1 });
globalThis.look = async () => {
  const { W } = await model.parameters();
  const { h } = await model.forward({ x });
  return { step: model.step, W: [...W.data], h: [...h.data.slice(0, 4)] };
};
</script>`,
    );
    const server = await vite.createServer(
      await settings({ server: { port: 0, host: "127.0.0.1" }, cacheDir: "cache" }),
    );
    await server.listen();
    try {
      const { page } = await visitAddress(server.resolvedUrls?.local[0] ?? "");
      const look = async () => (await page.evaluate("globalThis.look()")) as { step: number; W: number[]; h: number[] };
      await page.waitForFunction("globalThis.look !== undefined");
      const before = await look();
      await write("base.cell", base.replace("tanh(", "sigmoid("));
      const soon = { timeout: 20_000, interval: 100 };
      await vi.waitFor(async () => expect((await look()).h).not.toEqual(before.h), soon);
      const after = await look();
      expect(after.W).toEqual(before.W);
      expect([before.step, after.step]).toEqual([1, 1]);

      await write("base.cell", wrong);
      const overlay = page.locator("vite-error-overlay .message-body");
      await overlay.waitFor();
      const shown = await overlay.textContent();
      expect(shown).toContain("error[C0201]");
      expect(shown).toContain("6│   h' = tahn(x @ W + h @ U)");
      expect(await page.locator("vite-error-overlay .file").textContent()).toContain("base.cell:6:7");
      await write("base.cell", base);
      await overlay.waitFor({ state: "detached" });
      await vi.waitFor(async () => expect(await look()).toEqual(before), soon);
    } finally {
      await server.close();
    }
  }, 60_000);
});

describe("esbuild", () => {
  const settings = async (): Promise<esbuild.BuildOptions> => ({
    ...{ entryPoints: [at("main.js")], absWorkingDir: app, outfile: at("esbuild/bundle.js") },
    ...{ bundle: true, format: "esm", logLevel: "silent", metafile: true },
    plugins: [(await pluginFor("esbuild"))({ batch: 2 })],
  });

  test("builds, and builds again when an imported cell has changed", async () => {
    const context = await esbuild.context(await settings());
    try {
      await context.rebuild();
      const first = await runBundle(at("esbuild/bundle.js"));
      expect(first).toEqual(expected);
      await write("base.cell", base.replace("tanh(", "sigmoid("));
      const { metafile } = await context.rebuild();
      expect(await runBundle(at("esbuild/bundle.js"))).not.toEqual(first);
      const used = Object.entries(Object.values(metafile?.outputs ?? {})[0]?.inputs ?? {});
      const inputs = used.filter(([file, { bytesInOutput }]) => bytesInOutput > 0 && !file.includes("/runtime/"));
      expect(inputs.map(([file]) => file).sort()).toEqual(["main.js", "tiny.cell", "tiny.cell?H=6&entries=infer"]);
    } finally {
      await context.dispose();
    }
  });

  test("says where a mistake is, and follows the files until it is mended", async () => {
    await write("base.cell", wrong);
    const context = await esbuild.context(await settings());
    try {
      const failed = (await context.rebuild().catch((error: unknown) => error)) as esbuild.BuildFailure;
      expect(failed.errors[0].text).toContain("did you mean `tanh`?");
      expect(failed.errors[0].location).toMatchObject({
        file: expect.stringContaining("base.cell"),
        line: 6,
        column: 7,
      });
      await write("base.cell", base);
      await context.rebuild();
      expect(await runBundle(at("esbuild/bundle.js"))).toEqual(expected);
    } finally {
      await context.dispose();
    }
  });
});

describe("webpack", () => {
  const compiler = async (more: webpack.Configuration = {}) =>
    webpack({
      ...{
        context: app,
        entry: "./main.js",
        mode: "production",
        target: "es2022",
        experiments: { outputModule: true },
      },
      output: { path: at("webpack"), filename: "bundle.mjs", library: { type: "module" } },
      plugins: [(await pluginFor("webpack"))({ batch: 2 })],
      ...more,
    });

  /** Compiles whenever a file has changed; `next` resolves to the result that was not asked for yet. */
  function watch(watching: webpack.Compiler) {
    const results: webpack.Stats[] = [];
    const watcher = watching.watch({ aggregateTimeout: 20 }, (_, stats) => {
      if (stats !== undefined) results.push(stats);
    });
    return {
      async next(): Promise<webpack.Stats> {
        return vi.waitFor(
          () => {
            const stats = results.shift();
            if (stats === undefined) throw new Error("it has not compiled");
            return stats;
          },
          { timeout: 20_000 },
        );
      },
      close: () => new Promise((closed) => watcher?.close(closed)),
    };
  }

  test("builds, follows imported cells, shows mistakes with their place, and goes on when they are mended", async () => {
    const { next, close } = watch(await compiler());
    try {
      expect((await next()).toJson().errors).toEqual([]);
      const first = await runBundle(at("webpack/bundle.mjs"));
      expect(first).toEqual(expected);
      // webpack takes what changes within its first moments for older than itself.
      await new Promise((done) => setTimeout(done, 1000));
      await write("base.cell", base.replace("tanh(", "sigmoid("));
      expect((await next()).toJson().errors).toEqual([]);
      expect(await runBundle(at("webpack/bundle.mjs"))).not.toEqual(first);
      await write("base.cell", wrong);
      const said = ((await next()).toJson().errors ?? []).map(({ message }) => message).join("\n");
      expect(said).toContain("6│   h' = tahn(x @ W + h @ U)");
      await write("base.cell", base);
      expect((await next()).toJson().errors).toEqual([]);
      expect(await runBundle(at("webpack/bundle.mjs"))).toEqual(first);
    } finally {
      await close();
    }
  }, 60_000);

  test("has modules that can be replaced where webpack can replace modules", async () => {
    await mkdir(at("hot"), { recursive: true });
    const made = await compiler({
      mode: "development",
      devtool: false,
      output: { path: at("hot"), filename: "bundle.mjs", library: { type: "module" } },
      plugins: [(await pluginFor("webpack"))({ batch: 2 }), new webpack.HotModuleReplacementPlugin()],
    });
    const stats = await new Promise<webpack.Stats | undefined>((done, fail) =>
      made.run((error, result) => (error ? fail(error) : done(result))),
    );
    expect(stats?.toJson().errors).toEqual([]);
    await new Promise((closed) => made.close(closed));
    const text = await readFile(at("hot/bundle.mjs"), "utf8");
    expect(text).toMatch(/hotModule\)?\(module\.hot/);
    expect(text).toContain("module.hot.accept()");
  });
});
