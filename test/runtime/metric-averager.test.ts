import * as fc from "fast-check";
import { expect, test } from "vitest";
import { existing } from "../../runtime/existing.ts";
import { isMeasure, MetricAverager } from "../../runtime/metric-averager.ts";
import type { Role, Tensor } from "../../runtime/plan.ts";

const tensor = (name: string, role: Role): Tensor => ({
  name,
  role,
  region: "work",
  offset: 0,
  time: false,
  batch: false,
  shape: [],
});
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Examples with a number at each of their steps. */
const examples = fc.array(fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 12,
});
type Examples = readonly (readonly number[])[];

/** The measures of a batch of them: the mean over its steps, and the mean over its examples of their last steps. */
function measured(batch: Examples, averager: MetricAverager): void {
  const steps = mean(batch.flat());
  const ends = mean(batch.map((example) => example.at(-1)!));
  averager.add(
    [
      [tensor("loss", { kind: "loss" }), steps + ends],
      [tensor("loss/1", { kind: "loss_term", over: "steps" }), steps],
      [tensor("loss/2", { kind: "loss_term", over: "examples" }), ends],
      [tensor("each", { kind: "metric", over: "steps" }), steps],
      [tensor("end", { kind: "metric", over: "examples" }), ends],
    ],
    {
      examples: batch.length,
      axes: {
        time: {
          steps: Math.max(...batch.map((example) => example.length)),
          existing: existing(
            batch.map((example) => example.length),
            Math.max(...batch.map((example) => example.length)),
          ),
        },
      },
    },
  );
}

test("averages do not depend on how examples are grouped in batches", () => {
  fc.assert(
    fc.property(examples, fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }), (all, sizes) => {
      const [whole, grouped] = [new MetricAverager("m"), new MetricAverager("m")];
      measured(all, whole);
      const rest = [...all];
      for (const size of sizes) if (rest.length > 0) measured(rest.splice(0, size), grouped);
      const [a, b] = [whole.result(), grouped.result()];
      expect(b.loss).toBeCloseTo(a.loss, 9);
      expect(b.metrics.each).toBeCloseTo(a.metrics.each, 9);
      expect(b.metrics.end).toBeCloseTo(a.metrics.end, 9);
    }),
  );
});

test("where sequences of a batch are equally long, all their steps count", () => {
  const averager = new MetricAverager("m");
  const loss = tensor("loss", { kind: "loss", over: "steps" });
  averager.add([[loss, 1]], { examples: 2, axes: { time: { steps: 6 } } });
  averager.add([[loss, 4]], { examples: 4, axes: { time: { steps: 1 } } });
  expect(averager.result()).toEqual({ loss: (12 * 1 + 4 * 4) / 16, metrics: {} });
});

test("a measure that is not a mean is reported for one batch, and refused by name for two", () => {
  const largest = tensor("largest", { kind: "metric" });
  const averager = new MetricAverager("m");
  averager.add([[largest, 3]], { examples: 2, axes: { time: { steps: 1 } } });
  expect(averager.result().metrics).toEqual({ largest: 3 });
  expect(() => averager.add([[largest, 5]], { examples: 2, axes: { time: { steps: 1 } } })).toThrow(
    /the metric `largest` of m is not a mean/,
  );
  const loss = new MetricAverager("m");
  loss.add([[tensor("loss", { kind: "loss" }), 3]], { examples: 2, axes: { time: { steps: 1 } } });
  expect(() =>
    loss.add([[tensor("loss", { kind: "loss" }), 3]], { examples: 2, axes: { time: { steps: 1 } } }),
  ).toThrow(/the loss of m/);
});

test("measures are losses, their terms and metrics", () => {
  const roles: readonly Role[] = [{ kind: "loss" }, { kind: "loss_term" }, { kind: "metric" }, { kind: "output" }];
  expect(roles.map((role) => isMeasure({ role }))).toEqual([true, true, true, false]);
});
