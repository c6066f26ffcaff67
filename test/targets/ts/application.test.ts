/** Typed modules in an application: what the type checkers accept and refuse, what runs, and what a bundle holds. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { SourceMap } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { filesOfModule, filesOfTypes } from "../../../cli/modules/module-files.ts";
import type { TargetName } from "../../../cli/targets.ts";
import { compile } from "../../../compiler/compile.ts";
import { keepStates } from "../../../runtime/missing-readings.ts";
import type { TrainingModel } from "../../../runtime/module/training-model.ts";
import type { EntryName } from "../../../runtime/plan.ts";
import { Session } from "../../../runtime/session.ts";
import { wasmBackend } from "../../../runtime/wasm/wasm.ts";
import { wasm } from "../../../targets/wasm/target.ts";
import { closeBrowser, visitAddress } from "../../cli/browser.ts";
import { applicationWithPackage } from "../../cli/install-package.ts";
import { goToDefinition } from "./language-server.ts";
import { made } from "./made.ts";

const run = promisify(execFile);

/** The most that a page may load to infer with one cell, in bytes after gzip. */
const mostBytes = 21_500;

let app: string;

/** A batch-normalized LSTM small enough to train here. */
const cell = `// A batch-normalized LSTM.
cell bnlstm(D = 3, H = 8) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = identity
  param b  : [4H]    = 0
  input x  : [D]
  state h  : [H] = 0
  state c  : [H] = 0

  site hh = h @ Wh
  f, i, o, g = split(hh + x @ Wx + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  h' = sigmoid(o) * tanh(c')
  output h'
  place hh : batch(gamma = 0.1, beta = none)
}

model signs(D = 3, H = 8) {
  param V : [H, 2] = orthogonal
  input x : [D] over time
  target y : index(2)
  hs = scan bnlstm(D, H) over x
  logits = last(hs) @ V
  output logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
}
`;

/** A model whose scan begins with an input. */
const begun = `cell c(D = 3) { input x : [D]; state h : [D] = 0; h' = tanh(h + x); output h' }
model begun(D = 3) {
  input x : [D] over time
  input s : [D]
  hs = scan c(D) over x from h = s
  output hs
}
`;

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(app, name), text);
}

async function writeAll(files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) await writeFile(path, text);
}

interface Wanted {
  readonly entry?: string;
  readonly entries?: readonly EntryName[];
  readonly kernels?: readonly TargetName[];
  readonly file?: string;
}

async function writeModule(name: string, { file = join(app, "cells.cell"), entry, entries, kernels }: Wanted = {}) {
  const { description } = await made(file, { options: { entry, entries, batch: 4, time: 5 }, kernels });
  await writeAll(await filesOfModule(description, join(app, name)));
}

beforeAll(async () => {
  app = await applicationWithPackage(inject("scratch"));
  await write("package.json", '{ "type": "module" }');
  await write("cells.cell", cell);
  await writeModule("signs.ts", { kernels: ["wgsl", "wasm"] });
  await writeModule("signs.js");
  await write("begun.cell", begun);
  await writeModule("begun.ts", { file: join(app, "begun.cell"), entries: ["infer", "step"] });
  await writeModule("infer.ts", { entry: "bnlstm", entries: ["infer"] });
  const types = await made(join(app, "cells.cell"), { options: { batch: 4, time: 5 } });
  await writeAll(await filesOfTypes(types.description, join(app, "cells.cell")));
  await write(
    "definition.ts",
    'import { signs } from "./cells.cell";\nexport const model: unknown = await signs.open({ seed: 1 });\n',
  );
  await write(
    "tsconfig.json",
    JSON.stringify({
      compilerOptions: {
        ...{ target: "es2022", module: "nodenext", lib: ["es2022", "dom"], strict: true, types: ["@webgpu/types"] },
        ...{ isolatedDeclarations: true, declaration: true, verbatimModuleSyntax: true, erasableSyntaxOnly: true },
        ...{ noUncheckedIndexedAccess: false, allowArbitraryExtensions: true, noEmit: true, skipLibCheck: true },
      },
      files: ["right.ts", "wrong.ts", "definition.ts", "signs.ts", "infer.ts", "begun.ts"],
    }),
  );
}, 120_000);

afterAll(closeBrowser);

describe("type checkers", () => {
  const right = `
import { keepStates, type ShapedTensor, tensor } from "cellc/runtime";
import { signs, type Inputs, type Parameters, dims } from "./signs.js";
import { bnlstm } from "./infer.js";
import { begun } from "./begun.js";
import { signs as same } from "./cells.cell";

const H: 8 = dims.H;
const x = tensor(new Float32Array(5 * 4 * 3), [5, 4, 3]);
const y = { data: [0, 1, 0, 1], shape: [4] } as const;
export async function use(bytes: Uint8Array): Promise<number> {
  const model = await signs.open({ seed: 1, backend: "wgsl" });
  const { loss, metrics } = await model.train({ x, y }, { lr: 1e-3, clip: 1 });
  const { logits }: { logits: ShapedTensor<readonly [4, 2], Float32Array> } = await model.forward({ x });
  const partly = await model.infer({ x });
  const stream = await model.stream({ missing: keepStates });
  const step = await stream.next({ x: tensor(new Float32Array(12), [4, 3]) });
  const weights: Parameters = await model.parameters();
  await model.write({ V: weights.V });
  await (await same.open({ seed: 2 })).evaluate([{ x, y }]);
  const inferring = await bnlstm.open();
  await inferring.loadCheckpoint(bytes);
  const inputs: Inputs = { x };
  const s = tensor(new Float32Array(12), [4, 3]);
  const begins = await (await begun.open()).stream({ inputs: { s } });
  await begins.reset({ s });
  await begins.reset({ s: tensor(new Float32Array(3), [1, 3]) }, { examples: [1] });
  await stream.reset({}, { examples: [0, 1] });
  const { h } = await inferring.forward(inputs);
  return loss + metrics.accuracy + logits.data[0] + (partly.loss ?? 0) + step.logits.data[0] + h.shape[2] + H;
}
`;
  const wrong: readonly (readonly [claim: string, statement: string])[] = [
    ["a wrong name of an input", "await model.forward({ z: x });"],
    ["an input that is missing", "await model.train({ y }, { lr: 1 });"],
    ["a target that is missing in training", "await model.train({ x }, { lr: 1 });"],
    ["axes in the wrong order", "await model.forward({ x: tensor(new Float32Array(60), [4, 5, 3]) });"],
    ["too many features", "await model.forward({ x: tensor(new Float32Array(80), [5, 4, 4]) });"],
    ["numbers without a shape", "await model.forward({ x: new Float32Array(60) });"],
    ["an output that is not there", "(await model.forward({ x })).logit;"],
    ["a whole sequence in a stream", "await (await model.stream()).next({ x });"],
    ["a stream without its first states' inputs", "await (await begun.open()).stream();"],
    [
      "an input that no first state depends on",
      "await (await begun.open()).stream({ inputs: { s: tensor(new Float32Array(12), [4, 3]) } }).then((b) => b.reset({ x }, { examples: [1] }));",
    ],
    ["a stream of a module without one", "await (await bnlstm.open()).stream();"],
    ["training of a module that only infers", "await (await bnlstm.open()).train({ x }, { lr: 1 });"],
    ["a target without kernels", 'await bnlstm.open({ backend: "wgsl" });'],
    ["a seed that is no number", 'await signs.open({ seed: "1" });'],
    ["a parameter of another shape", "await model.write({ V: tensor(new Float32Array(16), [2, 8]) });"],
    ["another size of the dimension", "const H: 9 = dims.H;"],
    ["another export of the cell", 'const { gru } = await import("./cells.cell");'],
  ];
  const head = `
import { tensor } from "cellc/runtime";
import { signs, dims } from "./signs.js";
import { bnlstm } from "./infer.js";
import { begun } from "./begun.js";
const x = tensor(new Float32Array(60), [5, 4, 3]);
const y = tensor(new Float32Array(4), [4]);
const model = await signs.open({ seed: 1 });`;

  beforeAll(async () => {
    await write("right.ts", right);
    await write("wrong.ts", [head, ...wrong.map(([, statement]) => `{ ${statement} }`), "export {};"].join("\n"));
  });

  test.each(["typescript", "typescript-5.9"])("%s accepts the modules, and refuses each wrong use", async (name) => {
    const compiler = fileURLToPath(
      new URL("../bin/tsc", import.meta.resolve(`${name}/package.json`).replace("package.json", "bin/")),
    );
    const said = await run(process.execPath, [compiler, "-p", app, "--pretty", "false"], { cwd: app }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { readonly stdout: string }) => stdout,
    );
    const errors = [...said.matchAll(/^(\S+?)\((\d+),/gm)].map(([, file, line]) => ({ file, line: Number(line) }));
    expect(
      errors.filter(({ file }) => file !== "wrong.ts"),
      said,
    ).toEqual([]);
    const first = head.split("\n").length + 1;
    const refused = new Set(errors.map(({ line }) => wrong[line - first]?.[0] ?? `line ${line}`));
    expect([...refused]).toEqual(wrong.map(([claim]) => claim));
  });
});

test("go to definition of the imported name lands in the cell, on the name", async () => {
  const found = await goToDefinition(join(app, "definition.ts"), { line: 1, character: 38 });
  const before = cell.slice(0, cell.indexOf("signs(")).split("\n");
  const [line, character] = [before.length - 1, before[before.length - 1].length];
  expect(found).toEqual([{ uri: pathToFileURL(join(app, "cells.cell")).href, start: { line, character } }]);
});

test("the map of the declarations leads every name to where the cell declares it", async () => {
  const declarations = await readFile(join(app, "cells.d.cell.ts"), "utf8");
  const map = new SourceMap(JSON.parse(await readFile(join(app, "cells.d.cell.ts.map"), "utf8")));
  const lines = cell.split("\n");
  const found = declarations.split("\n").flatMap((text, line) => {
    const [before, name] = /^( +readonly |export declare const )("[^"]+"|\w+):/.exec(text)?.slice(1) ?? [];
    if (name === undefined) return [];
    const entry = map.findEntry(line, before.length);
    if (!("originalLine" in entry) || entry.generatedLine !== line) return [];
    return [[name.replaceAll('"', ""), lines[entry.originalLine].slice(entry.originalColumn).split(/\W/)[0]]];
  });
  expect(Object.fromEntries(found)).toEqual({
    ...{
      D: "D",
      H: "H",
      V: "V",
      x: "x",
      y: "y",
      logits: "logits",
      h: "h",
      c: "c",
      accuracy: "accuracy",
      signs: "signs",
    },
    ...{ "bnlstm/Wx": "Wx", "bnlstm/Wh": "Wh", "bnlstm/b": "b" },
    ...{ "bnlstm/hh/g": "hh", "bnlstm/hh/m": "hh", "bnlstm/hh/v": "hh" },
  });
});

test("a module in Node trains, infers and streams with the numbers of a session, bit for bit", async () => {
  const { signs } = (await import(pathToFileURL(join(app, "signs.js")).href)) as {
    readonly signs: { open(options: object): Promise<TrainingModel<Untyped>> };
  };
  const { executable } = compile(join(app, "cells.cell"), { batch: 4, time: 5 }, wasm, fileHost);
  const backend = wasmBackend({ threads: 1 });
  const session = await Session.open(executable, backend, { seed: 7 });
  const model = await signs.open({ seed: 7 });
  const x = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i));
  const y = [0, 1, 1, 0];
  const batch = { x: { data: x, shape: [5, 4, 3] }, y: { data: y, shape: [4] } };
  const plain = { inputs: { x, y }, steps: 5, examples: 4 };
  for (let step = 0; step < 3; step++) {
    expect(await model.train(batch, { lr: 1e-2 })).toEqual(await session.train(plain, { lr: 1e-2 }));
  }
  const { loss, metrics, outputs } = await session.infer(plain);
  expect(await model.infer(batch)).toEqual({
    loss,
    metrics,
    outputs: { logits: { data: outputs.logits, shape: [4, 2] } },
  });
  expect(await model.forward({ x: batch.x })).toEqual({ logits: { data: outputs.logits, shape: [4, 2] } });

  const [stream, other] = [await model.stream(), await session.stream()];
  const now = x.slice(0, 12);
  const { logits } = await other.next({ x: now });
  expect(await stream.next({ x: { data: now, shape: [4, 3] } })).toEqual({ logits: { data: logits, shape: [4, 2] } });
  expect(Object.keys(await stream.states())).toEqual(["h", "c"]);
  const gone = { data: now.map((value, i) => (i === 4 ? Number.NaN : value)), shape: [4, 3] };
  await expect(stream.next({ x: gone })).rejects.toMatchObject({ code: "C0406" });
  const [kept, alike] = [await model.stream({ missing: keepStates }), await session.stream({ missing: keepStates })];
  for (const step of [now, now, now, now, gone.data, now]) {
    const { logits } = await alike.next({ x: step });
    expect(await kept.next({ x: { data: step, shape: [4, 3] } })).toEqual({
      logits: { data: logits, shape: [4, 2] },
    });
    expect(logits.findIndex(Number.isNaN)).toBe(step === now ? -1 : 2);
  }

  const again = await signs.open({ seed: 1 });
  await again.loadCheckpoint(await model.saveCheckpoint());
  expect(await again.forward({ x: batch.x })).toEqual(await model.forward({ x: batch.x }));
  await expect(model.forward({ x: { data: x, shape: [4, 5, 3] } })).rejects.toMatchObject({ code: "C0406" });
  await expect(model.forward({ x })).rejects.toMatchObject({ code: "C0406", help: expect.stringContaining("shape") });
  for (const open of [model, again]) open.close();
  backend.close();
});

interface Untyped {
  readonly parameters: object;
  readonly statistics: object;
  readonly inputs: object;
  readonly targets: object;
  readonly outputs: object;
  readonly metrics: object;
  readonly firstInputs: object;
  readonly stepInputs: object;
  readonly stepOutputs: object;
  readonly states: object;
}

test("a module with kernels for WebGPU gives in Node what one with kernels for WebAssembly gives", async () => {
  await writeModule("gpu.js", { kernels: ["wgsl"] });
  const open = async (name: string) => {
    const { signs } = (await import(pathToFileURL(join(app, name)).href)) as {
      readonly signs: { open(options: object): Promise<TrainingModel<Untyped>> };
    };
    return signs.open({ seed: 3 });
  };
  const [gpu, cpu] = [await open("gpu.js"), await open("signs.js")];
  expect([gpu.backend.name, cpu.backend.name]).toEqual(["wgsl", "wasm"]);
  const batch = {
    x: { data: Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)), shape: [5, 4, 3] },
    y: { data: [0, 1, 1, 0], shape: [4] },
  };
  for (let step = 0; step < 2; step++) {
    const [one, other] = [await gpu.train(batch, { lr: 1e-2 }), await cpu.train(batch, { lr: 1e-2 })];
    expect(one.loss).toBeCloseTo(other.loss, 4);
  }
  const [one, other] = [await gpu.infer(batch), await cpu.infer(batch)];
  expect(one.loss).toBeCloseTo(other.loss ?? Number.NaN, 4);
  for (const model of [gpu, cpu]) model.close();
});

test("a module runs in a page without a bundler", async () => {
  const types = { ".js": "text/javascript", ".html": "text/html" } as const;
  const server = createServer((request, response) => {
    const path = join(app, new URL(request.url ?? "", "http://here").pathname);
    readFile(path).then(
      (content) => response.setHeader("content-type", types[extname(path) as keyof typeof types]).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    await write(
      "page.html",
      `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "cellc/runtime/module": "/node_modules/cellc/dist/runtime/module/index.js" } }</script>
<script type="module">
import { signs } from "./signs.js";
const model = await signs.open({ seed: 7 });
const x = { data: new Float32Array(60).fill(1), shape: [5, 4, 3] };
const { loss } = await model.train({ x, y: { data: [0, 1, 1, 0], shape: [4] } }, { lr: 1e-2 });
globalThis.found = { loss };
</script>`,
    );
    const { port } = server.address() as AddressInfo;
    const { page, errors } = await visitAddress(`http://127.0.0.1:${port}/page.html`);
    await page.waitForFunction("globalThis.found !== undefined");
    const { loss } = (await page.evaluate("globalThis.found")) as { readonly loss: number };
    expect(errors).toEqual([]);
    expect(loss).toBeGreaterThan(0);
  } finally {
    server.close();
  }
});

describe("a bundle", () => {
  const example = fileURLToPath(new URL("../../../examples/cells/bnlstm.cell", import.meta.url));

  async function bundle(kernels: readonly TargetName[], entries?: readonly EntryName[]) {
    const { description } = await made(example, { options: { entries }, kernels });
    const path = join(app, `${kernels.join("-")}.ts`);
    await writeAll(await filesOfModule(description, path));
    const { outputFiles, metafile, warnings } = await build({
      ...{ entryPoints: [path], bundle: true, minify: true, format: "esm", platform: "browser" },
      ...{ write: false, metafile: true, absWorkingDir: app },
    });
    expect(warnings).toEqual([]);
    const { inputs } = Object.values(metafile.outputs)[0];
    const used = Object.keys(inputs).filter((input) => inputs[input].bytesInOutput > 0);
    return { bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length, used };
  }

  const inRuntime = "node_modules/cellc/dist/runtime/";

  test.each([
    ["wasm", "webgpu/"],
    ["wgsl", "wasm/"],
  ] as const)(
    "to infer, with kernels for %s, is below 21.5 KB and holds no other backend and no training",
    async (target, other) => {
      const { bytes, used } = await bundle([target], ["infer"]);
      expect(bytes).toBeLessThan(mostBytes);
      expect(bytes).toBeGreaterThan(10_000);
      const modules = used.filter((file) => file.startsWith(inRuntime)).map((file) => file.slice(inRuntime.length));
      expect(used.filter((file) => !file.startsWith(inRuntime))).toEqual([`${target}.ts`]);
      expect(modules.filter((file) => file.startsWith(other))).toEqual([]);
      const training = [
        "session.js",
        "skipped-steps.js",
        "initialise.js",
        "stream.js",
        "check-plan.js",
        "module/hot-module.js",
      ];
      expect(modules.filter((file) => training.includes(file))).toEqual([]);
    },
  );

  test("to train holds the runtime and nothing else of the package", async () => {
    const { used } = await bundle(["wgsl", "wasm"]);
    expect(used.filter((file) => !file.startsWith(inRuntime))).toEqual(["wgsl-wasm.ts"]);
    expect(used).toContain(`${inRuntime}session.js`);
  });

  test("leaves a module out that is imported and not used", async () => {
    await write("unused.ts", 'import { signs } from "./signs.ts";\nconsole.log(1);\n');
    const { outputFiles } = await build({
      ...{ entryPoints: [join(app, "unused.ts")], bundle: true, minify: true, format: "esm", write: false },
    });
    expect(outputFiles[0].text).toBe("console.log(1);\n");
  });
});

test("a module for another version of the runtime is refused when it is imported", async () => {
  await mkdir(join(app, "old"), { recursive: true });
  const text = await readFile(join(app, "signs.js"), "utf8");
  await write("old/signs.js", text.replace(/runtimeVersion = \d+/, "runtimeVersion = 0"));
  await expect(import(pathToFileURL(join(app, "old/signs.js")).href)).rejects.toMatchObject({
    code: "C0411",
    help: expect.stringContaining("make signs"),
  });
});
