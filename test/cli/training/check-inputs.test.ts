import { expect, test } from "vitest";
import type { Task } from "../../../cli/data/task.ts";
import { checkInputs } from "../../../cli/training/check-inputs.ts";
import { smallPlan } from "../../data/plan.ts";

const task = (inputs: Task["inputs"]): Task => ({
  name: "t",
  summary: "",
  inputs,
  dims: { D: 28, K: 10 },
  steps: 28,
  splits: { train: 10, validation: 0, test: 10 },
  batch: () => ({ inputs: {}, steps: 28, examples: 0 }),
});
const x = { kind: "value", shape: [28], time: true } as const;
const y = { kind: "index", size: 10, time: false } as const;

test("a task that gives every input in its shape and kind fits, whatever it gives besides", () => {
  expect(() => checkInputs(smallPlan, task({ x, y, extra: x }))).not.toThrow();
});

test.each([
  ["is missing", { x }, "y: the model wants whole numbers below 10, the task has none of that name"],
  [
    "has other features",
    { x: { ...x, shape: [1] }, y },
    "x: the model wants [28] over time, the task gives [1] over time",
  ],
  ["has no time", { x: { ...x, time: false }, y }, "x: the model wants [28] over time, the task gives [28]"],
  [
    "is of another kind",
    { x, y: { kind: "value", shape: [1], time: false } as const },
    "y: the model wants whole numbers below 10, the task gives [1]",
  ],
  ["has other classes", { x, y: { ...y, size: 2 } }, "the task gives whole numbers below 2"],
])(
  "an input that %s is C0406, with what was wanted and the dimensions that would fit",
  (_, inputs: Task["inputs"], words) => {
    let caught: unknown;
    try {
      checkInputs(smallPlan, task(inputs));
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: "C0406", exitCode: 1, help: expect.stringContaining("--dims D=28,K=10") });
    expect(String(caught)).toContain(words);
  },
);
