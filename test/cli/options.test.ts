import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import {
  bytes,
  cells,
  dimensions,
  entries,
  fraction,
  positiveNumber,
  positiveWholeNumber,
  wholeNumber,
} from "../../cli/options.ts";

describe("numbers on the command line", () => {
  test("are read whole", () => {
    expect([wholeNumber("0"), positiveWholeNumber("12"), positiveNumber("1e-3"), fraction("1")]).toEqual([
      0, 12, 1e-3, 1,
    ]);
  });

  test.each([
    [wholeNumber, ["", " ", "-1", "1.5", "x", "1e300", "NaN"]],
    [positiveWholeNumber, ["0", "-3"]],
    [positiveNumber, ["0", "", "Infinity", "-1", "1,5"]],
    [fraction, ["1.1", "0"]],
  ])("are refused by %o when they are something else", (read, texts) => {
    for (const text of texts) expect(() => read(text)).toThrow(InvalidArgumentError);
  });
});

describe("sizes on the command line", () => {
  test("are bytes, or have a unit", () => {
    expect(["65536", "8K", "256m", "1.5G"].map(bytes)).toEqual([65536, 8192, 256 * 2 ** 20, 1.5 * 2 ** 30]);
  });

  test.each(["", "M", "0", "0M", "-1M", "1T", "1 M", "1e6", "256MB"])("are refused when they are none: %o", (text) => {
    expect(() => bytes(text)).toThrow(InvalidArgumentError);
  });
});

describe("entries on the command line", () => {
  test("are known names", () => {
    expect(entries("infer, step")).toEqual(["infer", "step"]);
    for (const text of ["", "stream", "infer,,step", "infer step"])
      expect(() => entries(text)).toThrow(InvalidArgumentError);
  });
});

describe("lists on the command line", () => {
  test("are names and values", () => {
    expect(dimensions("D=28, H=100, gain=-0.5")).toEqual({ D: 28, H: 100, gain: -0.5 });
    expect(cells("rnn=lstm")).toEqual({ rnn: "lstm" });
  });

  test("are refused when a part is no pair, or a name comes twice", () => {
    for (const text of ["", "D", "D=", "=3", "D=x", "D=1e999", "D=1,", "D=1,D=2", "4H=3"]) {
      expect(() => dimensions(text)).toThrow(InvalidArgumentError);
    }
    for (const text of ["rnn=4x", "r n=a"]) expect(() => cells(text)).toThrow(InvalidArgumentError);
  });
});
