/** The comments of a text that are about a place in it: those in the lines above, and the one that ends its line. */
import { lex } from "./tokens.ts";

/** Looks up comments by place. */
export interface Comments {
  /** The lines above the one that has `offset`, if they hold comments alone, without `//`; blank lines end them. */
  above(offset: number): readonly string[];
  /** The comment at the end of the line that has `offset`. */
  after(offset: number): readonly string[];
  /** The comment that the text begins with. */
  first(): readonly string[];
}

interface Comment {
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
  /** Whether nothing but white space is before it in its line. */
  readonly alone: boolean;
}

/** Reads the comments of a text. */
export function commentsOf(text: string): Comments {
  const all = lex(text).comments.map(({ startOffset: start, image }): Comment => {
    const before = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
    return { start, end: start + image.length, lines: linesOf(image), alone: before.trim() === "" };
  });
  const above = (offset: number): readonly string[] => {
    const lines: string[][] = [];
    let lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    for (const comment of all.toReversed()) {
      if (comment.end > lineStart) continue;
      const between = text.slice(comment.end, lineStart);
      if (!comment.alone || between.trim() !== "" || between.split("\n").length !== 2) break;
      lines.unshift([...comment.lines]);
      lineStart = text.lastIndexOf("\n", comment.start - 1) + 1;
    }
    return lines.flat();
  };
  return {
    above,
    after(offset) {
      const newline = text.indexOf("\n", offset);
      const lineEnd = newline < 0 ? text.length : newline;
      const found = all.find(({ start, alone }) => !alone && start > offset && start < lineEnd);
      return found?.lines ?? [];
    },
    first() {
      const start = text.search(/\S/);
      const run: string[] = [];
      let end = start;
      for (const comment of all) {
        const between = text.slice(end, comment.start);
        if (comment.start !== start && (between.trim() !== "" || between.split("\n").length !== 2)) break;
        if (!comment.alone) break;
        run.push(...comment.lines);
        end = comment.end;
      }
      return run;
    },
  };
}

/** A comment's text, line by line, without its marks. */
function linesOf(image: string): readonly string[] {
  if (image.startsWith("//")) return [image.slice(2).replace(/^ /, "").trimEnd()];
  const lines = image.slice(2, -2).split(/\r\n|\n|\r/);
  return lines.map((line) => line.replace(/^\s*\*?\s*/, "").trimEnd()).filter((line) => line !== "");
}
