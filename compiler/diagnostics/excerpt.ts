/** Shows the lines of source text that a message points at, with carets under the place. */
import type { Lines, Position } from "./position.ts";
import { printable } from "./printable.ts";

export interface ExcerptLine {
  /** The line number; undefined for carets and gaps. */
  readonly number?: number;
  readonly text: string;
  /** The part of `text` to be coloured, as [from, to). */
  readonly marked?: readonly [number, number];
}

const tab = "    ";
/** Longer lines are cut around the place. */
const maxWidth = 110;

/**
 * One line with carets below it, or for a span over several lines the first and the last, with `…` between. The label
 * follows the last carets. `mark` is the character of the carets.
 */
export function excerpt(
  lines: Lines,
  from: number,
  to: number,
  label: string,
  mark: "^" | "-",
): readonly ExcerptLine[] {
  const start = lines.at(from);
  // An end right after a line break belongs to the line before it.
  const last = lines.at(Math.max(from, to - 1));
  const end: Position = { line: last.line, column: to > from ? last.column + 1 : last.column };
  if (start.line === end.line) return marked(lines, start.line, start.column, end.column, label, mark);
  const body = lines.line(end.line);
  const indent = body.length - body.trimStart().length;
  const gap: ExcerptLine[] = end.line > start.line + 1 ? [{ text: "…" }] : [];
  return [
    ...marked(lines, start.line, start.column, lines.line(start.line).length + 1, "", mark),
    ...gap,
    ...marked(lines, end.line, Math.min(indent + 1, end.column), end.column, label, mark),
  ];
}

function marked(
  lines: Lines,
  line: number,
  from: number,
  to: number,
  label: string,
  mark: string,
): readonly ExcerptLine[] {
  const source = lines.line(line);
  const { text, left, width } = cutAround(shown(source.slice(0, from - 1)), shown(source.slice(from - 1, to - 1)), () =>
    shown(source.slice(to - 1)),
  );
  const carets = mark.repeat(Math.min(width, maxWidth));
  const under = `${" ".repeat(left)}${carets}${label === "" ? "" : ` ${label}`}`;
  return [
    { number: line, text },
    { text: under, marked: [left, under.length] },
  ];
}

/** A piece of a line for display: with spaces for tabs, and codes for characters that a terminal would obey or not show. */
const shown = (text: string): string => printable(text.replaceAll("\t", tab));

/** Cuts a long line to a window that shows the place, which follows `before`. */
function cutAround(
  before: string,
  place: string,
  after: () => string,
): { readonly text: string; readonly left: number; readonly width: number } {
  const left = widthOf(before);
  const width = Math.max(1, widthOf(place));
  const rest = after();
  if (left + width + widthOf(rest) <= maxWidth) return { text: `${before}${place}${rest}`.trimEnd(), left, width };
  const begin = Math.max(0, Math.min(left - 20, left + Math.min(width, maxWidth) - maxWidth + 20));
  const { text: window, skipped, more } = columns(`${before}${place}${rest}`, begin, maxWidth);
  const head = skipped > 0 ? "…" : "";
  return { text: `${head}${window}${more ? "…" : ""}`.trimEnd(), left: left - skipped + head.length, width };
}

/** The characters of `text` in `width` columns from column `from` on, how many columns precede them, and whether more follow. */
function columns(
  text: string,
  from: number,
  width: number,
): { readonly text: string; readonly skipped: number; readonly more: boolean } {
  let column = 0;
  let skipped = 0;
  let window = "";
  for (const char of text) {
    const next = column + widthOf(char);
    if (column < from) skipped = next;
    else if (next <= skipped + width) window += char;
    else return { text: window, skipped, more: true };
    column = next;
  }
  return { text: window, skipped, more: false };
}

/** The columns that a text takes on a terminal: tabs four, East Asian characters and pictures two, combining marks none. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) {
    if (char === "\t") width += tab.length;
    else if (/\p{Mn}|\p{Me}|\u200b|\u200d/u.test(char)) width += 0;
    else if (
      /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/u.test(
        char,
      )
    ) {
      width += 2;
    } else width += 1;
  }
  return width;
}
