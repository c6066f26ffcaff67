import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "watr";
import { type Backend, type Executable, Session, wasmBackend, webgpuBackend } from "../../runtime/index.ts";
import { whole } from "../../runtime/layout.ts";
import type { Command, Feature } from "../../runtime/plan.ts";
import { sealed } from "../../runtime/seal.ts";
import { batchOf, leaky, leakyPlan } from "./leaky.ts";

const run = promisify(execFile);

const kernelsOf = (command: Command): readonly string[] =>
  command.do === "dispatch" ? [command.kernel] : command.commands.flatMap(kernelsOf);

/** The small model with other code. */
function withCode(code: Executable["code"]): Executable {
  const { plan } = leaky(code.kind);
  return { plan, code: sealed(plan, code) };
}

/** The small model with frames so large that three of them need `bytes`. */
function huge(target: "wasm" | "wgsl", bytes: number): Executable {
  const frame = Math.ceil(bytes / 4 / 3 / 16) * 16;
  const infer = leakyPlan.entries.infer!;
  const regions = { ...infer.regions, work: { fixed: 16, frame } };
  return leaky(target, { ...leakyPlan, entries: { ...leakyPlan.entries, infer: { ...infer, regions } } });
}

describe("the wasm backend", () => {
  const backend = wasmBackend();

  test("a module that does not load is an error that says so", async () => {
    const broken = withCode({ kind: "wasm", text: "", binary: Uint8Array.of(0, 1, 2) });
    await expect(backend.open(broken)).rejects.toMatchObject({ code: "C0506" });
  });

  test("a missing kernel is an error that names it", async () => {
    const empty = withCode({ kind: "wasm", text: "(module)", binary: compile("(module)") });
    await expect(backend.open(empty)).rejects.toMatchObject({
      code: "C0506",
      message: expect.stringContaining("`start`"),
    });
  });

  test("a kernel that traps is an error that names it", async () => {
    const { code } = leaky("wasm");
    if (code.kind !== "wasm") throw new Error("not a module");
    const text = code.text
      .replace('(export "finish")', '(export "finish_")')
      .replace("(module", '(module (func (export "finish") (param i32 i32 i32 i32 i32 i32 i32) unreachable)');
    // Imports come first in a module.
    const [, memory] = /(\(import [^\n]*\))\n/.exec(text) ?? [];
    const ordered = text.replace(memory, "").replace("(module", `(module ${memory}`);
    const session = await Session.open(withCode({ kind: "wasm", text: ordered, binary: compile(ordered) }), backend, {
      seed: 1,
    });
    await expect(session.run("train", batchOf(2))).rejects.toMatchObject({
      code: "C0506",
      message: expect.stringContaining("kernel `finish` of entry `train`"),
    });
  });

  test("globals of regions that no kernel touches may be absent", async () => {
    const { code } = leaky("wasm");
    if (code.kind !== "wasm") throw new Error("not a module");
    const text = code.text.replace('(export "region_slot") ', "");
    const machine = await backend.open(withCode({ kind: "wasm", text, binary: compile(text) }));
    await machine.write(whole("slot", 0, 2), Float32Array.of(1, 2));
    expect(await machine.read([whole("slot", 1, 1)])).toEqual([Float32Array.of(2)]);
  });

  test("more memory than 32-bit addresses reach is an error that says so", async () => {
    const machine = await backend.open(huge("wasm", 3 * 2 ** 30));
    await expect(machine.prepare(100)).rejects.toMatchObject({ code: "C0505" });
    // The earlier contents are still there.
    await machine.write(whole("param", 0, 1), Float32Array.of(7));
    expect(await machine.read([whole("param", 0, 1)])).toEqual([Float32Array.of(7)]);
  });

  test("refuses code of another target", async () => {
    await expect(Session.open(leaky("wgsl"), backend, { seed: 1 })).rejects.toThrow("compiled for wgsl");
  });
});

describe("the WebGPU backend", () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await webgpuBackend();
  });
  afterAll(() => backend?.close());

  const modulesOf = (): Record<string, string> => {
    const { code } = leaky("wgsl");
    if (code.kind !== "wgsl") throw new Error("no shaders");
    return { ...code.modules };
  };

  test("a shader that does not compile is an error with the kernel, the line and the message", async () => {
    const modules = modulesOf();
    modules.finish = `${modules.finish}\nfn wrong() -> f32 { return nowhere; }`;
    const line = modules.finish.split("\n").length;
    await expect(backend.open(withCode({ kind: "wgsl", modules }))).rejects.toMatchObject({
      code: "C0506",
      message: expect.stringMatching(new RegExp(`\`finish\`.*line ${line}: .*nowhere.*fn wrong`)),
    });
  });

  test("a shader that asks for what no GPU has is an error that names the kernel", async () => {
    const modules = modulesOf();
    modules.norm = modules.norm.replace("@workgroup_size(1)", "@workgroup_size(65536)");
    await expect(backend.open(withCode({ kind: "wgsl", modules }))).rejects.toMatchObject({
      code: "C0506",
      message: expect.stringContaining("`norm`"),
    });
  });

  test("a missing shader is an error that names the kernel", async () => {
    const { norm: _, ...modules } = modulesOf();
    await expect(backend.open(withCode({ kind: "wgsl", modules }))).rejects.toMatchObject({
      code: "C0506",
      message: expect.stringContaining("`norm`"),
    });
  });

  test("a region larger than the GPU binds is an error that says so, and the session lives on", async () => {
    const machine = await backend.open(huge("wgsl", 2 ** 20));
    await machine.write(whole("param", 0, 1), Float32Array.of(7));
    await expect(machine.prepare(1_000_000)).rejects.toMatchObject({ code: "C0505" });
    expect(await machine.read([whole("param", 0, 1)])).toEqual([Float32Array.of(7)]);
    machine.close();
  });

  test("a feature the GPU lacks is an error that names it", async () => {
    const wanting = { ...leakyPlan, features: ["teleportation" as Feature] };
    await expect(backend.open(leaky("wgsl", wanting))).rejects.toMatchObject({
      code: "C0507",
      message: expect.stringContaining("`teleportation`"),
    });
  });

  test("a run is timed by the GPU's own clock, command by command", async () => {
    const machine = await backend.open(leaky("wgsl"));
    await machine.prepare(3);
    const timings = await machine.time!("train", 3);
    expect(timings.map(({ kernels }) => kernels)).toEqual(leakyPlan.entries.train!.commands.map(kernelsOf));
    for (const { nanoseconds } of timings) expect(nanoseconds).toBeGreaterThanOrEqual(0);
    machine.close();
  });

  test("executables with the same kernels share the compiled ones", async () => {
    const own = await webgpuBackend();
    const { createComputePipelineAsync } = GPUDevice.prototype;
    let asked = 0;
    GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
      asked++;
      return createComputePipelineAsync.call(this, descriptor);
    };
    (await own.open(leaky("wgsl"))).close();
    const once = asked;
    (await own.open(leaky("wgsl"))).close();
    GPUDevice.prototype.createComputePipelineAsync = createComputePipelineAsync;
    expect(once).toBeGreaterThan(0);
    expect(asked).toBe(once);
    own.close();
  });

  test("a command the GPU refuses rejects what waits for it", async () => {
    const own = await webgpuBackend();
    const machine = await own.open(leaky("wgsl"));
    await machine.write(whole("param", 2 ** 20, 1), Float32Array.of(1));
    await expect(machine.read([whole("param", 0, 1)])).rejects.toMatchObject({ code: "C0506" });
    await expect(machine.run("infer", 0)).rejects.toMatchObject({ code: "C0506" });
    own.close();
  });

  test("a device that is gone rejects everything", async () => {
    const own = await webgpuBackend();
    const session = await Session.open(leaky("wgsl"), own, { seed: 1 });
    own.close();
    await expect(session.read("cell/a")).rejects.toMatchObject({ code: "C0508" });
    await expect(session.train(batchOf(3), { lr: 1 })).rejects.toMatchObject({ code: "C0508" });
  });
});

describe("in a process of its own", () => {
  const script = (lines: string) => ["--import", "tsx", "--input-type=module", "--eval", lines];
  const imports = 'import { webgpuBackend } from "./runtime/webgpu/webgpu.ts";';

  test("Node exits when the backend is closed", async () => {
    const text = `${imports} const backend = await webgpuBackend(); console.log("open"); backend.close();`;
    const { stdout } = await run(process.execPath, script(text), { timeout: 30_000 });
    expect(stdout).toBe("open\n");
  });

  test("without any driver the error says what to install", async () => {
    const text = `${imports} await webgpuBackend().catch(({ code, help }) => console.log(code, help));`;
    const env = { ...process.env, VK_DRIVER_FILES: "/nonexistent.json" };
    const { stdout } = await run(process.execPath, script(text), { timeout: 30_000, env });
    expect(stdout).toMatch(/^C0503 install a GPU driver/);
  });

  test("without the package `webgpu` the error says how to install it", async () => {
    const hook = `export function resolve(name, context, next) {
      if (name === "webgpu") throw Object.assign(new Error("Cannot find package 'webgpu'"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    }`;
    const text = `import { register } from "node:module";
      register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hook)}));
      const { webgpuBackend } = await import("./runtime/webgpu/webgpu.ts");
      await webgpuBackend().catch(({ code, help }) => console.log(code, help));`;
    const { stdout } = await run(process.execPath, script(text), { timeout: 30_000 });
    expect(stdout).toBe("C0504 npm install webgpu\n");
  });
});
