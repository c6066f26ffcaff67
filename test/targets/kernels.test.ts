import { setFlagsFromString } from "node:v8";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emitWasm } from "../../targets/wasm/wasm.ts";
import * as b from "./build.ts";
import { openDevice } from "./gpu.ts";
import { runWasm, runWgsl } from "./run.ts";
import { type Sample, samples } from "./samples.ts";

let device: GPUDevice;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device?.destroy());

function expectResult(sample: Sample, work: Float32Array): void {
  const wanted = sample.expected(sample.memory, sample.times ?? { t: 0, T: 1 });
  const scale = Math.max(...wanted.map(Math.abs));
  expect(work.length).toBe(wanted.length);
  wanted.forEach((y, at) => {
    expect(Math.abs(work[at] - y), `work[${at}] = ${work[at]}, not ${y}`).toBeLessThanOrEqual(sample.tolerance * scale);
  });
}

describe.each(samples.map((sample) => [sample.claim, sample] as const))("%s", (_claim, sample) => {
  it("runs in WebAssembly as in JavaScript", async () => {
    expectResult(sample, (await runWasm(sample.kernel, sample.memory, sample.times)).work);
  });

  it("runs on WebGPU as in JavaScript", async () => {
    expectResult(sample, (await runWgsl(device, sample.kernel, sample.memory, sample.times)).work);
  });
});

describe("constants", () => {
  const values = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 3.4028234663852886e38, 1e-38, -0.1, 16777217, 0];
  const memory = { input: Float32Array.of(7), work: new Float32Array(values.length) };
  /** The larger of 7 and each constant, but the smaller for plus infinity. */
  const constants = b.kernel({
    name: "constants",
    body: [
      b.lanes(
        "i",
        0,
        1,
        values.map((value, at) =>
          b.store(
            "work",
            at,
            b.math(value === Number.POSITIVE_INFINITY ? "min" : "max", b.load("input", 0), b.f(value)),
          ),
        ),
      ),
    ],
  });
  const expected = Float32Array.of(7, 7, 3.4028234663852886e38, 7, 7, 16777216, 7);

  it("start a maximum and a minimum at infinity in WebAssembly", async () => {
    expect((await runWasm(constants, memory)).work).toEqual(expected);
  });
  it("start a maximum and a minimum at the largest numbers on WebGPU, which has no infinity", async () => {
    expect((await runWgsl(device, constants, memory)).work).toEqual(expected);
  });
});

describe("a WebAssembly module", () => {
  const kernels = samples.map((sample) => sample.kernel);

  it("holds many kernels, and says how much scratch the largest needs", async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const { instance } = await WebAssembly.instantiate(emitWasm(kernels).plain.binary as BufferSource, {
      env: { memory },
    });
    for (const { name } of kernels) expect(instance.exports[name]).toBeInstanceOf(Function);
    expect((instance.exports.tile_bytes as WebAssembly.Global).value).toBe(272);
  });

  it("uses relaxed SIMD when asked to, and computes the same", async () => {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
    const sample = samples.find(({ kernel }) => kernel.name === "matmul") as Sample;
    expect(emitWasm([sample.kernel]).relaxed.text).toContain("f32x4.relaxed_madd");
    expectResult(sample, (await runWasm(sample.kernel, sample.memory, sample.times, "relaxed")).work);
  });

  it("leaves no product and no address sum in the inner loop of a matrix product", () => {
    const sample = samples.find(({ kernel }) => kernel.name === "matmul") as Sample;
    const { text } = emitWasm([sample.kernel]).plain;
    const inner = text.slice(text.indexOf("(loop $each_k"), text.indexOf("br_if $each_k"));
    expect(inner.match(/f32x4\.mul/g)).toHaveLength(8);
    expect(inner).not.toMatch(/i32\.mul/);
    // One step for each of the two pointers, besides the counter's.
    expect(inner.match(/i32\.add/g)).toHaveLength(2);
  });

  it("keeps no local that is never read", () => {
    for (const kernel of kernels) {
      const { text } = emitWasm([kernel]).plain;
      for (const [, name] of text.matchAll(/\(local (\$\w+) /g))
        expect(text, `${kernel.name} ${name}`).toMatch(new RegExp(`local\\.(get|tee) \\${name}[ )]`));
    }
  });

  it("refuses two kernels of one name", () => {
    expect(() => emitWasm([kernels[0], kernels[0]])).toThrow(/the name `saxpy` is taken/);
  });
});
