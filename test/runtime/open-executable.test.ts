import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targets } from "../../cli/targets.ts";
import { type Backend, encodeCheckpoint, openSession as openAt, Session, wasmBackend } from "../../runtime/index.ts";
import { openExecutable, openSession } from "../../runtime/node/index.ts";
import { findAdapter } from "../../runtime/webgpu/adapter.ts";
import { executableOf, soundBatch } from "./compiled.ts";
import { compiledFor, type Server, serve, trainedState, writeModel } from "./model-folder.ts";

let root: string;
let server: Server;
/** What inference gives in the session that was trained. */
let expected: Float32Array;

/** A folder of `root`. */
const at = (name: string): string => join(root, name);

const batch = async () => {
  const [{ executable }] = await compiledFor(["wasm"]);
  return { ...soundBatch(executable.plan, 5, 9), steps: 5, examples: 3 };
};

const logitsOf = async (session: Session): Promise<Float32Array> => (await session.infer(await batch())).outputs.logits;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-open-"));
  const state = await trainedState();
  await writeModel(at("wasm"), ["wasm"], state);
  await writeModel(at("wgsl"), ["wgsl"], state);
  await writeModel(at("bare"), ["wasm"]);
  await writeModel(at("both"), ["wgsl+subgroups", "wgsl", "wasm"], state);
  await writeFile(at("trained.safetensors"), encodeCheckpoint(state));
  server = await serve(root);
  const [{ executable }] = await compiledFor(["wasm"]);
  const backend = wasmBackend({ threads: 1 });
  const session = await Session.open(executable, backend, { seed: 1 });
  await session.restore(state);
  expected = await logitsOf(session);
  backend.close();
});

afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

describe("a compiled model is opened in one call", () => {
  test.each<[where: string, open: () => Promise<Session>]>([
    ["by the path of its folder", () => openSession(at("wasm"))],
    ["by the path, with a slash at its end", () => openSession(`${at("wasm")}/`)],
    ["by a URL of the disk", () => openSession(pathToFileURL(at("wasm")))],
    ["by a URL of the disk as a text", () => openSession(`${pathToFileURL(at("wasm"))}`)],
    ["by its address, in Node", () => openSession(`${server.address}wasm`)],
    ["by its address, as in a page", () => openAt(`${server.address}wasm`)],
    ["by its address with a slash and a query", () => openAt(new URL(`${server.address}wasm/?v=2`))],
  ])("%s", async (_, open) => {
    const session = await open();
    expect(await logitsOf(session)).toEqual(expected);
    expect(session.backend.name).toBe("wasm");
    session.close();
  });

  test("with plain SIMD as with relaxed, each from its own module", async () => {
    const { executable, backend } = await openExecutable(at("wasm"), { wasm: { simd: "plain", threads: 1 } });
    if (executable.code.kind !== "wasm") throw new Error("it is no module");
    expect(Buffer.from(executable.code.binary)).toEqual(await readFile(join(at("wasm"), "kernels.wasm")));
    backend.close();
    const relaxed = { ...wasmBackend({ threads: 1 }), simd: "relaxed" } as Backend;
    const { executable: other } = await openExecutable(at("wasm"), { backend: relaxed });
    if (other.code.kind !== "wasm") throw new Error("it is no module");
    expect(Buffer.from(other.code.relaxed!)).toEqual(await readFile(join(at("wasm"), "kernels.relaxed.wasm")));
    // Code that was left out is refused, not run as if it were the other.
    await expect(wasmBackend({ threads: 1, simd: "plain" }).open(other)).rejects.toMatchObject({ code: "C0411" });
  });

  test("with a checkpoint of training, whose optimiser does not matter to inference", async () => {
    for (const weights of [at("trained.safetensors"), pathToFileURL(at("trained.safetensors"))]) {
      const session = await openSession(at("bare"), { weights });
      expect(await logitsOf(session)).toEqual(expected);
      session.close();
    }
    const session = await openAt(`${server.address}bare`, { weights: `${server.address}trained.safetensors` });
    expect(await logitsOf(session)).toEqual(expected);
    session.close();
  });

  test("without weights, by a seed, as if it had been compiled here", async () => {
    const session = await openSession(at("bare"), { seed: 5 });
    const [{ executable }] = await compiledFor(["wasm"]);
    const backend = wasmBackend({ threads: 1 });
    const own = await Session.open(executable, backend, { seed: 5 });
    expect(await session.read("table")).toEqual(await own.read("table"));
    session.close();
    backend.close();
  });

  test("it streams, and a stream gives what a sequence gives", async () => {
    const session = await openSession(at("wasm"));
    const { inputs } = await batch();
    const stream = await session.stream();
    let last = new Float32Array();
    for (let t = 0; t < 5; t++) last = (await stream.next({ w: inputs.w.subarray(3 * t, 3 * t + 3) })).logits as never;
    expect(Math.max(...last.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-5);
    session.close();
  });

  test("without the weights that a folder has, if it is told to", async () => {
    const { weights, backend } = await openExecutable(at("wasm"), { weights: false });
    expect(weights).toBeUndefined();
    backend.close();
  });
});

describe("the backend", () => {
  test("is the one that is asked for, of the targets in the folder", async () => {
    for (const name of ["wgsl", "wasm"] as const) {
      const session = await openSession(at("both"), { backend: name });
      expect([session.backend.name, session.backend.reason]).toEqual([name, ""]);
      const found = await logitsOf(session);
      const off = Math.max(...found.map((value, i) => Math.abs(value - expected[i])));
      expect(off).toBeLessThan(targets[name].tolerance.forward);
      session.close();
    }
  });

  test("is by default WebGPU on a GPU, and else WebAssembly, and says why", async () => {
    const { info } = (await findAdapter()).adapter;
    const session = await openSession(at("both"));
    expect([session.backend.name, session.backend.reason]).toEqual(
      info.isFallbackAdapter
        ? [
            "wasm",
            `WebGPU: the only adapter is a program on the processor (${info.architecture}); WebGL2: it was not compiled for it`,
          ]
        : ["wgsl", ""],
    );
    session.close();
  });

  test("is a program on the processor only where nothing else can run the model", async () => {
    const session = await openSession(at("wgsl"));
    expect([session.backend.name, session.backend.reason]).toEqual(["wgsl", ""]);
    session.close();
  });

  test("is not better than what the model was compiled for, and says so", async () => {
    const session = await openSession(at("wasm"));
    expect(session.backend.reason).toBe("WebGPU: it was not compiled for it; WebGL2: it was not compiled for it");
    session.close();
  });

  test("gets the kernels that its device has the features for", async () => {
    const { backend } = await openExecutable(at("both"), { backend: "wgsl" });
    const opened = async (features: Backend["features"]) =>
      (await openExecutable(at("both"), { backend: { ...backend, features } })).executable.plan.features;
    expect(await opened([])).toBeUndefined();
    expect(await opened(["subgroups"])).toEqual(["subgroups"]);
    backend.close();
  });

  test("is closed with the session that opened it, and after the last call, and a given one is not", async () => {
    const session = await openSession(at("wasm"));
    const { backend } = session;
    const [{ executable }] = await compiledFor(["wasm"], { batch: 1, entries: ["infer", "step"] });
    await session.attach(executable);
    const running = session.infer(await batch());
    session.close();
    expect((await running).outputs.logits).toEqual(expected);
    await expect.poll(() => backend.open(executable).catch(({ code }) => code)).toBe("C0508");

    const given = wasmBackend({ threads: 1 });
    (await openSession(at("wasm"), { backend: given })).close();
    const other = await openSession(at("wasm"), { backend: given });
    expect(await logitsOf(other)).toHaveLength(9);
    given.close();
  });
});

/** A copy of the folder `both` with some files changed. */
async function changed(changes: Readonly<Record<string, string | Uint8Array | null>>): Promise<string> {
  const copy = await mkdtemp(join(root, "changed-"));
  await cp(at("both"), copy, { recursive: true });
  for (const [name, content] of Object.entries(changes)) {
    if (content === null) await rm(join(copy, name));
    else await writeFile(join(copy, name), content);
  }
  return copy;
}

const textOf = (name: string): Promise<string> => readFile(join(at("both"), name), "utf8");

/** `code: message`. */
const refusal = async (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => "it was opened",
    (error) => `${error.code}: ${error.message}`,
  );

describe("is refused with a code", () => {
  const wgsl = { backend: "wgsl" } as const;
  const wasm = { backend: "wasm" } as const;

  test("a folder that is missing, or without a manifest", async () => {
    expect(await refusal(openSession(at("nowhere")))).toMatch(
      /^C0401: cannot read .*executable.json: there is no such/,
    );
    expect(await refusal(openSession(root))).toMatch(/^C0401: .*there is no such file/);
    expect(await refusal(openSession(join(at("wasm"), "plan.json")))).toMatch(/^C0401: .*ENOTDIR/);
    expect(await refusal(openSession(`${server.address}nowhere`))).toBe(
      `C0401: cannot read ${server.address}nowhere/executable.json: the server answers 404 Not Found`,
    );
  });

  test.each(["executable.json", "wasm/plan.json", "wasm/kernels.relaxed.wasm", "model.safetensors"])(
    "a folder that lacks %s",
    async (name) => {
      const relaxed = { ...wasmBackend({ threads: 1 }), simd: "relaxed" } as Backend;
      const opening = openSession(await changed({ [name]: null }), { backend: relaxed });
      expect(await refusal(opening)).toMatch(/^C0401: .*there is no such file$/);
      relaxed.close();
    },
  );

  test("a manifest that is damaged, names no target, another format or a file outside of the folder", async () => {
    const manifest = await textOf("executable.json");
    const said = async (text: string) => refusal(openSession(await changed({ "executable.json": text })));
    expect(await said(manifest.slice(0, -20))).toMatch(/^C0411: .*executable.json is not JSON/);
    expect(await said("[]")).toMatch(/^C0411: .*executable.json is damaged: is a list of 0, not an object/);
    expect(await said(manifest.replace('"format": 1', '"format": 2'))).toMatch(/^C0411: .*damaged: format is 2, not 1/);
    expect(await said(JSON.stringify({ format: 1, name: "words", targets: [] }))).toMatch(/targets has 0 items/);
    for (const path of [
      "../wasm/plan.json",
      "/etc/passwd",
      "wasm/../../plan.json",
      "https://else.where/plan.json",
      ".p",
    ])
      expect(await said(manifest.replace("wasm/plan.json", path))).toMatch(
        /^C0411: .*targets\[2\]\.plan is ".*, not a path within the folder/,
      );
    expect(await said(manifest.replace('"kind": "wasm"', '"kind": "spirv"'))).toMatch(/kind is "spirv", not "wasm" or/);
  });

  test("a plan that is damaged, edited or of another target", async () => {
    const plan = await textOf("wasm/plan.json");
    const said = async (text: string) => refusal(openSession(await changed({ "wasm/plan.json": text }), wasm));
    expect(await said("{")).toMatch(/^C0411: .*plan.json is not JSON/);
    expect(await said(`${plan}\xff`)).toMatch(/^C0411/);
    expect(await said(plan.replace('"format": 4', '"format": 3'))).toMatch(/^C0411: the plan is damaged: format is 3/);
    expect(await said(plan.replace(/"work": \{\s+"fixed": \d+/, '"work": { "fixed": 77776'))).toMatch(
      /^C0411: the plan does not fit its code: its module is of another plan, or one of the two was edited/,
    );
    expect(await said(await textOf("wgsl/plan.json"))).toMatch(/^C0406: words was compiled for wgsl/);
  });

  test("code that is damaged, incomplete or of another plan", async () => {
    const kernels = JSON.parse(await textOf("wgsl/kernels.json")) as Record<string, string>;
    const [first, ...others] = Object.keys(kernels);
    const said = async (content: unknown) =>
      refusal(
        openSession(await changed({ "wgsl/kernels.json": JSON.stringify(content) }), { ...wgsl, ...{ backend } }),
      );
    // Without subgroups, so that the second of the folder's targets is opened.
    const opened = (await openExecutable(at("wgsl"), wgsl)).backend;
    const backend = { ...opened, features: [] };
    expect(await said(Object.fromEntries(others.map((name) => [name, kernels[name]])))).toBe(
      `C0411: the code of words lacks the kernel \`${first}\``,
    );
    expect(await said([])).toMatch(/^C0411: .*kernels.json is no table of kernels/);
    expect(await said({ ...kernels, [first]: 7 })).toMatch(/^C0411: .*kernel `.*` is not text/);
    expect(await said({ ...kernels, [first]: kernels[first].replace("1", "2") })).toMatch(
      /^C0411: .*another plan, or one/,
    );
    expect(await said({ ...kernels, [first]: kernels[others[0]] })).toMatch(/^C0411: the plan does not fit its code/);
    opened.close();
    const module = await readFile(join(at("both"), "wasm/kernels.wasm"));
    const cut = await changed({ "wasm/kernels.wasm": module.subarray(0, -9) });
    expect(await refusal(openSession(cut, { ...wasm, wasm: { simd: "plain" } }))).toMatch(/^C0411: .*is not sealed/);
  });

  test("weights that are damaged, another program's or another model's", async () => {
    const said = async (bytes: string | Uint8Array) =>
      refusal(openSession(await changed({ "model.safetensors": bytes }), wasm));
    const weights = await readFile(join(at("both"), "model.safetensors"));
    expect(await said(weights.subarray(0, -4))).toMatch(/^C0404: .*model.safetensors: the checkpoint is damaged/);
    expect(await said("")).toMatch(/^C0404: .*it is empty/);
    const other = executableOf(
      "cell leak(D = 2) {\n  input x : [D]\n  state h : [D] = 0\n  param a : [D] = 0.5\n  h' = a * h + x\n  output h'\n}",
    );
    const backend = wasmBackend({ threads: 1 });
    const session = await Session.open(other, backend, { seed: 1 });
    expect(await said(encodeCheckpoint(await session.state()))).toMatch(
      /^C0403: the checkpoint of leak does not fit words/,
    );
    backend.close();
  });

  test("files larger than any of their kind, before they are read", async () => {
    const copy = await changed({});
    const huge = 65 * 2 ** 20;
    await truncate(join(copy, "wasm/plan.json"), huge);
    expect(await refusal(openSession(copy, wasm))).toMatch(/^C0411: .*plan.json has more than 64 MiB/);
    const endless = await serve(copy, (request, response) => {
      if (!request.url?.endsWith("plan.json")) return false;
      // Without a length.
      const part = Buffer.alloc(2 ** 20);
      const more = (): void => void (response.destroyed || response.write(part, more));
      more();
      return true;
    });
    expect(await refusal(openAt(endless.address, wasm))).toMatch(/^C0411: .*plan.json has more than 64 MiB/);
    await endless.close();
    const told = await serve(copy, (request, response) => {
      if (!request.url?.endsWith("plan.json")) return false;
      response.writeHead(200, { "content-length": huge }).flushHeaders();
      return true;
    });
    expect(await refusal(openAt(told.address, wasm))).toMatch(/^C0411: .*plan.json has more than 64 MiB/);
    await told.close();
  });

  test("what is not a file: a folder, or a pipe, which nobody waits for", async () => {
    const copy = await changed({ "wasm/plan.json": null });
    await promisify(execFile)("mkfifo", [join(copy, "wasm/plan.json")]);
    expect(await refusal(openSession(copy, wasm))).toMatch(/^C0401: .*plan.json: it is not a file/);
    expect(await refusal(openSession(at("bare"), { weights: root }))).toMatch(/^C0401: .*(?:not a file|EISDIR)/);
  });

  test("a server that answers with a page, breaks off, or is not there", async () => {
    const page = await serve(root, (_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("\n<!DOCTYPE html><title>Start</title>");
      return true;
    });
    expect(await refusal(openAt(`${page.address}both`))).toMatch(/^C0401: .*executable.json: a web page came instead/);
    await page.close();
    const broken = await serve(root, (request, response) => {
      if (!request.url?.endsWith("plan.json")) return false;
      response.writeHead(200, { "content-length": 1000 });
      response.write("{", () => response.destroy());
      return true;
    });
    expect(await refusal(openAt(`${broken.address}both`, wasm))).toMatch(/^C0401: cannot read http:.*plan.json: /);
    await broken.close();
    expect(await refusal(openAt(`${broken.address}both`, wasm))).toMatch(
      /^C0401: cannot read http:.*executable.json: /,
    );
  });

  test("arguments and options that are not what they should be", async () => {
    expect(await refusal(openSession(undefined as never))).toMatch(/^C0406: a compiled model is opened by the path or/);
    expect(await refusal(openSession(""))).toMatch(/^C0406/);
    expect(await refusal(openAt("models/words"))).toBe("C0406: models/words is no address");
    expect(await refusal(openSession(at("wasm"), { backend: "cuda" } as never))).toBe(
      'C0406: `backend` is auto, wgsl, glsl, wasm, or an open backend, not "cuda"',
    );
    expect(await refusal(openSession(at("wasm"), { beckend: "wasm" } as never))).toMatch(/^C0406: .*have no `beckend`/);
    expect(await refusal(openExecutable(at("wasm"), { seed: 1 } as never))).toMatch(/^C0406: .*have no `seed`/);
    expect(await refusal(openSession(at("wasm"), { wasm: { threads: 0 } }))).toMatch(/^C0406: `threads` is a whole/);
    expect(await refusal(openSession(at("bare")))).toMatch(/^C0406: .*bare has no weights for words/);
    expect(await refusal(openSession(at("bare"), wgsl))).toMatch(
      /^C0406: words in .* was compiled for wasm, not for wgsl/,
    );
    const given = wasmBackend({ threads: 1 });
    expect(await refusal(openSession(at("wgsl"), { backend: given }))).toMatch(
      /^C0406: .*it was not compiled for wasm/,
    );
    expect(given.open).toBeTypeOf("function");
    given.close();
  });
});

test("an abort stops the loading, and stays an abort", async () => {
  const stop = new AbortController();
  const slow = await serve(root, (request, response) => {
    if (!request.url?.endsWith("plan.json")) return false;
    response.writeHead(200).write("{", () => stop.abort());
    return true;
  });
  const opening = openAt(`${slow.address}both`, { backend: "wasm", request: { signal: stop.signal } });
  await expect(opening).rejects.toMatchObject({ name: "AbortError" });
  await slow.close();
});
