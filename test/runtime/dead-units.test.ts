import { expect, test } from "vitest";
import { DeadUnits } from "../../runtime/fit/dead-units.ts";
import { type FitStep, fit as train } from "../../runtime/fit/fit.ts";
import type { TrainingWarning } from "../../runtime/fit/watch.ts";
import { type Batch, Session, wasmBackend } from "../../runtime/index.ts";
import type { SavedTensor } from "../../runtime/state.ts";
import { executableOf, soundBatch, wordsText } from "./compiled.ts";

interface Trial {
  readonly lr: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly accumulate?: number;
  readonly onStep?: (report: FitStep, session: Session) => unknown;
  readonly change?: (batch: Batch & { readonly inputs: Record<string, Float32Array> }, step: number) => void;
}

/** What `fit` warns of dead units in, when it trains on other numbers at each step. */
async function warnings(text: string, { lr, steps = 400, batch = 4, accumulate, change, onStep }: Trial) {
  const executable = executableOf(text, { batch, time: 5, optimizer: "sgd" });
  const session = await Session.open(executable, wasmBackend({ threads: 1 }), { seed: 3 });
  const said: TrainingWarning[] = [];
  function* batches(): Generator<Batch> {
    for (let step = 1; ; step++) {
      const next = soundBatch(executable.plan, 5, step);
      change?.(next, step);
      yield next;
    }
  }
  const { ending } = await train(session, batches(), {
    lr,
    steps,
    accumulate,
    onWarning: (warning) => void said.push(warning),
    onStep: (report) => onStep?.(report, session),
  });
  expect(ending).toEqual({ kind: "finished" });
  return { said: said.filter(({ kind }) => kind === "dead units"), session };
}

/** A cell of six units with an activation, read out into one number. `more` are statements of the cell, `u` what it adds to. */
const model = (
  activation: string,
  { more = "", Wx = "param", b = "blocks(0.5, -0.5)" } = {},
) => `model net(D = 2, H = 6) {
  input x : [D] over time
  target y : [1] over time
  param V : [H, 1] = xavier
  param c : [1] = 0
  h = scan simple(D, H) over x
  z = h @ V + c
  output z
  loss mse(z, y)
}
cell simple(D = 2, H = 6) {
  input x : [D]
  state h : [H] = 0
  ${Wx} Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param b : [H] = ${b}
  ${more}
  h' = ${activation}(x @ Wx + h @ Wh + b${more && " + u"})
  output h'
}`;

/** How many units of the relu cell are 0 at all steps of a hundred batches. */
async function alwaysZero(session: Session): Promise<number> {
  const [Wx, Wh, b] = await Promise.all(["Wx", "Wh", "b"].map((name) => session.read(`simple/${name}`)));
  const alive = new Set<number>();
  for (let index = 1000; index < 1100; index++) {
    const { inputs } = soundBatch(session.plan, 5, index);
    for (let example = 0; example < 4; example++) {
      let h = new Array<number>(6).fill(0);
      for (let step = 0; step < 5; step++) {
        const x = inputs.x.subarray((step * 4 + example) * 2);
        h = h.map((_, j) => {
          const from = h.reduce((sum, value, i) => sum + value * Wh[6 * i + j], b[j] + x[0] * Wx[j] + x[1] * Wx[6 + j]);
          return Math.max(0, from);
        });
        for (const [j, value] of h.entries()) if (value > 0) alive.add(j);
      }
    }
  }
  return 6 - alive.size;
}

test("a relu cell with units that die is told once, with the step and how many", async () => {
  const { said, session } = await warnings(model("relu"), { lr: 0.4 });
  expect(said).toEqual([
    {
      kind: "dead units",
      step: 205,
      message: expect.stringContaining("no gradient in 1 of 6 columns of simple/Wx and simple/Wh and simple/b: units"),
    },
  ]);
  expect(await alwaysZero(session)).toBe(1);
});

test("that all units died is told, too, and so are units that are saturated from the start", async () => {
  const all = await warnings(model("relu"), {
    lr: 0.01,
    // As a step does that is far too large.
    onStep: async ({ step }, session) =>
      void (step === 20 && (await session.write("simple/b", new Float32Array(6).fill(-9)))),
  });
  expect(await alwaysZero(all.session)).toBe(6);
  expect(all.said.map(({ step, message }) => [step, message])).toEqual([
    [205, expect.stringContaining("1 of 6 columns")],
    [220, expect.stringContaining("6 of 6 columns")],
  ]);
  const { said } = await warnings(model("tanh", { b: "blocks(30, 0, -30)" }), { lr: 0.01 });
  expect(said.map(({ step, message }) => [step, message])).toEqual([[200, expect.stringContaining("4 of 6 columns")]]);
  const accumulated = await warnings(model("tanh", { b: "blocks(30, 0)" }), { lr: 0.01, steps: 200, accumulate: 2 });
  expect(accumulated.said.map(({ message }) => message)).toEqual([expect.stringContaining("3 of 6 columns")]);
});

test.each<[string, string, Trial]>([
  ["a relu cell at a small learning rate", model("relu"), { lr: 0.01 }],
  ["a leaky one at a large", model("leaky_relu"), { lr: 0.2 }],
  ["frozen parameters", model("tanh", { Wx: "const" }), { lr: 0.05 }],
  [
    "what stands behind stop",
    model("tanh", { more: "param k : [H] = 0.1; param K : [D, H] = xavier; u = stop(k + x @ K)" }),
    { lr: 0.05 },
  ],
  [
    "dropout, one example at a time",
    model("relu", { more: "u = 0", b: "0.5" }).replace("h @ Wh", "dropout(h, 0.5) @ Wh"),
    { lr: 0.003, batch: 1 },
  ],
  [
    "an input that is mostly zero",
    model("tanh", { more: "param r : [D, H] = xavier; u = x @ r" }),
    { lr: 0.05, change: ({ inputs }, step) => void (step % 100 && inputs.x.fill(0)) },
  ],
  [
    "embeddings of rare symbols",
    wordsText,
    { lr: 0.05, batch: 3, change: ({ inputs }, step) => void (step % 300 && inputs.w.fill(step % 2)) },
  ],
  [
    "matrices before what they are multiplied by, of an input that is rarely there",
    model("tanh", { Wx: "param" }).replace("Wx : [D, H]", "Wx : [H, D]").replace("x @ Wx", "Wx @ x"),
    {
      lr: 0.05,
      change: ({ inputs }, step) =>
        void (
          step % 300 &&
          inputs.x.forEach((_, i, x) => {
            if (i % 2) x[i] = 0;
          })
        ),
    },
  ],
])("no units are called dead for %s", async (_, text, trial) => {
  expect((await warnings(text, trial)).said).toEqual([]);
});

test("a unit counts as dead after forty checks without gradient in all that leads to it, and is told again once many are", () => {
  const units = new DeadUnits();
  const tensor = (shape: readonly number[], live: readonly number[]): SavedTensor => {
    const width = shape[shape.length - 1];
    const size = shape.reduce((a, b) => a * b, 1);
    return { shape, data: Float32Array.from({ length: size }, (_, i) => Number(live.includes(i % width))) };
  };
  const said: (readonly [number, string])[] = [];
  for (let check = 1; check <= 150; check++) {
    const gradients = new Map([
      // Units 1 and 2 have a gradient in b alone, 2 until check 50 and 1 until check 80.
      ["rnn/W", tensor([3, 4], [0, 3])],
      ["rnn/b", tensor([4], check <= 50 ? [0, 1, 2, 3] : check <= 80 ? [0, 1, 3] : [0, 3])],
      // Alone, a matrix may have inputs for columns.
      ["rnn/U", tensor([3, 7], [0])],
      ["V", tensor([4, 2], [0])],
      // Nothing has ever come here.
      ["top/W", tensor([4, 5], [])],
      ["top/b", tensor([5], [])],
    ]);
    if (units.isDue(5 * check, 1))
      said.push(...units.note(5 * check, gradients).map((w) => [w.step, w.message] as const));
  }
  expect(said).toEqual([
    [450, expect.stringContaining("1 of 4 columns of rnn/W and rnn/b")],
    [600, expect.stringContaining("2 of 4 columns of rnn/W and rnn/b")],
  ]);
  expect(units.isDue(755, 1)).toBe(false);
  expect([new DeadUnits().isDue(5, 0), new DeadUnits().isDue(6, 1), new DeadUnits().isDue(10, undefined)]).toEqual([
    false,
    false,
    true,
  ]);
});
