/** Optimisers, learning rates and orders of examples of the printed script beside our own. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededStreams } from "../../../cli/data/streams.ts";
import { optimizerSpellings } from "../../../cli/export/training/optimizers.ts";
import { scheduleSpellings } from "../../../cli/export/training/schedules.ts";
import { type TrainScript, trainScript } from "../../../cli/export/training/script.ts";
import { drawnInOrder, drawnWhole, epochOrder } from "../../../cli/training/order.ts";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import {
  type OptimizerChoice,
  type OptimizerRow,
  optimizerNames,
  optimizers,
  readOptimizer,
  slotsOf,
} from "../../../compiler/optimizers.ts";
import { Progress } from "../../../runtime/fit/progress.ts";
import { learningRate, type ScheduleChoice, scheduleNames } from "../../../runtime/fit/schedules.ts";
import { readFixture } from "../../fixtures/pytorch/fixture.ts";
import { runPython } from "../../targets/pytorch/python.ts";

const { clip, start, grads, runs } = readFixture("optimisers");

const MODULE = `
import torch
from torch import nn


class Stub(nn.Module):
    def __init__(self):
        super().__init__()
        self.W, self.b = nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(4))


def convert_sync(module, process_group=None, sync="step"):
    return module
`;

const script = (of: Partial<TrainScript>): string =>
  trainScript({
    ...{ module: "stub", className: "Stub", heads: [], unused: false, optimizer: readOptimizer("sgd"), lr: 0.1 },
    names: new Map(Object.keys(start).map((name) => [name, name])),
    ...{ trained: Object.keys(start), decayed: new Set<string>(), schedule: "none", warmup: 0, momentum: 0.1 },
    ...{ batch: 2, accumulate: 1, epochs: 1, seed: 1, time: 3, measures: new Map(), inputs: new Map() },
    ...of,
  });

const rates: readonly { readonly schedule: ScheduleChoice; readonly warmup: number }[] = [
  ...(["none", "linear", "cosine", "step"] as const).map((schedule) => ({ schedule, warmup: 0 })),
  { schedule: "one-cycle", warmup: 0 },
  { schedule: { name: "one-cycle", rise: 0, floor: 0.1 }, warmup: 0 },
  { schedule: { name: "one-cycle", rise: 1, start: 0.2 }, warmup: 0 },
  { schedule: { name: "linear", floor: 0.2 }, warmup: 3 },
  { schedule: { name: "cosine", floor: 0.1 }, warmup: 5 },
  { schedule: { name: "step", factor: 0.5, every: 4 }, warmup: 2 },
];
const STEPS = 17;

const lengths = Array.from({ length: 61 }, (_, i) => 1 + ((i * 37) % 23));
const orders = [
  { count: 61, batch: 8, seed: 1, epoch: 0, lengths: null },
  { count: 61, batch: 61, seed: 2 ** 40 + 3, epoch: 7, lengths: null },
  { count: 61, batch: 4, seed: 5, epoch: 2, lengths },
  { count: 61, batch: 4, seed: 5, epoch: 3, lengths: lengths.map(() => 9) },
  { count: 2, batch: 1, seed: 9, epoch: 1, lengths: null },
];

let folder = "";
let found: {
  readonly steps: readonly {
    readonly steps: readonly Readonly<Record<string, readonly number[]>>[];
    readonly slots: Readonly<Record<string, readonly number[]>>;
  }[];
  readonly rates: readonly (readonly number[])[];
  readonly order: readonly Readonly<Record<"epoch" | "inOrder" | "estimated", readonly number[]>>[];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-script-"));
  await writeFile(join(folder, "stub.py"), MODULE);
  for (const [i, { choice }] of runs.entries()) {
    const optimizer = readOptimizer(choice as OptimizerChoice);
    // By default, what has two axes or more.
    const of = "decayed" in optimizer ? optimizer.decayed : [];
    const decayed = new Set(of === "all" ? Object.keys(start) : of === "weights" ? ["W"] : of);
    await writeFile(join(folder, `optimizer${i}.py`), script({ optimizer, decayed }));
  }
  for (const [i, rate] of rates.entries()) await writeFile(join(folder, `rate${i}.py`), script(rate));
  const cases = {
    steps: runs.map(({ lr }, i) => ({ script: `optimizer${i}`, start, grads, clip, lr })),
    rates: rates.map((_, i) => ({ script: `rate${i}`, steps: STEPS, lr: 0.3 })),
    order: orders.map((order) => ({ ...order, script: "rate0" })),
  };
  await writeFile(join(folder, "cases.json"), JSON.stringify(cases));
  runPython([fileURLToPath(new URL("spelled.py", import.meta.url)), folder]);
  found = JSON.parse(await readFile(join(folder, "result.json"), "utf8"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("an optimiser of the script", () => {
  test.each(runs.map(({ choice }, i) => [JSON.stringify(choice), i] as const))(
    "takes our steps, clipped as ours: %s",
    (_, i) => {
      runs[i].params.forEach((params, k) => {
        for (const [name, { data }] of Object.entries(params))
          expect(relativeError(found.steps[i].steps[k][name], data), `step ${k + 1}, ${name}`).toBeLessThan(1e-6);
      });
    },
  );

  test.each(optimizerNames)("has the slots of %s, under the names of checkpoints", (name) => {
    const { slots } = optimizers[name] as OptimizerRow;
    expect(Object.keys(optimizerSpellings[name].slots)).toEqual(slots.map((slot) => slot.name));
    for (const [at, { choice }] of runs.entries()) {
      if (choice.name !== name) continue;
      const own = slotsOf(readOptimizer(choice as OptimizerChoice));
      const wanted = own.flatMap((slot) => Object.keys(start).map((parameter) => `slot/${slot}/${parameter}`));
      expect(Object.keys(found.steps[at].slots)).toEqual(wanted);
    }
  });
});

describe("the script's learning rate", () => {
  test("is known for every schedule but what depends on evaluations", () => {
    expect(scheduleNames.filter((name) => scheduleSpellings[name] === undefined)).toEqual(["plateau"]);
    const names = rates.map(({ schedule }) => (typeof schedule === "string" ? schedule : schedule.name));
    expect(new Set([...names, "plateau"])).toEqual(new Set(scheduleNames));
  });

  test.each(rates.map((rate, i) => [JSON.stringify(rate), i] as const))("is ours: %s", (_, i) => {
    const rate = learningRate({ ...rates[i], lr: 0.3, steps: STEPS });
    const ours = Array.from({ length: STEPS }, (_, step) => rate(new Progress(step)));
    expect(relativeError(found.rates[i], ours)).toBeLessThan(1e-12);
  });
});

test("examples come in our order", () => {
  orders.forEach(({ count, batch, seed, epoch, lengths }, i) => {
    const task = {
      splits: { train: count, validation: 0, test: 0 },
      ...(lengths && { lengths: () => Uint32Array.from(lengths) }),
    };
    expect(found.order[i].epoch).toEqual([...epochOrder(task, batch, seededStreams(seed), epoch)]);
    expect(found.order[i].inOrder).toEqual([...drawnInOrder(task, "train", count).at(0).indices]);
    const whole = drawnWhole(task, "train", batch, count);
    const estimated = Array.from({ length: whole.count }, (_, at) => [...whole.at(at).indices]).flat();
    expect(found.order[i].estimated).toEqual(estimated);
  });
});
