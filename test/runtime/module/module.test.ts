/** Opening generated modules, and what their models take. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Backend } from "../../../runtime/backend.ts";
import { RuntimeError, type RuntimeErrorCode } from "../../../runtime/error.ts";
import { inferenceModule, type ModuleKernels, runtimeVersion } from "../../../runtime/module/module.ts";
import { tensor } from "../../../runtime/module/shaped-tensor.ts";
import type { Signature } from "../../../runtime/module/signature.ts";
import { trainingModule } from "../../../runtime/module/training-module.ts";
import { wasmBackend, wasmModuleBackend } from "../../../runtime/wasm/wasm.ts";
import { wasm } from "../../../targets/wasm/target.ts";

const text = `model m(D = 2, H = 3) {
  param W : [D, H] = orthogonal
  input x : [D] over time
  input y : [H] over time
  target z : [H] over time
  output x @ W + y
  loss mean((x @ W + y - z)^2, over feature)
}
`;
const host = { read: () => text, resolve: (_: string, to: string) => to };
const { plan, code } = compile("m.cell", { batch: 2 }, wasm, host).executable;

const kernelsFor = (target: string, backend: ModuleKernels["backend"]): ModuleKernels => ({
  ...{ target, plan, code: () => code, backend },
});
const here = (): Backend => wasmModuleBackend({ threads: 1 });
const missing = (errorCode: RuntimeErrorCode) => (): never => {
  throw new RuntimeError(errorCode, "it is not there");
};
const parts = { runtimeVersion, command: "make it", targets: ["z"] };
const module = (...kernels: readonly ModuleKernels[]) => trainingModule<Signature, string>({ ...parts, kernels });

describe("opening", () => {
  test("takes the first kernels that the machine has a device for", async () => {
    const model = await module(kernelsFor("gpu", missing("C0503")), kernelsFor("cpu", here)).open({ seed: 1 });
    expect(model.backend.name).toBe("wasm");
    model.close();
  });

  test("does not hide other errors, nor the last of its kind", async () => {
    const damaged = module(kernelsFor("gpu", missing("C0411")), kernelsFor("cpu", here));
    await expect(damaged.open({ seed: 1 })).rejects.toMatchObject({ code: "C0411" });
    await expect(module(kernelsFor("gpu", missing("C0504"))).open({ seed: 1 })).rejects.toMatchObject({
      code: "C0504",
    });
  });

  test("takes the target asked for, or an open backend, which then stays open", async () => {
    const both = module(kernelsFor("gpu", missing("C0503")), kernelsFor("cpu", here));
    (await both.open({ seed: 1, backend: "cpu" })).close();
    await expect(both.open({ seed: 1, backend: "gpu" })).rejects.toMatchObject({ code: "C0503" });
    await expect(both.open({ seed: 1, backend: "tpu" })).rejects.toMatchObject({
      code: "C0406",
      help: expect.stringContaining("gpu, cpu"),
    });
    const backend = wasmBackend({ threads: 1 });
    (await both.open({ seed: 1, backend })).close();
    (await both.open({ seed: 1, backend })).close();
    backend.close();
    await expect(both.open({ seed: 1, backend })).rejects.toMatchObject({ code: "C0508" });
  });

  test("wants a seed to train, and none to infer", async () => {
    await expect(module(kernelsFor("cpu", here)).open({} as never)).rejects.toMatchObject({ code: "C0406" });
    const inference = inferenceModule<Signature, string>({ ...parts, kernels: [kernelsFor("cpu", here)] });
    (await inference.open()).close();
  });

  test("is refused by another version of the runtime at once", () => {
    expect(() => trainingModule({ ...parts, runtimeVersion: 0, kernels: [] })).toThrow(RuntimeError);
    expect(() => inferenceModule({ ...parts, runtimeVersion: 99, kernels: [] })).toThrow("version 99");
  });
});

describe("a batch", () => {
  const x = tensor(new Float32Array(12).fill(1), [3, 2, 2]);
  const y = tensor(new Float32Array(18).fill(1), [3, 2, 3]);
  const z = { data: [...new Float32Array(18)], shape: [3, 2, 3] };

  test("has as many steps as its inputs say, and they agree", async () => {
    const model = await module(kernelsFor("cpu", here)).open({ seed: 1 });
    expect((await model.train({ x, y, z }, { lr: 1e-3 })).step).toBe(1);
    expect(await model.infer({ x, y, z })).toMatchObject({
      loss: expect.any(Number),
      outputs: { output: { shape: [3, 2, 3] } },
    });
    expect(await model.infer({ x, y })).toMatchObject({ loss: undefined });
    expect(
      await model.evaluate([
        { x, y, z },
        { x, y, z },
      ]),
    ).toMatchObject({ examples: 4 });
    const refused: readonly (readonly [batch: object, said: string])[] = [
      [{ x, y: tensor(new Float32Array(24), [4, 2, 3]) }, "has 4 steps"],
      [{ x, y: new Float32Array(18) }, "`y` has no shape"],
      [{ x }, "lacks input `y`"],
      [{}, "no input that varies with time: x, y, z"],
      [{ x, y, w: x }, "has no input `w`"],
      [{ x: tensor(new Float32Array(12), [3, 4, 1]), y }, "[3, 4, 1] was given"],
      [{ x: tensor(new Float32Array(11), [3, 2, 2]), y }, "11 were given"],
    ];
    for (const [batch, said] of refused)
      await expect(model.forward(batch)).rejects.toMatchObject({
        code: "C0406",
        message: expect.stringContaining(said),
      });
    await expect(model.train({ x, y }, { lr: 1 })).rejects.toMatchObject({
      message: expect.stringContaining("lacks input `z`"),
    });
    await expect(model.forward(undefined as never)).rejects.toMatchObject({ code: "C0406" });
    model.close();
  });

  test("weights are read and written by name, with their shapes", async () => {
    const model = await module(kernelsFor("cpu", here)).open({ seed: 1 });
    const W = tensor(new Float32Array(6).fill(2), [2, 3]);
    await model.write({ W });
    expect(await model.parameters()).toEqual({ W });
    for (const wrong of [{ V: W }, { W: tensor(new Float32Array(6), [3, 2]) }, { "slot/m/W": W }])
      await expect(model.write(wrong)).rejects.toMatchObject({ code: "C0406" });
    expect(await model.parameters()).toEqual({ W });
    model.close();
  });
});
