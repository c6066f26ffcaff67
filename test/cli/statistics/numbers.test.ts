import { expect, it } from "vitest";
import { driftOf } from "../../../cli/statistics/drift.ts";
import { sayDrift } from "../../../cli/statistics/drift-report.ts";
import { drawStatistics } from "../../../cli/statistics/figure.ts";
import { findingsOf, stepsText } from "../../../cli/statistics/findings.ts";
import { quantile } from "../../../cli/statistics/quantile.ts";
import type { Statistic } from "../../../cli/statistics/statistic.ts";
import { findingText } from "../../../cli/statistics/summary.ts";

/** Of two units. */
const statistic = (name: string, values: readonly number[], more: Partial<Statistic> = {}): Statistic => ({
  ...{ name, site: "hh", recurrent: true, is: "variance", policy: "per_step", epsilon: undefined, about: undefined },
  ...{ rows: values.length / 2, units: 2, values: Float32Array.from(values) },
  batches: new Array<number>(values.length / 2).fill(5),
  ...more,
});

const mean = (values: readonly number[]) => statistic("hh/m", values, { is: "mean" });

it("a variance that is zero but for the rounding of its mean is found collapsed, and one that is small is not", () => {
  const found = (variance: number) =>
    findingsOf([mean([3, 3, 3, 3]), statistic("hh/v", [variance, 1, 1, 1], { about: "hh/m" })]);
  expect([0, (3 * 2 ** -20) ** 2].map(found)).toEqual(
    new Array(2).fill([{ kind: "collapsed", statistic: "hh/v", steps: [1], units: 1 }]),
  );
  expect(found((3 * 2 ** -12) ** 2)).toEqual([]);
});

it("noise in the state is the remedy in a recurrence; elsewhere what is multiplied at inference is said", () => {
  const said = (recurrent: boolean): string => {
    const zero = statistic("hh/v", [0, 0], { recurrent, epsilon: 1e-4 });
    return findingText(findingsOf([zero])[0], zero);
  };
  expect(said(true)).toContain("gradients grow by γ/√ε, 100 γ, at each such step; noise in the initial state");
  expect(said(false)).toMatch(/^is zero at step 1, in all 2 units: .* at inference is multiplied by γ\/√ε, 100 γ$/);
});

it("an ε is found where the median of the units that are no zero is no larger, step by step", () => {
  const variance = statistic("hh/v", [0, 1e-6, 1e-6, 2e-6, 1, 1], { epsilon: 1e-5 });
  expect(findingsOf([variance])).toEqual([
    { kind: "collapsed", statistic: "hh/v", steps: [1], units: 1 },
    { kind: "epsilon", statistic: "hh/v", steps: [1, 2], units: 2 },
  ]);
});

it("nothing is said of ε where most units have no variance and the others what rounding leaves", () => {
  const half = statistic("hh/v", [0, 0, 1e-6, 1e-6], { units: 4, rows: 1, batches: [5], epsilon: 1e-5 });
  expect(findingsOf([half]).map(({ kind }) => kind)).toEqual(["collapsed", "epsilon"]);
  const fewer = statistic("hh/v", [0, 0, 0, 1e-16], { units: 4, rows: 1, batches: [5], epsilon: 1e-5 });
  expect(findingsOf([fewer]).map(({ kind }) => kind)).toEqual(["collapsed"]);
});

it("steps that no batch reached are found, and said with the step whose statistics serve them", () => {
  const short = statistic("hh/v", [1, 1, 1, 1, 0, 0], { batches: [5, 2.5, 0] });
  const [finding, ...others] = findingsOf([short]);
  expect([finding, others]).toEqual([{ kind: "not collected", statistic: "hh/v", steps: [3], units: 2 }, []]);
  expect(findingText(finding, short)).toBe(
    "was not collected at step 3: inference takes the statistics of step 2 there",
  );
});

it("what is not finite is found in means, too, and steps are not named where all share a statistic", () => {
  const shared = statistic("hh/m", [Number.NaN, 1], { is: "mean", policy: "shared" });
  expect(findingsOf([shared])).toEqual([{ kind: "not finite", statistic: "hh/m", steps: [], units: 1 }]);
  expect(findingText(findingsOf([shared])[0], shared)).toContain("at all steps");
});

it("many steps are said as runs", () => {
  expect([[1], [1, 2, 3], [1, 3, 4]].map(stepsText)).toEqual(["step 1", "steps 1–3", "steps 1, 3–4"]);
  expect(stepsText([1, 3, 5, 7, 9, 10])).toBe("steps 1, 3, 5, 7, … 10 (6 in all)");
});

it("drift is counted in what a norm divides by: means in standard deviations, deviations as factors", () => {
  const of = (means: readonly number[], variances: readonly number[]) => [
    mean(means),
    statistic("hh/v", variances, { about: "hh/m", epsilon: 1 }),
  ];
  const [drift, ...others] = driftOf(of([0, 0, 0, 0], [3, 3, 3, 15]), of([0, 1, 0, -4], [3, 3, 3, 3]));
  expect(others).toEqual([]);
  expect(drift.shift?.worst).toEqual({ value: 2, step: 2, unit: 2 });
  expect(drift.shift?.median).toBe(0.25);
  expect(drift.factor.worst).toEqual({ value: 2, step: 2, unit: 2 });
  expect(drift.lag).toBeCloseTo(quantile([0, 0, 0.5, 2], 0.95));
});

it("of statistics that all steps share, no step is the worst", () => {
  const shared = (variance: number) => [statistic("hh/v", [1, variance], { policy: "shared" })];
  expect(driftOf(shared(1), shared(4))[0].factor.worst).toEqual({ value: 2, unit: 2 });
});

it("drift leaves out steps that one of the two never saw, and ranks sites by what is furthest off", () => {
  const at = (site: string, values: readonly number[], batches: readonly number[] = [1, 1]) =>
    statistic(`${site}/v`, values, { site, batches });
  const drifts = driftOf(
    [at("a", [1, 1, 1, 1]), at("b", [1, 1, 0, 0], [1, 0])],
    [at("a", [1, 1, 1, 1]), at("b", [4, 4, 1, 1])],
  );
  expect(drifts.map(({ site, factor, shift }) => [site, factor.worst.value, shift])).toEqual([
    ["b", 2, undefined],
    ["a", 1, undefined],
  ]);
});

it("a loss that new estimates leave far above that of the batches' own is said, with where to look", () => {
  const said = (estimated: number): string => {
    const words: string[] = [];
    const measures = (loss: number) => ({ loss, metrics: {} });
    sayDrift(
      driftOf([statistic("hh/v", [1, 1])], [statistic("hh/v", [1, 1])]),
      { split: "test", stored: measures(9), estimated: measures(estimated), batch: measures(1) },
      { kind: "moving", steps: 5 },
      { say: (line = "") => void words.push(line), table: () => {} },
    );
    return words.join("\n");
  };
  expect(said(2.5)).toContain("with new estimates, too, the loss is 2.5 times that with each batch's own");
  expect(said(1.05)).not.toContain("times");
});

it("variances far below ε are drawn at the lower edge, and not down to what rounding leaves of zero", () => {
  const drawn = (epsilon: number) =>
    drawStatistics([statistic("hh/v", [0, 1e-16, 0.1, 0.2], { epsilon })], { title: "", subtitle: "", steps: 2 });
  expect(drawn(1e-5)).toContain("1e-6");
  expect(drawn(1e-5)).not.toContain("1e-8");
  expect(drawn(1e-12)).toContain("1e-8");
});

it("a quantile lies between neighbours in proportion", () => {
  expect([0, 0.25, 0.5, 1].map((part) => quantile([4, 1, 2], part))).toEqual([1, 1.5, 2, 4]);
  expect(quantile([], 0.5)).toBeNaN();
});
