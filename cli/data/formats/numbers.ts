/** Numbers in text. */

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** The number that a text is, without blanks around it; undefined if it is none. Names of numbers that are none, such as NaN, are not. */
export const numberIn = (text: string): number | undefined => {
  const trimmed = text.trim();
  return NUMBER.test(trimmed) ? Number(trimmed) : undefined;
};

/** Whether a text says that a number is missing: NaN, as NumPy and pandas write it. */
export const isNaNText = (text: string): boolean => /^\s*[+-]?nan\s*$/i.test(text);
