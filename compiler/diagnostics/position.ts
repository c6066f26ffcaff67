/** Offsets ↔ lines and columns. */

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
}

/** The lines of a text, each with the offset it begins at and without its line end. */
export class Lines {
  readonly text: string;
  private readonly starts: readonly number[];

  constructor(text: string) {
    this.text = text;
    this.starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((m) => m.index + m[0].length)];
  }

  /** Offsets beyond the text count as its end. */
  at(offset: number): Position {
    const wanted = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= wanted) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: wanted - this.starts[low] + 1 };
  }

  /** The text of a line, from 1. */
  line(number: number): string {
    return this.text.slice(this.starts[number - 1], this.starts[number]).replace(/[\r\n]+$/, "");
  }
}

let last: Lines | undefined;

/** The lines of `text`; of the text asked for last they are at hand, for of many mistakes most stand in one file. */
export function linesOf(text: string): Lines {
  if (last?.text !== text) last = new Lines(text);
  return last;
}
