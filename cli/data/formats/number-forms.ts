/** How numbers are written in tables of text. */

/** The forms by their names, each of which is a number in it. */
export type NumberFormName = "1234.5" | "1,234.5" | "1.234,5";

export interface NumberForm {
  readonly name: NumberFormName;
  /** As a number is described that only this form reads. */
  readonly words: string;
  /** Whether a text, without blanks around it, is a number. */
  is(text: string): boolean;
  /** What `Number` reads, of a text that is a number. */
  plain(text: string): string;
}

/**
 * `group` stands between thousands, and `point` before the fraction, both as in a pattern. Groups have three digits, and the first one
 * does not begin with 0: 0.123 has no thousands.
 */
const patternOf = (point: string, group?: string): RegExp => {
  const grouped = group === undefined ? "" : `[1-9][0-9]{0,2}(?:${group}[0-9]{3})+(?:${point}[0-9]*)?|`;
  return new RegExp(`^[+-]?(?:${grouped}[0-9]+(?:${point}[0-9]*)?|${point}[0-9]+)(?:[eE][+-]?[0-9]+)?$`);
};

const [PLAIN, COMMAS, POINTS] = [
  patternOf(String.raw`\.`),
  patternOf(String.raw`\.`, ","),
  patternOf(",", String.raw`\.`),
];

export const numberForms: Readonly<Record<NumberFormName, NumberForm>> = {
  "1234.5": { name: "1234.5", words: "with a decimal point", is: (text) => PLAIN.test(text), plain: (text) => text },
  "1,234.5": {
    name: "1,234.5",
    words: "with commas between thousands",
    is: (text) => COMMAS.test(text),
    plain: (text) => text.replaceAll(",", ""),
  },
  "1.234,5": {
    name: "1.234,5",
    words: "with a decimal comma",
    is: (text) => POINTS.test(text),
    plain: (text) => text.replaceAll(".", "").replace(",", "."),
  },
};

export const numberFormNames = Object.keys(numberForms) as readonly NumberFormName[];

/** The form that is read if nothing is said. */
export const USUAL_NUMBERS: NumberFormName = "1234.5";
