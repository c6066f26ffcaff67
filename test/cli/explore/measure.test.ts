import { describe, expect, test } from "vitest";
import { isBetter, rankedBy } from "../../../cli/explore/measure.ts";

describe("what placements are ranked by", () => {
  test.each([
    [undefined, ["accuracy"], "accuracy", "max"],
    [undefined, ["rmse"], "loss", "min"],
    ["loss", ["accuracy"], "loss", "min"],
    ["rmse", ["rmse"], "rmse", "min"],
    ["F1", ["F1"], "F1", "max"],
    ["score:min", ["score"], "score", "min"],
    ["loss:max", [], "loss", "max"],
  ])("%s of a model with the metrics %j is %s, %s", (text, metrics, measure, direction) => {
    expect(rankedBy(text, metrics)).toEqual({ measure, direction });
  });

  test.each([
    ["score", ["score"], "nothing says whether a large score is good or bad"],
    ["acc", ["accuracy"], "the model measures no acc"],
    ["score:up", ["score"], "up is no direction"],
    ["score:", ["score"], "nothing is no direction"],
    ["score:min:max", ["score"], 'the model measures no "score:min:max"'],
    ["", ["score"], 'the model measures no ""'],
  ])("%s of a model with the metrics %j is refused", (text, metrics, message) => {
    expect(() => rankedBy(text, metrics)).toThrow(message);
  });
});

test("better is larger or smaller, and never equal", () => {
  expect([1, 2, 3].map((value) => isBetter({ measure: "a", direction: "max" }, value, 2))).toEqual([
    ...[false, false, true],
  ]);
  expect([1, 2, 3].map((value) => isBetter({ measure: "a", direction: "min" }, value, 2))).toEqual([
    ...[true, false, false],
  ]);
});
