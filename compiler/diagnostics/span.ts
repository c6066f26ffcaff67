/** A range of source text: UTF-16 offsets `[start, end)` into the text of `file`. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** The smallest span that contains both. */
export function join(a: Span, b: Span): Span {
  return { file: a.file, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** The span of text that is in no file: options, generated declarations. */
export const nowhere: Span = { file: "", start: 0, end: 0 };
