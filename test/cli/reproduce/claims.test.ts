/** What is said of the runs of a study, from numbers that are given. */
import { describe, expect, it } from "vitest";
import { findings } from "../../../cli/reproduce/claims.ts";
import type { RunResult } from "../../../cli/reproduce/results.ts";
import { studies } from "../../../cli/reproduce/studies.ts";
import type { Claim, Study } from "../../../cli/reproduce/study.ts";
import { lastCommonStep, stepsTo, summarised } from "../../../cli/reproduce/summary.ts";

const study = (claim: Claim): Study => ({ ...studies.pmnist, claims: [claim] });

/** A finished run with accuracies at every hundredth step. */
const run = (variant: string, seed: number, accuracies: readonly number[], test?: number): RunResult => ({
  ...{ variant, seed, status: "finished", options: {}, machine: {}, started: "", seconds: 1, training: [] },
  steps: 100 * accuracies.length,
  evaluations: accuracies.map((accuracy, at) => ({ step: 100 * (at + 1), measures: { accuracy, loss: 1 - accuracy } })),
  ...(test !== undefined && { test: { accuracy: test } }),
});

describe("better by at least three points", () => {
  const three = study({ kind: "better", candidate: "bn-lstm", than: "lstm", by: 0.03 });
  const found = (runs: readonly RunResult[]) => findings(three, "pilot", runs)[0];

  it("compares test results of the same seed after as many iterations", () => {
    const runs = [run("lstm", 1, [0.5, 0.6], 0.6), run("bn-lstm", 1, [0.5, 0.7], 0.64)];
    expect(found(runs)).toMatchObject({ holds: true, seen: expect.stringContaining("difference +4.0 %") });
    expect(found([runs[0], run("bn-lstm", 1, [0.5, 0.7], 0.62)]).holds).toBe(false);
    expect(found([runs[0], run("bn-lstm", 2, [0.5, 0.7], 0.64)]).holds).toBeUndefined();
    expect(found([runs[0], run("bn-lstm", 1, [0.5, 0.7, 0.8], 0.9)]).holds).toBeUndefined();
    expect(found([runs[0], run("bn-lstm", 1, [0.5, 0.7])]).holds).toBeUndefined();
  });

  it("takes the mean over seeds, with its interval, and leaves out what diverged", () => {
    const runs = [0.6, 0.62, 0.58].flatMap((test, at) => [
      run("lstm", at + 1, [0.5], test),
      run("bn-lstm", at + 1, [0.6], test + 0.05),
    ]);
    expect(found(runs).seen).toContain("difference +5.0 [");
    const gone: RunResult = { ...run("bn-lstm", 1, [0.6], 0.1), status: "diverged" };
    expect(found([runs[0], gone]).holds).toBeUndefined();
  });

  it("is not judged by a smoke test", () => {
    expect(findings(three, "smoke", [run("lstm", 1, [0.5], 0.5), run("bn-lstm", 1, [0.9], 0.9)])).toEqual([]);
  });
});

describe("sooner", () => {
  const sooner = (what: "last" | "best") =>
    study({ kind: "sooner", candidate: "bn-lstm", than: "lstm", what, within: 0.5 });
  const slow = run("lstm", 1, [0.2, 0.5, 0.8, 0.6]);

  it("counts the iterations to the last or the best evaluation of the other", () => {
    const fast = run("bn-lstm", 1, [0.55, 0.7, 0.75, 0.76]);
    expect(findings(sooner("last"), "pilot", [slow, fast])[0]).toMatchObject({ holds: true });
    expect(findings(sooner("best"), "pilot", [slow, fast])[0]).toMatchObject({
      holds: false,
      seen: expect.stringContaining("80.0 % after 300 iterations of lstm, not reached in 400 of bn-lstm"),
    });
  });

  it("is not known while the candidate may still reach it", () => {
    expect(findings(sooner("last"), "pilot", [slow, run("bn-lstm", 1, [0.3])])[0].holds).toBeUndefined();
    expect(findings(sooner("last"), "pilot", [slow, run("bn-lstm", 1, [0.3, 0.4])])[0].holds).toBe(false);
    const going: RunResult = { ...slow, status: "running" };
    expect(findings(sooner("last"), "pilot", [going, run("bn-lstm", 1, [0.9])])[0].holds).toBeUndefined();
  });
});

it("counts steps in the direction of the measure", () => {
  const bits = { measure: "loss", direction: "min" } as const;
  expect(stepsTo(bits, run("lstm", 1, [0.2, 0.5, 0.8]), 0.5)).toBe(200);
  expect(stepsTo(bits, run("lstm", 1, [0.2, 0.5, 0.8]), 0.1)).toBeUndefined();
});

it("takes the last step that all runs were evaluated at", () => {
  const runs = [run("lstm", 1, [0.1, 0.2, 0.3]), run("lstm", 2, [0.2, 0.4])];
  expect(lastCommonStep(runs)).toBe(200);
  expect(lastCommonStep([])).toBeUndefined();
  const [summary] = summarised(studies.pmnist, runs);
  expect(summary).toMatchObject({ variant: "lstm", published: 0.902, steps: 200, test: undefined });
  expect(summary.validation).toMatchObject({ step: 200, seeds: [1, 2] });
  expect(summary.validation!.mean).toBeCloseTo(0.3);
  expect(summary.validation!.deviation).toBeCloseTo(Math.SQRT2 / 10);
});
