import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Backend,
  type Batch,
  decodeCheckpoint,
  encodeCheckpoint,
  Session,
  wasmBackend,
  webgpuBackend,
} from "../../runtime/index.ts";
import type { Plan } from "../../runtime/plan.ts";
import { batchOf, batchSize, leaky, leakyOfOne, leakyPlan, noiseOf, reference, statisticRows } from "./leaky.ts";

/** f32 against f64 over a few dozen operations. */
const digits = 5;
const seed = 11;

const targets = [
  { target: "wasm", openBackend: async () => wasmBackend() },
  { target: "wgsl", openBackend: webgpuBackend },
] as const;

describe.each(targets)("a session on $target", ({ target, openBackend }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend();
  });
  afterAll(() => backend?.close());

  const open = (plan = leakyPlan) => Session.open(leaky(target, plan), backend, { seed });
  const scalarOf = async (session: Session, name: string) => (await session.read(name))[0];

  test("runs an entry as the equations say: states, loss, metrics and gradients", async () => {
    const session = await open();
    const batch = batchOf(7);
    await session.run("train", batch);
    const [a, w] = [await scalarOf(session, "cell/a"), await scalarOf(session, "cell/w")];
    const noise = noiseOf(seed, 0, 7);
    expect(await session.read("n")).toEqual(noise);
    const truth = reference(a, w, batch, noise);
    expectClose(await session.read("h"), truth.h);
    expect(await scalarOf(session, "loss")).toBeCloseTo(truth.loss, digits);
    expect(await scalarOf(session, "cell/a'")).toBeCloseTo(truth.gradient.a, digits);
    expect(await scalarOf(session, "cell/w'")).toBeCloseTo(truth.gradient.w, digits);
    expectClose(await session.read("cell/m"), truth.means.slice(0, statisticRows));
    session.close();
  });

  test("reads inputs back as they were given, and keeps parameters when sequences grow and shrink", async () => {
    const session = await open();
    await session.write("cell/a", Float32Array.of(0.75));
    await session.write("slot/m/cell/w", Float32Array.of(-3));
    await session.write("cell/m", Float32Array.of(1, 2, 3, 4));
    for (const length of [3, 1, 40, 5, 200]) {
      const batch = batchOf(length);
      const { outputs } = await session.infer(batch);
      expect(await session.read("x")).toEqual(batch.inputs.x);
      expect(await session.read("y")).toEqual(batch.inputs.y);
      const { h } = reference(0.75, await scalarOf(session, "cell/w"), batch, []);
      expectClose(outputs.h, h);
      expectClose(
        outputs.out,
        h.map((value, i) => value - Math.min(statisticRows, Math.floor(i / batchSize) + 1)),
      );
    }
    expect(await session.read("slot/m/cell/w")).toEqual(Float32Array.of(-3));
    expect(await session.read("cell/m")).toEqual(Float32Array.of(1, 2, 3, 4));
    session.close();
  });

  test("write and read of a framed tensor is the identity", async () => {
    const session = await open();
    await session.run("train", batchOf(9));
    const data = Float32Array.from({ length: 9 * batchSize }, (_, index) => index);
    await session.write("h", data);
    expect(await session.read("h")).toEqual(data);
    await expect(session.write("h", data.subarray(1))).rejects.toMatchObject({ code: "C0406" });
    session.close();
  });

  test("an update clips the gradient by its norm and reports the norm before", async () => {
    const session = await open();
    await session.run("train", batchOf(6));
    const gradient = [await scalarOf(session, "cell/a'"), await scalarOf(session, "cell/w'")];
    const before = [await scalarOf(session, "cell/a"), await scalarOf(session, "cell/w")];
    const { gradientNorm, step } = await session.train(batchOf(6), { lr: 0.5, clip: 1e-2 });
    const norm = Math.hypot(...gradient);
    expect(step).toBe(1);
    expect(gradientNorm).toBeCloseTo(norm, digits);
    for (const [index, name] of ["cell/a", "cell/w"].entries()) {
      expect(await scalarOf(session, name)).toBeCloseTo(before[index] - (0.5 * 1e-2 * gradient[index]) / norm, digits);
    }
    session.close();
  });

  test("training finds the relation the data has", async () => {
    const session = await open();
    const losses: number[] = [];
    for (let i = 0; i <= 120; i++) {
      const report = i % 10 === 0;
      const result = await session.train(batchOf(12, i), { lr: 0.03, clip: 5, report });
      expect(result === undefined).toBe(!report);
      if (result !== undefined) losses.push(result.loss);
    }
    expect(losses.at(-1)).toBeLessThan(0.01 * losses[0]);
    expect(Math.abs((await scalarOf(session, "cell/a")) - 0.5)).toBeLessThan(0.02);
    expect(Math.abs((await scalarOf(session, "cell/w")) - 2)).toBeLessThan(0.05);
    session.close();
  });

  test("a checkpoint continues where it was taken, bit for bit", async () => {
    const straight = await open();
    const train = async (session: Session, from: number, to: number) => {
      for (let i = from; i < to; i++) await session.train(batchOf(3 + (i % 4), i), { lr: 0.02 });
    };
    await train(straight, 0, 6);
    straight.notes = { unit: "°C" };
    const bytes = encodeCheckpoint(await straight.state());
    await train(straight, 6, 12);
    const resumed = await Session.open(leaky(target), backend, { seed: seed + 1 });
    await resumed.restore(decodeCheckpoint(bytes));
    await train(resumed, 6, 12);
    expect(await resumed.state()).toEqual(await straight.state());
    expect(resumed.notes).toEqual(straight.notes);
    expect(resumed.step).toBe(12);
    straight.close();
    resumed.close();
  });

  test("the first batch initialises the statistics, later ones are averaged in until momentum is the larger", async () => {
    const session = await open();
    const means: number[][] = [];
    for (let i = 0; i < 4; i++) {
      const [a, w] = [await scalarOf(session, "cell/a"), await scalarOf(session, "cell/w")];
      means.push(reference(a, w, batchOf(5, i), noiseOf(seed, i, 5)).means.slice(0, statisticRows));
      await session.train(batchOf(5, i), { lr: 0.01, momentum: 0.4 });
      // Weights 1, 1/2, 0.4, 0.4.
      const weights = [1, 0.5, 0.4, 0.4].slice(0, i + 1);
      const expected = weights.reduce(
        (row, weight, n) => row.map((m, r) => (1 - weight) * m + weight * means[n][r]),
        [0, 0, 0, 0],
      );
      expectClose(await session.read("cell/m"), expected);
    }
    session.close();
  });

  test("estimated statistics are the average of the batches', each row over the batches that reach it", async () => {
    const session = await open();
    await session.train(batchOf(2), { lr: 0.01 });
    const [a, w] = [await scalarOf(session, "cell/a"), await scalarOf(session, "cell/w")];
    const lengths = [2, 4, 1, 3, 6];
    const sums = [0, 0, 0, 0];
    const counts = [0, 0, 0, 0];
    const seen = [0, 0, 0, 0, 0, 0];
    for (const [i, length] of lengths.entries()) {
      const { means } = reference(a, w, batchOf(length, i), noiseOf(seed, i, length, "estimate"));
      for (let t = 0; t < length; t++) seen[t]++;
      for (const [row, value] of means.slice(0, statisticRows).entries()) {
        sums[row] += value;
        counts[row]++;
      }
    }
    expect(await session.estimate(lengths.map((length, i) => batchOf(length, i)))).toBe(lengths.length);
    expectClose(
      await session.read("cell/m"),
      sums.map((sum, row) => sum / counts[row]),
    );
    expect((await session.state()).counters.seen).toEqual(seen);
    session.close();
  });

  test("a state records whether its statistics were estimated after the last training run, even if estimating again fails", async () => {
    const session = await open();
    const counters = async () => (await session.state()).counters;
    await session.train(batchOf(2), { lr: 0.01 });
    expect(await counters()).toMatchObject({ run: 1 });
    expect((await counters()).estimated).toBeUndefined();
    await session.estimate([batchOf(2)]);
    await session.train(batchOf(2), { lr: 0.01 });
    expect(await counters()).toMatchObject({ run: 2, estimated: 1 });
    await session.estimate([batchOf(2)]);
    expect(await counters()).toMatchObject({ run: 2, estimated: 2 });
    const before = await session.state();
    await expect(session.estimate([])).rejects.toMatchObject({ code: "C0406" });
    expect(await session.state()).toEqual(before);
    session.close();
  });

  test("steps beyond the longest sequence seen use the statistics of its last step", async () => {
    const session = await open();
    await session.estimate([batchOf(2, 0), batchOf(2, 1)]);
    const [, second] = await session.read("cell/m");
    const { outputs } = await session.infer(batchOf(4));
    expectClose(
      outputs.out.slice(4),
      [...outputs.h.slice(4)].map((value) => value - second),
    );
    session.close();
  });

  test("statistics written by hand count as collected, and keep what was collected before", async () => {
    const session = await open();
    await session.write("cell/m", Float32Array.of(1, 2, 3, 4));
    expect((await session.state()).counters.seen).toEqual([1, 1, 1, 1]);
    await session.estimate([batchOf(6, 0), batchOf(6, 1)]);
    await session.write("cell/m", Float32Array.of(1, 2, 3, 4));
    expect((await session.state()).counters.seen).toEqual([2, 2, 2, 2, 2, 2]);
    session.close();
  });

  test("inference before any statistics is refused", async () => {
    const session = await open();
    await expect(session.infer(batchOf(3))).rejects.toMatchObject({ code: "C0501" });
    await expect(session.evaluate([batchOf(3)])).rejects.toMatchObject({ code: "C0501" });
    session.close();
  });

  /** A batch whose inputs are finite, but not their squares. */
  const poisoned = (index: number) => {
    const batch = batchOf(5, index);
    batch.inputs.x.fill(3e38);
    return batch;
  };
  const stateOf = (session: Session) => session.state();

  test("a loss that is not finite changes nothing, and is named together with the gradients that are not", async () => {
    const session = await open();
    await session.train(batchOf(5), { lr: 0.01 });
    const before = await stateOf(session);
    await expect(session.train(poisoned(1), { lr: 0.01 })).rejects.toMatchObject({
      code: "C0502",
      message: expect.stringMatching(
        /the loss of step 2 is Infinity, and the gradient of `cell\/a`, `cell\/w` is not finite/,
      ),
    });
    expect(await stateOf(session)).toEqual(before);
    const { loss, step } = await session.train(batchOf(5, 2), { lr: 0.01 });
    expect([step, Number.isFinite(loss)]).toEqual([2, true]);
    session.close();
  });

  test.each([
    ["the report of a later step", (session: Session) => session.train(batchOf(5, 3), { lr: 0.01 })],
    ["an inference", (session: Session) => session.infer(batchOf(5))],
    ["a look at the state", (session: Session) => session.state()],
  ])("a step without report that is not finite is told by %s, and all is as before it", async (_, ask) => {
    const session = await open();
    for (const i of [0, 1]) await session.train(batchOf(5, i), { lr: 0.01, report: false });
    const before = await stateOf(session);
    for (const batch of [poisoned(1), batchOf(5, 2)]) await session.train(batch, { lr: 0.01, report: false });
    await expect(ask(session)).rejects.toMatchObject({
      code: "C0502",
      message: expect.stringMatching(/of step 3, which was not reported, .* skipped, too/),
    });
    expect(await stateOf(session)).toEqual(before);
    await session.train(batchOf(5, 2), { lr: 0.01 });
    expect(session.step).toBe(3);
    session.close();
  });

  test("a session that never waits still learns of such a step, and remembers a bounded number of steps", async () => {
    const session = await open();
    let done = 0;
    const trained = async (): Promise<void> => {
      await session.train(poisoned(0), { lr: 0.01, report: false });
      for (; done < 1000; done++) await session.train(batchOf(2, done), { lr: 0.01, report: false });
    };
    await expect(trained()).rejects.toMatchObject({ code: "C0502" });
    expect(done).toBeLessThan(200);
    expect(session.step).toBe(0);
    session.close();
  });

  test("a step that is not finite takes statistics back to what others than training made of them", async () => {
    const session = await open();
    await session.estimate([batchOf(6, 0)]);
    await session.write("cell/m", Float32Array.of(1, 2, 3, 4));
    await expect(session.train(poisoned(0), { lr: 0.01 })).rejects.toMatchObject({ code: "C0502" });
    expect(await session.read("cell/m")).toEqual(Float32Array.of(1, 2, 3, 4));
    session.close();
  });

  test("an estimation that is not finite leaves the statistics that there were", async () => {
    const session = await open();
    await session.estimate([batchOf(6, 0)]);
    const before = await stateOf(session);
    await expect(session.estimate([poisoned(0)])).rejects.toMatchObject({ code: "C0502" });
    expect(await stateOf(session)).toEqual(before);
    session.close();
  });

  test("evaluation weighs batches by their examples and takes a smaller last one to an attached executable", async () => {
    const session = await open();
    await session.train(batchOf(5), { lr: 0.01 });
    const small: Batch = { ...batchOf(5, 3), examples: 1 };
    await expect(session.evaluate([small])).rejects.toMatchObject({ code: "C0406" });
    await session.attach(leaky(target, leakyOfOne));
    const batches = [batchOf(5, 1), batchOf(5, 2), small];
    const losses: number[] = [];
    const errors: number[] = [];
    for (const batch of batches) {
      const { loss, metrics } = await session.infer(batch);
      losses.push(loss!);
      errors.push(metrics.first_error);
    }
    expect(losses[2]).toBeCloseTo((await session.infer(batchOf(5, 3))).loss!, 12);
    const result = await session.evaluate(batches);
    expect(result.examples).toBe(5);
    expect(result.loss).toBeCloseTo((2 * losses[0] + 2 * losses[1] + losses[2]) / 5, 12);
    expect(result.metrics.first_error).toBeCloseTo((2 * errors[0] + 2 * errors[1] + errors[2]) / 5, 12);
    await session.train(batchOf(5, 4), { lr: 0.1 });
    expect((await session.infer(small)).loss).toBeCloseTo((await session.infer(batchOf(5, 3))).loss!, 12);
    session.close();
  });

  test("an input left out on purpose leaves out the loss", async () => {
    const session = await open();
    await session.estimate([batchOf(3)]);
    const { inputs } = batchOf(3);
    const result = await session.infer({ ...batchOf(3), inputs: { x: inputs.x, y: null } });
    expect(result.loss).toBeUndefined();
    expect(result.metrics).toEqual({});
    expect(result.outputs.h).toEqual((await session.infer(batchOf(3))).outputs.h);
    session.close();
  });

  test("calls that overlap do not mix", async () => {
    const session = await open();
    await session.estimate([batchOf(4)]);
    const batches = [2, 9, 5].map((length, index) => batchOf(length, index));
    const together = await Promise.all(batches.map((batch) => session.infer(batch)));
    for (const [index, batch] of batches.entries()) expect(await session.infer(batch)).toEqual(together[index]);
    session.close();
  });

  test.each([
    ["a missing input", { inputs: { x: new Float32Array(6) } }, /lacks input `y`/],
    ["an unknown input", { inputs: { ...batchOf(3).inputs, z: new Float32Array(6) } }, /no input `z`/],
    ["a wrong size", { inputs: { ...batchOf(3).inputs, y: new Float32Array(5) } }, /`y` is \[3, 2\]: 6 numbers, and 5/],
    ["no steps", { steps: 0 }, /at least 1/],
    ["a wrong number of examples", { examples: 3 }, /batches of 2 examples, and this one has 3/],
  ])("%s is an error that says so", async (_, change, message) => {
    const session = await open();
    const training = session.train({ ...batchOf(3), ...change }, { lr: 0.1 });
    await expect(training).rejects.toMatchObject({ code: "C0406", message: expect.stringMatching(message) });
    session.close();
  });

  test("a name that is not there, or not in memory, is an error that says so", async () => {
    const session = await open();
    await expect(session.read("cell/q")).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringMatching(/no tensor/),
    });
    await session.train(batchOf(3), { lr: 0.1 });
    await expect(session.read("h")).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringMatching(/not in memory/),
    });
    session.close();
  });

  test("a checkpoint of another model is refused with all that differs", async () => {
    const session = await open();
    const state = await session.state();
    const tensors = new Map(state.tensors);
    tensors.delete("cell/w");
    tensors.set("cell/a", { shape: [2], data: new Float32Array(2) });
    tensors.set("cell/u", { shape: [], data: new Float32Array(1) });
    const other = { ...state, fingerprint: "leaky-2", tensors };
    await expect(session.restore(other)).rejects.toMatchObject({
      code: "C0403",
      message: expect.stringMatching(
        /its `cell\/a` is \[2\], this one's \[\]; it lacks `cell\/w`; it has `cell\/u` besides/,
      ),
    });
    await expect(session.restore({ ...state, fingerprint: "leaky-2" })).rejects.toMatchObject({ code: "C0403" });
    const stranger: Plan["fingerprint"] = "leaky-3";
    await expect(session.attach(leaky(target, { ...leakyPlan, fingerprint: stranger }))).rejects.toMatchObject({
      code: "C0403",
    });
    session.close();
  });

  test("a checkpoint of other equations is refused with their names, and accepted if that is allowed", async () => {
    const session = await open();
    const state = await session.state();
    const changed = {
      ...leakyPlan,
      fingerprint: "leaky-2",
      equations: { "state s": "b", "norm hh": "c layer(eps = 1)" },
    };
    const was = { ...state, fingerprint: "leaky-1", equations: { "state s": "a" } };
    const other = await Session.open(leaky(target, changed), backend, { seed: 2 });
    const before = await other.read("cell/a");
    const words = "the equation of state `s` differs; `hh` has no norm in it, layer(eps = 1) here";
    await expect(other.restore(was)).rejects.toMatchObject({
      code: "C0403",
      message: expect.stringContaining(words),
      help: expect.stringContaining("allowOtherEquations"),
    });
    expect(await other.read("cell/a")).toEqual(before);
    expect(await other.restore(was, { allowOtherEquations: true })).toEqual(words.split("; "));
    expect(await other.read("cell/a")).toEqual(state.tensors.get("cell/a")?.data);
    expect(await other.state()).toMatchObject({ fingerprint: "leaky-2", equations: changed.equations });
    const named = { ...was, tensors: new Map([...was.tensors].slice(1)) };
    await expect(other.restore(named, { allowOtherEquations: true })).rejects.toMatchObject({ code: "C0403" });
    other.close();
    session.close();
  });

  test("a checkpoint without equations is accepted only if that is allowed", async () => {
    const session = await open();
    const { measures: _, equations: __, ...first } = await session.state();
    await expect(session.restore(first)).rejects.toMatchObject({
      code: "C0403",
      message: expect.stringContaining("earlier version"),
    });
    expect(await session.restore(first, { allowOtherEquations: true })).toHaveLength(1);
    session.close();
  });
});

test("both targets train to the same parameters, statistics and outputs", async () => {
  const results = [];
  for (const { target, openBackend } of targets) {
    const backend = await openBackend();
    const session = await Session.open(leaky(target), backend, { seed });
    for (let i = 0; i < 20; i++) await session.train(batchOf(4 + i, i), { lr: 0.02, clip: 1 });
    const { outputs, loss } = await session.infer(batchOf(30));
    const { tensors } = await session.state();
    results.push([...[...tensors.values()].flatMap(({ data }) => [...data]), ...outputs.out, loss!]);
    session.close();
    backend.close();
  }
  expectClose(results[0], results[1]);
});

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(actual[i], `element ${i}`).toBeCloseTo(expected[i], digits);
}
