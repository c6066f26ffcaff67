import { describe, expect, test, vi } from "vitest";
import { paced } from "../../runtime/fit/breathe.ts";
import { type FitEvaluation, type FitOptions, type FitStep, fit as train } from "../../runtime/fit/fit.ts";
import { Progress } from "../../runtime/fit/progress.ts";
import { learningRate, type ScheduleChoice, schedules } from "../../runtime/fit/schedules.ts";
import { Watch } from "../../runtime/fit/watch.ts";
import { type Batch, decodeCheckpoint, encodeCheckpoint, Session, wasmBackend } from "../../runtime/index.ts";
import { executableOf, executables, soundBatch, wordsText } from "./compiled.ts";

const words = executables.words;
const open = () => Session.open(words, wasmBackend({ threads: 1 }), { seed: 5 });
const batches = (count: number, from = 0): Batch[] =>
  Array.from({ length: count }, (_, i) => soundBatch(words.plan, 5, from + i));
const training = batches(4);
const held = batches(2, 100);

interface Seen {
  readonly steps: FitStep[];
  readonly evaluations: FitEvaluation[];
}

/** Trains on four batches again and again. */
async function run(session: Session, options: Partial<FitOptions> = {}) {
  const seen: Seen = { steps: [], evaluations: [] };
  const fitted = await train(session, training, {
    lr: 1e-2,
    validation: () => held,
    estimate: () => training,
    ...options,
    onStep(report) {
      seen.steps.push(report);
      return options.onStep?.(report);
    },
    onEvaluation(report) {
      seen.evaluations.push(report);
      return options.onEvaluation?.(report);
    },
  });
  return { ...fitted, ...seen };
}

const bytesOf = (state: Parameters<typeof encodeCheckpoint>[0]) => Buffer.from(encodeCheckpoint(state));

describe("fit", () => {
  test("trains on a list for epochs, evaluates after each, and ends as steps by hand do, bit for bit", async () => {
    const [one, other] = [await open(), await open()];
    const epochs: number[] = [];
    const { ending, steps, evaluations, state } = await run(one, {
      epochs: 2,
      onEpoch: ({ epoch }) => void epochs.push(epoch),
    });
    expect(ending).toEqual({ kind: "finished" });
    expect(steps.map(({ step, epoch }) => [step, epoch])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((s) => [s, s > 4 ? 2 : 1]),
    );
    expect(evaluations.map(({ step, epoch }) => [step, epoch])).toEqual([
      [4, 1],
      [8, 2],
    ]);
    expect(epochs).toEqual([1, 2]);
    for (let i = 0; i < 8; i++) {
      await other.train(training[i % 4], { lr: 1e-2 });
      if (i % 4 === 3) await other.estimate(training);
    }
    expect(bytesOf(await state()).equals(bytesOf(await other.state()))).toBe(true);
  });

  test("stopped at any step, in an average and in a plateau, goes on bit for bit from its state and evaluations", async () => {
    const options: Partial<FitOptions> = {
      steps: 9,
      evaluateEvery: 2,
      average: 0.9,
      schedule: { name: "plateau", patience: 1, factor: 0.5 },
      warmup: 2,
      accumulate: 2,
    };
    const whole = await run(await open(), options);
    const end = bytesOf(await whole.state());
    for (const at of [1, 4, 7]) {
      const broken = await open();
      const controller = new AbortController();
      const first = await run(broken, {
        ...options,
        signal: controller.signal,
        onStep: ({ step }) => void (step === at && controller.abort()),
      });
      expect(first.ending).toEqual({ kind: "interrupted" });
      const saved = decodeCheckpoint(bytesOf(await first.state()));
      expect(saved.counters.step).toBe(at);
      const resumed = await open();
      await resumed.restore(saved);
      const history = first.evaluations.map(({ step, loss, metrics }) => ({ step, loss, metrics }));
      // As a list would begin anew, the rest is given.
      async function* rest(): AsyncGenerator<Batch> {
        for (let i = 2 * at; ; i++) yield training[i % 4];
      }
      const evaluations: number[] = [];
      const second = await train(resumed, rest(), {
        lr: 1e-2,
        validation: () => held,
        estimate: () => training,
        ...options,
        history,
        averaged: saved.average,
        onEvaluation: ({ step }) => void evaluations.push(step),
      });
      expect(second.ending).toEqual({ kind: "finished" });
      expect(bytesOf(await second.state()).equals(end)).toBe(true);
      expect([...history.map(({ step }) => step), ...evaluations]).toEqual([2, 4, 6, 8, 9]);
    }
  });

  test("an estimate or evaluation that is given up changes nothing", async () => {
    for (const part of ["estimate", "validation"] as const) {
      const session = await open();
      const controller = new AbortController();
      function* aborting(): Generator<Batch> {
        yield training[0];
        controller.abort();
        yield training[1];
      }
      let before: Buffer | undefined;
      const { ending, evaluations } = await run(session, {
        steps: 4,
        signal: controller.signal,
        [part]: aborting,
        onStep: async () => {
          before = bytesOf(await session.state());
        },
      });
      expect(ending).toEqual({ kind: "interrupted" });
      expect(evaluations).toEqual([]);
      // The estimate before the evaluation was finished, and stays.
      if (part === "estimate") expect(bytesOf(await session.state()).equals(before!)).toBe(true);
    }
  });

  test("ends by patience, by time and by a callback, with an evaluation", async () => {
    const never = { metric: "loss", minDelta: 1e9 } as const;
    const patient = await run(await open(), { steps: 100, evaluateEvery: 1, patience: 3, best: never });
    expect(patient.ending).toEqual({ kind: "stopped", why: "patience" });
    expect(patient.evaluations.map(({ step, best }) => [step, best])).toEqual([
      [1, true],
      [2, false],
      [3, false],
      [4, false],
    ]);
    expect(patient.best).toMatchObject({ step: 1 });
    const timed = await run(await open(), { maxSeconds: 1e-9 });
    expect([timed.ending, timed.steps.length]).toEqual([{ kind: "stopped", why: "time" }, 0]);
    const asked = await run(await open(), { onStep: ({ step }) => (step === 3 ? "stop" : undefined) });
    expect(asked.ending).toEqual({ kind: "stopped", why: "asked" });
    expect(asked.evaluations.map(({ step }) => step)).toEqual([3]);
  });

  test("averages weights as the formula says, and measures with them and their own statistics", async () => {
    const session = await open();
    const seen: Float32Array[] = [await session.read("U")];
    const { evaluations, state } = await run(session, {
      steps: 3,
      average: 0.999,
      onStep: async () => void seen.push(await session.read("U")),
    });
    let average = seen[0];
    for (const [at, now] of seen.slice(1).entries()) {
      const decay = (2 + at) / (11 + at);
      average = Float32Array.from(average, (old, i) => old + (1 - decay) * (now[i] - old));
    }
    const saved = await state();
    expect(saved.average?.get("U")?.data).toEqual(average);
    expect(saved.tensors.get("U")?.data).toEqual(seen[3]);
    const { measured, loss } = evaluations[0];
    expect(measured.tensors.get("U")?.data).toEqual(average);
    const alone = await Session.open(words, wasmBackend({ threads: 1 }), { state: measured });
    expect((await alone.evaluate(held)).loss).toBe(loss);
    await alone.estimate(training);
    expect((await alone.evaluate(held)).loss).toBe(loss);
    // Training goes on with its own statistics.
    expect(saved.counters.estimated).toBeUndefined();
  });

  test("says that training diverged, of which step, and leaves the session as it was before", async () => {
    const session = await Session.open(
      executableOf(wordsText, { batch: 3, time: 5, optimizer: "sgd" }),
      wasmBackend({ threads: 1 }),
      { seed: 5 },
    );
    const { ending } = await run(session, { steps: 9, lr: 3e38 });
    expect(ending).toMatchObject({ kind: "diverged", during: "training", refused: expect.stringContaining("step") });
    expect(session.step).toBe(ending.kind === "diverged" ? ending.step : -1);
  });

  test.each([
    [{ steps: 1, epochs: 1 }, "both say how long"],
    [{ accumulate: 0 }, "`accumulate` of `fit` is a whole number above 0, not 0"],
    [{ schedule: "linear" }, "depends on how long training is"],
    [{ schedule: { name: "cosine", floor: 2 }, steps: 3 }, "a number from 0 to 1, not 2"],
    [{ schedule: "cosin" as "cosine", steps: 3 }, "there is no schedule"],
    [{ schedule: "one-cycle", warmup: 1, steps: 3 }, "rises by itself"],
    [{ average: 1, steps: 1 }, "below 1"],
    [{ average: 0.9, steps: 1, estimate: undefined }, "moving statistics"],
    [{ best: { metric: "f1" }, steps: 1 }, "nothing says whether less or more"],
    [{ best: { metric: "f1", direction: "max" }, steps: 1 }, "the model has no metric"],
    [{ lr: Number.NaN, steps: 1 }, "a finite number above 0"],
  ] satisfies [Partial<FitOptions>, string][])("refuses %o", async (options, message) => {
    await expect(run(await open(), options)).rejects.toThrow(message);
  });
});

const rates = (schedule: ScheduleChoice, steps: number | undefined, more: { warmup?: number } = {}) => {
  const rate = learningRate({ lr: 1, schedule, steps, ...more });
  return Array.from({ length: steps ?? 6 }, (_, step) => Number(rate(new Progress(step)).toFixed(6)));
};

describe("learning rates", () => {
  test("are those of the tables and of PyTorch", () => {
    expect(rates("none", undefined)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(rates("linear", 4)).toEqual([1, 0.75, 0.5, 0.25]);
    expect(rates({ name: "linear", floor: 0.5 }, 4)).toEqual([1, 0.875, 0.75, 0.625]);
    expect(rates("cosine", 4)).toEqual([1, 0.853553, 0.5, 0.146447]);
    expect(rates({ name: "step", every: 2 }, undefined)).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
    expect(rates("step", 6)).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
    expect(rates("linear", 6, { warmup: 2 })).toEqual([0.5, 1, 1, 0.75, 0.5, 0.25]);
    const cycle = rates("one-cycle", 100);
    expect([cycle[0], cycle[30], Math.max(...cycle)]).toEqual([0.04, 1, 1]);
    expect(cycle[99]).toBeLessThan(1e-3);
  });

  test("fall on a plateau, once for each run of evaluations that were no better", () => {
    const progress = new Progress(0);
    const rate = learningRate({ lr: 1, schedule: { name: "plateau", patience: 2, factor: 0.5, floor: 0.2 } });
    const seen = [5, 4, 4, 6, 3, 3, 3, 3, 3, 9].map((loss, step) => {
      progress.add({ step, loss, metrics: {} });
      return rate(progress);
    });
    expect(seen).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]);
  });

  test("are never above the one asked for, and never below 0, for every schedule", () => {
    for (const name of Object.keys(schedules) as (keyof typeof schedules)[])
      for (const factor of rates(name, 50)) {
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
      }
  });
});

test.each(["Node", "a page"])("in %s, a pass over batches lets timers run", async (where) => {
  // A page has no `setImmediate`.
  if (where === "a page") vi.stubGlobal("setImmediate", undefined);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  function* busy(): Generator<number> {
    for (let i = 0; i < 5; i++) {
      yield i;
      for (const until = performance.now() + 12; performance.now() < until; );
    }
  }
  const seen: number[] = [];
  for await (const item of paced(busy())) seen.push(item);
  clearInterval(timer);
  vi.unstubAllGlobals();
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  expect(ticks).toBeGreaterThan(2);
});

test("signs that training goes wrong are said once, with the step", () => {
  const watch = new Watch();
  const said = Array.from({ length: 200 }, (_, i) =>
    watch.note({ step: i + 1, loss: i < 100 ? 2 : 20, gradientNorm: i === 60 ? 1e5 : i < 150 ? 1 : 1e-9 }),
  ).flat();
  expect(said.map(({ kind, step }) => [kind, step])).toEqual([
    ["gradient exploded", 61],
    ["loss above its start", 105],
    ["gradient vanished", 161],
  ]);
  expect(said[0].message).toContain("clip it");
});

test("falling losses and norms that vary say nothing", () => {
  const watch = new Watch();
  for (let i = 0; i < 200; i++)
    expect(watch.note({ step: i + 1, loss: 2 * 0.97 ** i, gradientNorm: 1 + 10 * Math.abs(Math.sin(i)) })).toEqual([]);
});
