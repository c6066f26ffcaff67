import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClassCounts, classTables } from "../../cli/inference/class-report.ts";
import { drawConfusion } from "../../cli/inference/confusion-picture.ts";
import { NumberErrors, numberTable } from "../../cli/inference/number-report.ts";

describe("a confusion matrix", () => {
  test("counts as one does by hand, and so do precision, recall and F1", () => {
    const pairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(pairs, (all) => {
        const names = ["a", "b", "c", "d"];
        const counts = new ClassCounts(names);
        for (const [truth, predicted, baseline] of all) counts.add(truth, predicted, baseline);
        const report = counts.report("most frequent");
        const of = (is: (truth: number, predicted: number, baseline: number) => boolean): number =>
          all.filter(([truth, predicted, baseline]) => is(truth, predicted, baseline)).length;
        const share = (part: number, whole: number): unknown =>
          whole === 0 ? undefined : expect.closeTo(part / whole, 12);
        for (const [k, name] of names.entries()) {
          for (let j = 0; j < 4; j++) expect(report.confusion[k][j]).toBe(of((t, p) => t === k && p === j));
          const hits = of((t, p) => t === k && p === k);
          const [guessed, count] = [of((_, p) => p === k), of((t) => t === k)];
          expect(report.measures[k]).toEqual({
            name,
            precision: share(hits, guessed),
            recall: share(hits, count),
            f1: share(2 * hits, guessed + count),
            count,
          });
        }
        expect(report.accuracy).toBeCloseTo(of((t, p) => t === p) / all.length, 12);
        expect(report.baseline.accuracy).toBeCloseTo(of((t, _, b) => t === b) / all.length, 12);
      }),
      { numRuns: 60 },
    );
  });

  test("without a baseline is compared with the most frequent class, and is printed and drawn", () => {
    const counts = new ClassCounts(["no", "yes"]);
    for (const [truth, predicted] of [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 1],
    ])
      counts.add(truth, predicted, undefined);
    const report = counts.report(undefined);
    expect(report.baseline).toEqual({ name: "most frequent", accuracy: 0.75 });
    expect(report.better).toBe(false);
    expect(classTables("y", report)).toEqual([
      {
        header: ["true \\ predicted", "no", "yes"],
        rows: [
          ["no", 2, 1],
          ["yes", 0, 1],
        ],
      },
      {
        header: ["y", "precision", "recall", "F1", "examples"],
        rows: [
          ["no", "100.0 %", "66.7 %", "80.0 %", 3],
          ["yes", "50.0 %", "100.0 %", "66.7 %", 1],
        ],
      },
    ]);
    const picture = drawConfusion({ title: "a < b", subtitle: "&", report });
    expect(picture).toContain("<title>no taken for yes: 1, 33.3 %</title>");
    expect(picture).toContain("a &lt; b");
  });
});

test("errors leave out what is not known, and say a horizon's first and last steps", () => {
  const errors = new NumberErrors(["a", "b"], 20);
  for (let h = 0; h < 20; h++) {
    errors.add(2 * h, 10, 10 + h, 10);
    errors.add(2 * h, Number.NaN, 5, 5);
    errors.add(2 * h + 1, 1, 1, 3);
  }
  const report = errors.report("persistence");
  expect(report.columns[0]).toMatchObject({ column: "a", mae: 9.5, baseline: { mae: 0, rmse: 0 } });
  expect(report.columns[0].steps![19]).toEqual({ mae: 19, rmse: 19, baseline: { mae: 0, rmse: 0 } });
  expect(report.columns[1]).toMatchObject({ mae: 0, rmse: 0, baseline: { mae: 2, rmse: 2 } });
  expect(report.better).toBe(false);
  const { rows } = numberTable("y", report);
  expect(rows.map(([name]) => name)).toEqual([
    ...["a", "a+1", "a+4", "a+6", "a+9", "a+12", "a+15", "a+17", "a+20"],
    ...["b", "b+1", "b+4", "b+6", "b+9", "b+12", "b+15", "b+17", "b+20"],
  ]);
});
