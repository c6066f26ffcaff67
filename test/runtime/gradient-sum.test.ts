/** One update from several batches against one from a batch of all their examples, on WebAssembly and on WebGPU. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backend, type Batch, RuntimeError, Session, wasmBackend, webgpuBackend } from "../../runtime/index.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { uniform } from "../ir/numbers.ts";
import { executableOf, wordsText } from "./compiled.ts";

const targets = [
  { target: wasm, openBackend: async (): Promise<Backend> => wasmBackend() },
  { target: wgsl, openBackend: webgpuBackend as () => Promise<Backend> },
] as const;

/** Without statistics, which are those of each batch. */
const text = (loss: string) => `model filter(D = 2, K = 3) {
  input x : [D] over time
  target y : [D] over time
  target z : index(K)
  param U : [D, K] = xavier
  h = scan leak(D) over x
  output h
  ${loss}
  metric error = (h - y) ^ 2
}
cell leak(D = 2) {
  input x : [D]
  state h : [D] = 0
  param a : [D] = 0.5
  h' = tanh(a * h + x)
  output h'
}`;

const perStep = text("loss mse(h, y)");
const perExample = text("loss cross_entropy(last(h) @ U, z)");
const both = text("loss mse(h, y)\n  loss cross_entropy(last(h) @ U, z)");

const T = 5;
const lengths = [5, 1, 3, 4, 2, 5, 5, 2];

/** Examples `from` to `to` of the same eight. */
function examplesOf(from: number, to: number, ragged: boolean): Batch {
  const number = (t: number, b: number, d: number) => 2 * uniform(1 + 100 * t + 10 * b + d)() - 1;
  const examples = to - from;
  const over = (shift: number) =>
    Float32Array.from({ length: T * examples * 2 }, (_, i) =>
      number(Math.floor(i / (2 * examples)) + shift, from + (Math.floor(i / 2) % examples), i % 2),
    );
  const z = Float32Array.from({ length: examples }, (_, b) => (from + b) % 3);
  return {
    inputs: { x: over(0), y: over(50), z },
    steps: T,
    examples,
    ...(ragged && { lengths: lengths.slice(from, to) }),
  };
}

describe.each(targets)("on $target.name", ({ target, openBackend }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend();
  });
  afterAll(() => backend?.close());

  const open = (source: string, batch: number, ragged: boolean) =>
    Session.open(executableOf(source, { batch, time: T, ragged, optimizer: "sgd" }, target), backend, { seed: 3 });

  test.each([
    { name: "a mean over steps", source: perStep, ragged: false },
    { name: "a mean over the valid steps of unequal sequences", source: perStep, ragged: true },
    { name: "a mean over examples", source: perExample, ragged: true },
    { name: "a sum of both, of equal sequences", source: both, ragged: false },
  ])("four batches of two are a batch of eight: $name", async ({ source, ragged }) => {
    const large = await open(source, 8, ragged);
    const small = await open(source, 2, ragged);
    const options = { lr: 0.5, clip: 0.1 };
    const parts = [0, 2, 4, 6].map((from) => examplesOf(from, from + 2, ragged));
    for (let step = 0; step < 2; step++) {
      const whole = await large.train(examplesOf(0, 8, ragged), options);
      const summed = await small.train(parts, options);
      expect(summed.loss).toBeCloseTo(whole.loss, 5);
      expect(summed.metrics.error).toBeCloseTo(whole.metrics.error, 5);
      expect(summed.gradientNorm).toBeCloseTo(whole.gradientNorm!, 5);
      expect(summed.step).toBe(step + 1);
    }
    for (const [name, data] of await large.weights()) {
      const other = await small.read(name);
      for (const [i, value] of data.entries()) expect(other[i]).toBeCloseTo(value, 5);
    }
    large.close();
    small.close();
  });

  test("a loss of unlike means, over unequal sequences, is refused, and nothing has changed", async () => {
    const session = await open(both, 2, true);
    const before = await session.state();
    const parts = [examplesOf(0, 2, true), examplesOf(2, 4, true)];
    await expect(session.train(parts, { lr: 0.5 })).rejects.toThrow(RuntimeError);
    expect(await session.state()).toEqual(before);
    session.close();
  });

  test("a batch that is not finite skips the whole step, and statistics are as before", async () => {
    const executable = executableOf(wordsText, { batch: 3, time: T }, target);
    const session = await Session.open(executable, backend, { seed: 3 });
    const words = (seed: number): Batch => ({
      inputs: {
        w: Float32Array.from({ length: T * 3 }, (_, i) => (i * seed) % 7),
        y: Float32Array.of(0, 1, 2),
      },
      steps: T,
      examples: 3,
    });
    const report = await session.train([words(1), words(2)], { lr: 1e-2 });
    expect(report.step).toBe(1);
    const { counters } = await session.state();
    // Each batch counts towards the statistics, and draws noise of its own.
    expect([counters.seen[0], counters.run]).toEqual([2, 2]);
    const before = await session.state();
    const huge = new Map([...(await session.weights())].map(([name, data]) => [name, data.map((v) => v * 1e38)]));
    await session.write("U", huge.get("U")!);
    const spoilt = await session.state();
    await expect(session.train([words(1), words(2)], { lr: 1e30 })).rejects.toThrow(/step 2/);
    const after = await session.state();
    expect(after.counters).toEqual(spoilt.counters);
    expect(after.tensors).toEqual(spoilt.tensors);
    expect(after.counters.step).toBe(before.counters.step);
    session.close();
  });

  test("no batch at all is refused", async () => {
    const session = await open(perStep, 2, false);
    await expect(session.train([], { lr: 0.5 })).rejects.toThrow("there is no batch to train on");
    session.close();
  });
});
