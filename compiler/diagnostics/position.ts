/** Converts offsets to lines and columns. */

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
}

/** The lines of a text without their line ends, each with the offset at which it begins. */
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

/** The lines of `text`. Those of the last text are cached, since most mistakes are in the same file. */
export function linesOf(text: string): Lines {
  if (last?.text !== text) last = new Lines(text);
  return last;
}
