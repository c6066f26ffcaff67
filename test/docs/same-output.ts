/** Whether a command printed what a page shows. */

/**
 * How far a fraction may be off, relative to the larger one. Processors without a fused multiply-add round otherwise, and training
 * carries that on: measured over the tutorials, by at most half of this.
 */
const TOLERANCE = 0.01;

/** Places of the last digit by which a fraction may be off besides: what is printed is rounded. */
const PLACES = 1.5;

/** Stands for a duration or a speed: they are the machine's, and not compared. */
const MEASURED = "<measured>";

/** Lines that a terminal wipes out again, or that come in the order in which workers end. */
const PASSING = /^\s*\d+% {2}[\d,]+\/[\d,]+ \w+ {2}|^row \d+\/\d+ /;

/** The same text without what passes, and without blanks at line ends and at its end. */
export const settled = (printed: string): string =>
  `${printed
    .split("\n")
    .filter((line) => !PASSING.test(line))
    .map((line) => line.trimEnd())
    .join("\n")
    .trim()}\n`;

/** A column of a table that has the machine's speed in it. */
const SPEED_COLUMN = /ms a step\s*/;

/** Durations: `3s`, `1m04s`, `12 ms`. */
const DURATION = /(?<![\w.])(?:\d+h\d\dm|\d+m\d\ds|\d+(?:\.\d+)? ?m?s)(?!\w)/g;

/** The text with what is the machine's taken out. */
function withoutMachine(text: string): string {
  let column: readonly [number, number] | undefined;
  return text
    .split("\n")
    .map((line) => {
      const title = SPEED_COLUMN.exec(line);
      if (title !== null) column = [title.index, title.index + title[0].length];
      else if (line.trim() === "") column = undefined;
      else if (column !== undefined && line.slice(...column).trim() !== "")
        return `${line.slice(0, column[0])}${MEASURED}  ${line.slice(column[1])}`;
      return line.replace(DURATION, MEASURED);
    })
    .join("\n");
}

/** A number with a fraction or an exponent. Whole numbers are counts, dates and steps: they are compared as text. */
const FRACTION = /[−+-]?\d[\d,]*(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)/g;

/** The difference between what a page shows and what was printed, with its line; undefined if there is none. */
export function difference(shown: string, printed: string): string | undefined {
  const [expected, found] = [shown, printed].map((text) => withoutMachine(settled(text)).split("\n"));
  for (let at = 0; at < Math.max(expected.length, found.length); at++)
    if (!sameLine(expected[at], found[at]))
      return `line ${at + 1}: shown is ${JSON.stringify(expected[at])}, printed ${JSON.stringify(found[at])}`;
  return undefined;
}

function sameLine(expected: string | undefined, found: string | undefined): boolean {
  if (expected === undefined || found === undefined) return expected === found;
  const [shape, other] = [expected, found].map((line) => line.replace(FRACTION, "#").replace(/\s+/g, " "));
  const [wanted, had] = [expected, found].map((line) => line.match(FRACTION) ?? []);
  return shape === other && wanted.every((number, at) => sameNumber(number, had[at]));
}

function sameNumber(expected: string, found: string): boolean {
  const [a, b] = [expected, found].map((text) => Number(text.replace("−", "-").replaceAll(",", "")));
  const place = Math.max(lastPlace(expected), lastPlace(found));
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)) + PLACES * place;
}

/** What a 1 in the last digit is worth: 0.01 for `2.35`, 1e-6 for `9.97e-4`. */
function lastPlace(number: string): number {
  const [mantissa, exponent = "0"] = number.split("e");
  return 10 ** (Number(exponent) - (mantissa.split(".")[1]?.length ?? 0));
}
