import { describe, expect, test } from "vitest";
import type { Task } from "../../../cli/data/task.ts";
import type { EvaluationPoint, TrainPoint } from "../../../cli/report/curve-log.ts";
import { batchesOf } from "../../../cli/training/batches.ts";
import type { Learner, TaskBatches } from "../../../cli/training/learner.ts";
import { type Ending, type TrainingOptions, train } from "../../../cli/training/train.ts";
import { type Batch, RuntimeError, type SessionState, type TrainOptions } from "../../../runtime/index.ts";
import type { SavedTensor } from "../../../runtime/state.ts";
import { testStreams } from "../../data/draws.ts";

/** Example n is the number n: what a learner was shown can be read off its batches. */
const numbers: Task = {
  name: "numbers",
  summary: "the number of each example",
  inputs: { x: { kind: "value", shape: [], time: false } },
  dims: {},
  steps: 1,
  splits: { train: 23, validation: 0, test: 7 },
  batch: (_, indices) => ({ inputs: { x: Float32Array.from(indices) }, steps: 1, examples: indices.length }),
};

/** The numbers of each batch. */
async function shown(batches: TaskBatches): Promise<number[][]> {
  const found: number[][] = [];
  for await (const batch of batches) found.push(Array.from(batch.inputs.x));
  return found;
}

class Recorder implements Learner {
  step: number;
  readonly trained: number[][] = [];
  readonly rates: number[] = [];
  readonly estimated: number[][][] = [];
  readonly evaluated: number[][][] = [];
  estimable = true;
  readonly loss: (step: number) => number;
  readonly evaluationLoss: (step: number) => number;

  constructor(step = 0, loss: (step: number) => number = () => 1, evaluationLoss = loss) {
    this.step = step;
    this.loss = loss;
    this.evaluationLoss = evaluationLoss;
  }

  async train(given: Batch | readonly Batch[], { lr }: TrainOptions) {
    const batches: readonly Batch[] = Array.isArray(given) ? given : [given];
    const loss = this.loss(this.step + 1);
    // As a session does, which then is as before.
    if (!Number.isFinite(loss)) throw new RuntimeError("C0502", `the loss of step ${this.step + 1} is ${loss}`);
    this.step += 1;
    this.trained.push(batches.flatMap(({ inputs }) => Array.from(inputs.x as Float32Array)));
    this.rates.push(lr);
    return { step: this.step, loss, metrics: {}, gradientNorm: 1 };
  }

  async weights() {
    return new Map<string, Float32Array>();
  }

  async gradients() {
    return new Map<string, SavedTensor>();
  }

  async state() {
    return executableState;
  }

  async restore() {}

  async estimate(batches: TaskBatches) {
    this.estimated.push(await shown(batches));
    if (!this.estimable) throw new RuntimeError("C0502", "a population statistic is not finite");
  }

  async evaluate(batches: TaskBatches) {
    this.evaluated.push(await shown(batches));
    return { loss: this.evaluationLoss(this.step), metrics: { accuracy: this.step / 100 } };
  }
}

/** What nobody looks into. */
const executableState: SessionState = {
  name: "numbers",
  fingerprint: "",
  dims: {},
  optimizer: "sgd",
  counters: { seed: 1, step: 0, run: 0, seen: [] },
  tensors: new Map(),
};

const options: TrainingOptions = {
  steps: 10,
  batch: 4,
  learningRate: 0.1,
  decay: "none",
  clip: 1,
  momentum: 0.1,
  statistics: "exact",
  estimateExamples: 10,
  evaluateOn: "test",
  evaluateEvery: 5,
};

async function run(
  learner: Recorder,
  changes: Partial<TrainingOptions> = {},
  interruptAt = Number.POSITIVE_INFINITY,
): Promise<{ ending: Ending; steps: TrainPoint[]; evaluations: EvaluationPoint[] }> {
  const steps: TrainPoint[] = [];
  const evaluations: EvaluationPoint[] = [];
  const interrupt = new AbortController();
  const { ending } = await train(learner, numbers, { ...options, ...changes }, testStreams, interrupt.signal, {
    onStep(point) {
      steps.push(point);
      if (point.step === interruptAt) interrupt.abort();
    },
    async onEvaluation(point) {
      evaluations.push(point);
    },
  });
  return { ending, steps, evaluations };
}

describe("training", () => {
  test("shows each example at most once an epoch, in another order each epoch", async () => {
    const learner = new Recorder();
    const { ending, steps } = await run(learner);
    expect(ending).toEqual({ kind: "finished" });
    const epochs = [learner.trained.slice(0, 5).flat(), learner.trained.slice(5).flat()];
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(20);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(steps.map((point) => point.epoch)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
  });

  test("resumed at any step shows what the unbroken run would have shown", async () => {
    const whole = new Recorder();
    await run(whole);
    for (const step of [0, 3, 5, 9, 10]) {
      const resumed = new Recorder(step);
      await run(resumed);
      expect(resumed.trained).toEqual(whole.trained.slice(step));
      expect(resumed.rates).toEqual(whole.rates.slice(step));
    }
  });

  test("resumed makes up for an evaluation that was given up, and only for that", async () => {
    const given = new Recorder(5);
    expect((await run(given, { history: [], steps: 6 })).evaluations.map(({ step }) => step)).toEqual([5, 6]);
    const made = new Recorder(5);
    expect(
      (await run(made, { history: [{ step: 5, loss: 1, metrics: {} }], steps: 6 })).evaluations.map(({ step }) => step),
    ).toEqual([6]);
  });

  test("interrupted in an evaluation gives it up", async () => {
    const interrupt = new AbortController();
    const learner = new Recorder();
    learner.estimate = async (batches) => {
      for await (const _ of batches) interrupt.abort(new Error("stop"));
    };
    const unused = () => {
      throw new Error("no evaluation was finished");
    };
    const { ending } = await train(learner, numbers, options, testStreams, interrupt.signal, {
      onStep() {},
      onEvaluation: unused,
    });
    expect(ending).toEqual({ kind: "interrupted" });
    expect(learner.step).toBe(5);
  });

  test("with batches to a step shows in each what as many steps would have shown", async () => {
    const [one, two] = [new Recorder(), new Recorder()];
    await run(one, { steps: 10 });
    const { steps } = await run(two, { steps: 5, accumulate: 2 });
    expect(two.trained).toEqual([0, 1, 2, 3, 4].map((i) => [...one.trained[2 * i], ...one.trained[2 * i + 1]]));
    // Of the third step, the first batch is the last of an epoch.
    expect(steps.map(({ epoch }) => epoch)).toEqual([1, 1, 2, 2, 2]);
  });

  test("evaluates on all held-out examples after each epoch and at the end, after a pass of whole batches", async () => {
    const learner = new Recorder();
    const { evaluations } = await run(learner, { steps: 7 });
    expect(evaluations.map((point) => point.step)).toEqual([5, 7]);
    expect(evaluations[1].metrics).toEqual({ accuracy: 0.07 });
    expect(learner.evaluated).toEqual(
      Array(2).fill([
        [0, 1, 2, 3],
        [4, 5, 6],
      ]),
    );
    expect(learner.estimated).toEqual(
      Array(2).fill([
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ]),
    );
  });

  test("with moving averages makes no pass", async () => {
    const learner = new Recorder();
    await run(learner, { statistics: "ema" });
    expect(learner.estimated).toEqual([]);
    expect(learner.evaluated).toHaveLength(2);
  });

  test("lets the learning rate fall as asked", async () => {
    const rates = async (decay: TrainingOptions["decay"]) => {
      const learner = new Recorder();
      await run(learner, { decay, steps: 4 });
      return learner.rates.map((rate) => Number(rate.toFixed(6)));
    };
    expect(await rates("none")).toEqual([0.1, 0.1, 0.1, 0.1]);
    expect(await rates("linear")).toEqual([0.1, 0.075, 0.05, 0.025]);
    expect(await rates("cosine")).toEqual([0.1, 0.085355, 0.05, 0.014645]);
  });

  test("stops at a loss that is no number, without an evaluation or a point after it", async () => {
    const learner = new Recorder(0, (step) => (step >= 7 ? Number.NaN : 1));
    const { ending, steps, evaluations } = await run(learner);
    expect(ending).toEqual({ kind: "diverged", step: 6, during: "training", refused: "the loss of step 7 is NaN" });
    expect(steps).toHaveLength(6);
    expect(evaluations.map((point) => point.step)).toEqual([5]);
  });

  test("stops at an evaluation that is no number, before it is reported", async () => {
    const learner = new Recorder(
      0,
      () => 1,
      () => Number.POSITIVE_INFINITY,
    );
    const { ending, evaluations } = await run(learner);
    expect(ending).toEqual({ kind: "diverged", step: 5, during: "evaluation" });
    expect(evaluations).toEqual([]);
  });

  test("stops at statistics that are no numbers, without an evaluation", async () => {
    const learner = new Recorder();
    learner.estimable = false;
    expect((await run(learner)).ending).toEqual({ kind: "diverged", step: 5, during: "evaluation" });
    expect(learner.evaluated).toEqual([]);
  });

  test("interrupted finishes the step it is in and starts nothing more", async () => {
    for (const step of [3, 5]) {
      const learner = new Recorder();
      const { ending, steps } = await run(learner, {}, step);
      expect(ending).toEqual({ kind: "interrupted" });
      expect(steps).toHaveLength(step);
      expect(learner.evaluated).toEqual([]);
    }
  });
});

test("batches in order cover a split, the last one smaller", async () => {
  expect(await shown(batchesOf(numbers, "test", 3))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  expect(await shown(batchesOf(numbers, "test", 3, 4))).toEqual([[0, 1, 2], [3]]);
});
