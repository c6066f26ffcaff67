/** Replacing a module while what it opened is in use. */
import { describe, expect, test, vi } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { CompileOptions } from "../../../compiler/options.ts";
import { type Hot, hotModule } from "../../../runtime/module/hot-module.ts";
import type { Model } from "../../../runtime/module/model.ts";
import { inferenceModule, type ModuleParts, runtimeVersion } from "../../../runtime/module/module.ts";
import type { Signature } from "../../../runtime/module/signature.ts";
import { trainingModule } from "../../../runtime/module/training-module.ts";
import { wasmModuleBackend } from "../../../runtime/wasm/wasm.ts";
import { wasm } from "../../../targets/wasm/target.ts";

const text = (body: string): string => `cell c(D = 2, H = 4) {
  param W : [D, H] = orthogonal
  param U : [H, H] = identity
  input x : [D]
  state h : [H] = 0
${body}
  output h'
}
`;
const first = text("  site s = x @ W + h @ U\n  h' = tanh(s)\n  place s : batch");
const sigmoid = text("  site s = x @ W + h @ U\n  h' = sigmoid(s)\n  place s : batch");
const layered = text("  site s = x @ W + h @ U\n  h' = tanh(s)\n  place s : layer");

function parts(source: string, options: CompileOptions = {}): ModuleParts {
  const host = { read: () => source, resolve: (_: string, to: string) => to };
  const { plan, code } = compile("c.cell", { batch: 2, time: 3, ...options }, wasm, host).executable;
  const kernels = [{ target: "wasm", plan, code: () => code, backend: () => wasmModuleBackend({ threads: 1 }) }];
  return { runtimeVersion, command: "", targets: ["d_h"], kernels };
}

const training = (source: string, options?: CompileOptions) =>
  trainingModule<Signature, "wasm">(parts(source, options));
const inference = (source: string) => inferenceModule<Signature, "wasm">(parts(source, { entries: ["infer"] }));

/** A development server that replaces one module. */
class Server {
  #data: Record<string, unknown> = {};
  #leave: ((data: Record<string, unknown>) => void) | undefined;

  /** The handle of the module's next version. */
  next(): Hot {
    const data: Record<string, unknown> = {};
    this.#leave?.(data);
    this.#data = data;
    return {
      data: this.#data,
      dispose: (leave) => {
        this.#leave = leave;
      },
    };
  }
}

const x = { data: Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)), shape: [3, 2, 2] };
const d_h = { data: new Float32Array(24).fill(1), shape: [3, 2, 4] };

/** Replaces the module, and waits until a model runs the new version. */
async function replace(model: Model<Signature>, act: () => unknown): Promise<void> {
  const { plan } = model;
  act();
  await vi.waitFor(() => expect(model.plan).not.toBe(plan), { timeout: 20_000 });
}

describe("a module that is replaced", () => {
  test("continues training with its parameters, slots and statistics where their shapes are the same", async () => {
    const server = new Server();
    const module = hotModule(server.next(), training(first));
    const model = await module.open({ seed: 3 });
    for (let step = 0; step < 3; step++) await model.train({ x, d_h }, { lr: 1e-2 });
    const before = await model.session.state();
    const outputs = await model.forward({ x });

    await replace(model, () => expect(hotModule(server.next(), training(sigmoid))).toBe(module));
    const after = await model.session.state();
    expect(after.tensors).toEqual(before.tensors);
    expect(after.counters).toEqual(before.counters);
    expect(model.step).toBe(3);
    expect(await model.forward({ x })).not.toEqual(outputs);
    expect((await model.train({ x, d_h }, { lr: 1e-2 })).step).toBe(4);
    model.close();
  });

  test("initialises what is new or has another shape, and knows that new statistics were not collected", async () => {
    const server = new Server();
    const module = hotModule(server.next(), training(layered));
    const model = await module.open({ seed: 3 });
    await model.train({ x, d_h }, { lr: 1e-2 });
    const before = await model.session.state();
    await replace(model, () => hotModule(server.next(), training(first)));
    const after = await model.session.state();
    expect(after.tensors.get("W")).toEqual(before.tensors.get("W"));
    expect([...after.tensors.keys()]).toContain("s/m");
    expect(after.counters).toMatchObject({ step: 1, seen: [] });
    await expect(model.forward({ x })).rejects.toMatchObject({ code: "C0501" });
    model.close();
  });

  test("keeps what a model that infers was given, and no more", async () => {
    const server = new Server();
    const module = hotModule(server.next(), inference(first));
    const model = await module.open();
    const W = { data: Float32Array.from({ length: 8 }, (_, i) => i), shape: [2, 4] };
    await model.write({ W } as object);
    await replace(model, () => hotModule(server.next(), inference(sigmoid)));
    expect((await model.parameters()) as object).toMatchObject({ W });
    await expect(model.forward({ x })).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringContaining("`U`"),
    });
    model.close();
  });

  test("opens its newest version from then on, and forgets models that are closed", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const server = new Server();
      const module = hotModule(server.next(), training(first));
      (await module.open({ seed: 1 })).close();
      const other = await module.open({ seed: 1 });
      await replace(other, () => hotModule(server.next(), training(first, { dims: { H: 6 } })));
      other.close();
      const model = await module.open({ seed: 1 });
      expect(model.plan.dims.H).toBe(6);
      expect(said).not.toHaveBeenCalled();
      model.close();
    } finally {
      said.mockRestore();
    }
  });

  test("stays as it is where it cannot go on, and says why", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const server = new Server();
      const module = hotModule<{ open(options: never): ReturnType<ReturnType<typeof training>["open"]> }>(
        server.next(),
        training(first),
      );
      const model = await module.open({ seed: 1 } as never);
      hotModule(server.next(), inference(first) as never);
      await vi.waitFor(() => expect(said.mock.calls.flat().join()).toContain("cannot be trained any more"), {
        timeout: 20_000,
      });
      expect((await model.train({ x, d_h }, { lr: 1e-2 })).step).toBe(1);
      model.close();
    } finally {
      said.mockRestore();
    }
  });

  test("is the module itself where there is no development server", () => {
    const made = training(first);
    expect(hotModule(undefined, made)).toBe(made);
  });
});
