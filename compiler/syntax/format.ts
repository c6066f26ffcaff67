/**
 * The canonical form of a `.cell` text.
 *
 * Comments are not in the tree, so they are put back by position: one on the same line as the end of a statement
 * stays after it, one from inside a statement moves above it, and every other keeps a line of its own.
 */
import type { IToken } from "chevrotain";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { limitDiagnostics } from "../diagnostics/limit.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Declaration, Import } from "./ast.ts";
import { parse } from "./parse.ts";
import { type Columns, printExpr, printHeader, printImport, printStatement } from "./print.ts";
import { LeftCurly, lex } from "./tokens.ts";

export { printExpr };

/**
 * Formats a text. Formatting twice changes nothing, and no comment is lost. A text with syntax errors is returned
 * unchanged, together with them.
 */
export function format(text: string, file: string): { text: string; diagnostics: readonly Diagnostic[] } {
  const given = parse(text, file);
  if (given.diagnostics.length > 0) return { text, diagnostics: limitDiagnostics(given.diagnostics) };
  const source = text.replace(/\r\n?/g, "\n").replace(/^\ufeff/, "");
  const tree = source === text ? given.file : parse(source, file).file;
  const items = [...tree.imports, ...tree.declarations].sort((a, b) => a.span.start - b.span.start);
  const printer = new Printer(source);
  const entries = printer.region(
    items.map((item) => ({ span: item.span, print: () => printer.item(item) })),
    0,
    source.length,
  );
  return { text: joinEntries(entries, 0), diagnostics: [] };
}

/** Something to be printed, with the place it was read from. */
interface Item {
  readonly span: Span;
  readonly print: () => Printed;
}

interface Printed {
  /** The columns of a statement; undefined for anything else, whose lines are finished. */
  readonly columns: Columns | undefined;
  readonly lines: readonly string[];
  /** The offset where the body begins: comments from there on are in `lines` already. */
  readonly body?: number;
}

/** A statement, a declaration, or a comment on lines of its own. */
interface Entry extends Printed {
  readonly blankBefore: boolean;
  readonly trailing: readonly string[];
}

/** Declarations on several lines are set apart by blank lines. */
const isTall = (entry: Entry): boolean => entry.lines.length > 1;

class Printer {
  private readonly text: string;
  private readonly comments: readonly IToken[];
  private readonly braces: readonly number[];

  constructor(text: string) {
    this.text = text;
    const words = lex(text);
    this.comments = words.comments;
    this.braces = words.tokens.filter((t) => t.tokenType === LeftCurly).map((t) => t.startOffset);
  }

  /** The items and comments between two offsets, in order. */
  region(items: readonly Item[], start: number, end: number): Entry[] {
    const entries: Entry[] = [];
    const comments = this.commentsIn(start, end);
    let at = 0;
    let last = start;
    const own = (comment: IToken): void => {
      entries.push(commentEntry(comment, entries.length > 0 && this.blank(last, comment.startOffset)));
      last = endOf(comment);
    };
    for (const [i, item] of items.entries()) {
      const next = items[i + 1]?.span.start ?? end;
      while (at < comments.length && comments[at].startOffset < item.span.start) own(comments[at++]);
      const printed = item.print();
      const inside: IToken[] = [];
      while (at < comments.length && comments[at].startOffset < item.span.end) inside.push(comments[at++]);
      const above = inside.filter((c) => c.startOffset < (printed.body ?? item.span.end));
      const blankBefore = entries.length > 0 && this.blank(last, item.span.start);
      entries.push(...above.map((c, k) => commentEntry(c, blankBefore && k === 0)));
      last = item.span.end;
      const trailing: string[] = [];
      while (comments[at]?.startOffset < next && this.sameLine(last, comments[at].startOffset)) {
        trailing.push(comments[at].image.trimEnd());
        last = endOf(comments[at++]);
      }
      entries.push({ ...printed, blankBefore: blankBefore && above.length === 0, trailing });
    }
    while (at < comments.length) own(comments[at++]);
    return entries;
  }

  item(item: Import | Declaration): Printed {
    if (item.kind === "import") return { columns: undefined, lines: [printImport(item)] };
    const header = printHeader(item);
    const open = this.braces.find((b) => b >= item.span.start)!;
    const close = item.span.end - 1;
    const comments = this.commentsIn(open, close);

    const values: readonly Item[] =
      "result" in item
        ? [{ span: item.result.span, print: () => ({ columns: [printExpr(item.result)], lines: [] }) }]
        : [];
    const items = [
      ...item.body.map((s): Item => ({ span: s.span, print: () => ({ columns: printStatement(s), lines: [] }) })),
      ...values,
    ];
    if (items.length === 0 && comments.length === 0) return { columns: undefined, lines: [`${header} {}`] };
    if (items.length === 1 && comments.length === 0 && this.sameLine(open, items[0].span.start)) {
      return {
        columns: undefined,
        lines: [`${header} { ${joinEntries(this.region(items, open, close), 0).trimEnd()} }`],
      };
    }
    // Comments after the brace stay there.
    let start = open + 1;
    let first = `${header} {`;
    for (const comment of comments) {
      if (!this.sameLine(start, comment.startOffset)) break;
      first += `${start === open + 1 ? "  " : " "}${comment.image.trimEnd()}`;
      start = endOf(comment);
    }
    const body = joinEntries(this.region(items, start, close), 2);
    return { columns: undefined, lines: [first, ...body.split("\n").slice(0, -1), "}"], body: open };
  }

  private commentsIn(start: number, end: number): readonly IToken[] {
    return this.comments.filter((c) => c.startOffset >= start && c.startOffset < end);
  }

  private blank(from: number, to: number): boolean {
    return this.text.slice(from, to).split("\n").length > 2;
  }

  private sameLine(from: number, to: number): boolean {
    return from <= to && !this.text.slice(from, to).includes("\n");
  }
}

function commentEntry(comment: IToken, blankBefore: boolean): Entry {
  return { columns: undefined, lines: [comment.image.trimEnd()], blankBefore, trailing: [] };
}

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

/** Puts entries one below the other, and aligns each run of similar statements in columns. Ends in a line end, unless empty. */
function joinEntries(entries: readonly Entry[], indent: number): string {
  const blanks = blankLines(entries);
  const columns = alignRuns(entries, blanks);
  const margin = " ".repeat(indent);
  return entries
    .map((entry, i) => {
      const lines = columns[i] === undefined ? entry.lines.join("\n") : columns[i];
      const trailing = entry.trailing.length === 0 ? "" : `  ${entry.trailing.join(" ")}`;
      return `${blanks[i] ? "\n" : ""}${margin}${lines}${trailing}\n`;
    })
    .join("");
}

/** Which entries follow a blank line: runs of blank lines collapse to one, and a tall declaration, with its comments, is set apart. */
function blankLines(entries: readonly Entry[]): readonly boolean[] {
  const blanks = entries.map((e) => e.blankBefore);
  entries.forEach((entry, i) => {
    if (!isTall(entry)) return;
    if (i + 1 < entries.length) blanks[i + 1] = true;
    let first = i;
    while (first > 0 && !blanks[first] && isComment(entries[first - 1])) first--;
    if (first > 0) blanks[first] = true;
  });
  return blanks;
}

function isComment(entry: Entry): boolean {
  return entry.columns === undefined && entry.lines[0].startsWith("/");
}

/** Groups of statements whose colons are aligned. */
const families: readonly (readonly string[])[] = [["param", "const", "input", "target", "state"], ["place"]];

function alignRuns(entries: readonly Entry[], blanks: readonly boolean[]): readonly (string | undefined)[] {
  const word = entries.map(({ columns }) => columns?.[0].split(" ", 1)[0] ?? "");
  const family = entries.map(({ columns }, i) =>
    columns?.[1] === undefined ? undefined : families.find((f) => f.includes(word[i])),
  );
  const heads = widest(entries, blanks, 0, (a, b) => family[a] !== undefined && family[a] === family[b]);
  const types = widest(entries, blanks, 1, (a, b) => word[a] === word[b]);
  return entries.map((entry, i) => {
    if (entry.columns === undefined) return undefined;
    const [head, type, value] = entry.columns;
    if (type === undefined) return head;
    const start = `${head.padEnd(heads[i])} : `;
    if (value === undefined) return start + type;
    return `${start}${type.padEnd(types[i])} = ${value}`;
  });
}

/** For each entry, the width of a column over its similar neighbours. */
function widest(
  entries: readonly Entry[],
  blanks: readonly boolean[],
  column: 0 | 1,
  alike: (a: number, b: number) => boolean,
): readonly number[] {
  const widths: number[] = [];
  for (let from = 0; from < entries.length; ) {
    let to = from + 1;
    while (to < entries.length && !blanks[to] && alike(to - 1, to)) to++;
    const run = entries.slice(from, to).map(({ columns }) => columns?.[column]?.length ?? 0);
    const width = run.reduce((a, b) => Math.max(a, b), 0);
    for (; from < to; from++) widths.push(width);
  }
  return widths;
}
