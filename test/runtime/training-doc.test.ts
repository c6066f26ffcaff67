import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type ScheduleRow, schedules } from "../../runtime/fit/schedules.ts";

test("docs/training.md has each schedule with its documentation and its options", () => {
  const text = readFileSync("docs/training.md", "utf8");
  const cells = text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  expect(cells.map(([, name, doc, options]) => [name, doc, options])).toEqual(
    Object.entries<ScheduleRow>(schedules).map(([name, { doc, options }]) => [
      `\`${name}\``,
      doc,
      Object.entries(options)
        .map(([option, row]) => `\`${option}\` ${row.default === 4e-6 ? "0.000004" : row.default}`)
        .join(", "),
    ]),
  );
});
