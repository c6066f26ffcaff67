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
    [["2020.01.30", "2020.01.31", "2020.02.01"], ["2020.02.02"]],
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

  test("of dates with the year last goes on in its own form", () => {
    const two = (value: number): string => String(value).padStart(2, "0");
    const forms = fc.record({
      separator: fc.constantFrom(".", "/", "-"),
      order: fc.constantFrom("dmy" as const, "mdy" as const),
      pads: fc.boolean(),
      clock: fc.constantFrom("none", "T", " ", "seconds", "half", " half"),
    });
    const from = fc.integer({ min: -30_000, max: 30_000 });
    fc.assert(
      fc.property(
        from,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 8, max: 32 }),
        forms,
        (from, days, rows, form) => {
          const { separator, pads, clock } = form;
          const order = separator === "." ? "dmy" : form.order;
          const wide = (value: number): string => (pads ? two(value) : String(value));
          // With a clock, the step is as many hours.
          const text = (i: number): string => {
            const date = new Date(3_600_000 * (from + i * days * (clock === "none" ? 24 : 1)));
            const [day, month] = [wide(date.getUTCDate()), wide(date.getUTCMonth() + 1)];
            const hour = date.getUTCHours();
            const half = `${wide(((hour + 11) % 12) + 1)}:00`;
            const [am, AM] = hour < 12 ? ["am", "AM"] : ["pm", "PM"];
            const clocks = {
              none: "",
              T: `T${wide(hour)}:00`,
              " ": ` ${wide(hour)}:00`,
              seconds: ` ${wide(hour)}:00:00.50`,
              half: ` ${half}${am}`,
              " half": ` ${half} ${AM}`,
            };
            const parts = order === "dmy" ? [day, month] : [month, day];
            return `${[...parts, date.getUTCFullYear()].join(separator)}${clocks[clock as keyof typeof clocks]}`;
          };
          const known = Array.from({ length: rows }, (_, i) => text(i));
          // A part that has never been below 10 does not show whether it would be filled up.
          fc.pre(
            pads ||
              [/^\d[^\d]/, /^\d+[^\d]\d[^\d]/, /[T ]\d:|^[^:]*$/].every((short) =>
                known.some((date) => short.test(date)),
              ),
          );
          const given = separator === "." ? undefined : order;
          expect(continued(known, [1, 2, 7], given)).toEqual([text(rows), text(rows + 1), text(rows + 6)]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test.each([
    [["31.10.2019", "30.11.2019", "31.12.2019"], undefined],
    [["1.11.2019", "1.12.2019", "1.1.2020"], ["1.2.2020"]],
    [["29.12.2019 23:45 UTC", "30.12.2019 23:45 UTC", "31.12.2019 23:45 UTC"], ["01.01.2020 23:45 UTC"]],
    [["30-12-2019T23:45+02:00", "30-12-2019T23:50+02:00", "30-12-2019T23:55+02:00"], ["31-12-2019T00:00+02:00"]],
    [["01-01-2019", "02-01-2019", "03-01-2019"], ["04-01-2019"]],
  ])("%j is followed by %j, with the day first", (known, next) => {
    expect(continued(known, [1], "dmy")).toEqual(next);
  });

  test("says nothing of dates of which nobody says what is first", () => {
    expect(continued(["1/1/2020", "1/2/2020", "1/3/2020"], [1])).toBe(undefined);
    expect(continued(["1/1/2020", "1/2/2020", "1/3/2020"], [1], "dmy")).toEqual(["1/4/2020"]);
    expect(continued(["1/1/2020", "1/2/2020", "1/3/2020"], [1], "mdy")).toEqual(["1/4/2020"]);
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
