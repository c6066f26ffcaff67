/** What of a data set's options says how its files are read. */
import type { DataOptions } from "./data-options.ts";
import type { ReadOptions } from "./formats/read-options.ts";

/** Without what is done about missing values. */
export function readingOf(options: DataOptions): Omit<ReadOptions, "missing"> {
  const { group, timeColumn, delimiter, header, numbers, dates, format, axes, perSequence, unit, lines, lineEnd } =
    options;
  return { group, timeColumn, delimiter, header, numbers, dates, format, axes, perSequence, unit, lines, lineEnd };
}
