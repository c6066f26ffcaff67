import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { difference, settled } from "./same-output.ts";

describe("what a page shows is what was printed", () => {
  test.each([
    ["the same text", "loss 0.25\nof 3 runs\n", "loss 0.25\nof 3 runs\n"],
    ["other blanks in a table", "loss    0.0987  x\n", "loss    0.09871  x  \n"],
    ["a fraction that is a little off", "validation loss 0.2400, mae 12.00", "validation loss 0.2420, mae 12.1"],
    ["a last digit that was rounded otherwise", "2.56e-4 and −0.01", "2.57e-4 and −0.02"],
    ["another time", "step 60 (2s), in 1m04s, 3 ms", "step 60 (12s), in 59s, 140 ms"],
    [
      "progress, which a terminal wipes out",
      "done",
      "  4%  27/600 steps  45/s  8s left\n100%  600/600 steps  46/s  0s left  loss 0.1\ndone",
    ],
    [
      "rows in the order in which they ended",
      "best",
      "row 2/9 hh=none: loss 0.1 (1s)\nrow 1/9 hh=batch: loss 0.2 (1s)\nbest",
    ],
    [
      "other milliseconds a step",
      "#  ms a step  loss\n1  0.519      0.25\n2  12.3       0.5\n",
      "#  ms a step  loss\n1  1.2        0.25\n2  7          0.5\n",
    ],
  ])("but for %s", (_, shown, printed) => {
    expect(difference(shown, printed)).toBeUndefined();
  });

  test.each([
    ["a fraction that is off by more than rounding", "loss 0.2400", "loss 0.2600"],
    ["another count", "27 rows", "28 rows"],
    ["another whole number in a table", "best 300", "best 301"],
    ["another date", "2024-08-23,1.5", "2024-08-24,1.5"],
    ["another sign", "difference −0.30", "difference +0.30"],
    ["another exponent", "2.2e-1", "2.2e-2"],
    ["another word", "layer at xh helps", "layer at xh harms"],
    ["another order", "a 0.5\nb 0.5", "b 0.5\na 0.5"],
    ["a line more", "a", "a\nb"],
    ["a line less", "a\nb", "a"],
    ["nothing", "a", ""],
    ["a number less", "0.5 0.5", "0.5"],
    ["a fraction for a whole number", "1", "1.0"],
    [
      "another number beside the milliseconds",
      "#  ms a step  loss\n1  0.519      0.25",
      "#  ms a step  loss\n1  0.519      0.45",
    ],
    [
      "a number below a table with milliseconds",
      "#  ms a step\n1  0.519\n\nin all 3",
      "#  ms a step\n1  0.519\n\nin all 4",
    ],
    ["a unit that only looks like a time", "3 sessions", "4 sessions"],
  ])("and not %s", (_, shown, printed) => {
    expect(difference(shown, printed)).toMatch(/^line \d+: shown is/);
  });

  test("of any text, for itself", () => {
    const text = fc.string({ unit: "grapheme" });
    expect(fc.check(fc.property(text, (one) => difference(one, one) === undefined))).toMatchObject({ failed: false });
  });

  test("and no number off by a tenth, wherever it stands", () => {
    const number = fc.double({ min: 1, max: 1000, noNaN: true });
    // But for `s` and `ms`: then it is a duration.
    const words = fc.stringMatching(/^[a-lo-rt-z ]*$/);
    const found = fc.property(words, number, words, (before, value, after) => {
      const line = (shown: number): string => `${before} ${shown.toFixed(4)} ${after}`;
      return difference(line(value), line(value * 1.1)) !== undefined;
    });
    expect(fc.check(found)).toMatchObject({ failed: false });
  });
});

test("the difference has its line, and both texts", () => {
  expect(difference("a\nloss 0.1", "a\nloss 0.7")).toBe('line 2: shown is "loss 0.1", printed "loss 0.7"');
});

test("what a page is given has no progress and no blanks behind its lines", () => {
  expect(settled("\na  \n 50%  1/2 steps  3/s  1s left\n\nb\n\n")).toBe("a\n\nb\n");
});
