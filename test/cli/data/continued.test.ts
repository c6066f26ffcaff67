import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { continued } from "../../../cli/data/continued.ts";
import { readDate } from "../../../cli/data/formats/date.ts";

describe("a regular time column", () => {
  test("goes on by its step, in its own form", () => {
    const from = fc.date({ min: new Date("1950-01-01"), max: new Date("2090-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(from, fc.integer({ min: 1, max: 90_000 }), fc.integer({ min: 3, max: 9 }), (from, seconds, rows) => {
        const start = Math.floor(from.getTime() / 1000) * 1000;
        const text = (i: number): string =>
          new Date(start + i * seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
        const known = Array.from({ length: rows }, (_, i) => text(i));
        expect(continued(known, [1, 2, 7])).toEqual([text(rows), text(rows + 1), text(rows + 6)]);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    [["2020-1-30", "2020-1-31", "2020-2-1"], ["2020-2-2"]],
    [["2020/01/30 9:05", "2020/01/30 9:35", "2020/01/30 10:05"], ["2020/01/30 10:35"]],
    [
      ["2020-01-30T22:00:00+02:00", "2020-01-30T23:00:00+02:00", "2020-01-31T00:00:00+02:00"],
      ["2020-01-31T01:00:00+02:00"],
    ],
    [["2019-11-01", "2019-12-01", "2020-01-01"], ["2020-02-01"]],
    [["2018-02-15", "2019-02-15", "2020-02-15"], ["2021-02-15"]],
    [["0.1", "0.2", "0.3"], ["0.4"]],
    [["7", "14", "21"], ["28"]],
    [["2020-01-01 00:00:00.250", "2020-01-01 00:00:00.500", "2020-01-01 00:00:00.750"], ["2020-01-01 00:00:01.000"]],
  ])("%j is followed by %j", (known, next) => {
    for (const text of known) expect(Number(text) || readDate(text)).not.toBe(undefined);
    expect(continued(known, [1])).toEqual(next);
  });

  test.each([
    [["2020-01-01", "2020-01-02"]],
    [["2020-01-01", "2020-01-02", "2020-01-04"]],
    [["2019-12-31", "2020-01-31", "2020-02-29"]],
    [["1", "1", "1"]],
    [["1", "2", "4"]],
    [["a", "b", "c"]],
  ])("%j is not regular", (known) => {
    expect(continued(known, [1])).toBe(undefined);
  });
});
