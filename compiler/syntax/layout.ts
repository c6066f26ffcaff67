/**
 * Turns the words of a file into the words the grammar reads.
 *
 * Line ends become `Begin` and `End` around every statement, brackets are balanced, and mistakes at this level are
 * reported. So the grammar sees statements one by one, and a mistake in one of them cannot affect its neighbours.
 */
import type { IToken, TokenType } from "chevrotain";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { deceptive } from "../diagnostics/printable.ts";
import type { Span } from "../diagnostics/span.ts";
import { closingBraces } from "./braces.ts";
import { createTokenInstance, tokenLabel } from "./chevrotain.ts";
import { foreignHelp } from "./foreign-characters.ts";
import { maxName, maxNesting, maxOperations, maxWords } from "./limits.ts";
import * as T from "./tokens.ts";

export interface Layout {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Bracket {
  readonly token: IToken;
  /** `body` for the braces of a declaration, in which line ends matter. */
  readonly role: "body" | "inline";
  /** After a header in another language, `def f(x) {`: the grammar does not see these braces. */
  readonly foreign?: true;
}

const closers: ReadonlyMap<TokenType, TokenType> = new Map([
  [T.LeftParen, T.RightParen],
  [T.LeftSquare, T.RightSquare],
  [T.ListLeft, T.ListRight],
]);
const closing: ReadonlySet<TokenType> = new Set(closers.values());
const isDeclaration: ReadonlySet<TokenType> = new Set([...T.declarationWords, T.Import]);
const isStatement: ReadonlySet<TokenType> = new Set([...T.statementWords, T.Dim]);
/** A statement continues after one of these at the end of a line. */
const goesOn: ReadonlySet<TokenType> = new Set([
  T.LessEqual,
  T.GreaterEqual,
  T.EqualEqual,
  T.NotEqual,
  T.Less,
  T.Greater,
  T.Plus,
  T.Minus,
  T.Star,
  T.Slash,
  T.At,
  T.Caret,
  T.And,
  T.Or,
  T.Not,
  T.Equals,
  T.Comma,
  T.Colon,
]);
const operators: ReadonlySet<TokenType> = new Set(
  [...goesOn].filter((type) => type !== T.Equals && type !== T.Comma && type !== T.Colon),
);
/** Words between `;` and `]` that make a list of them. */
const inLists: ReadonlySet<TokenType> = new Set([T.Identifier, T.NumberLiteral, T.Comma, T.Semicolon, T.Minus]);
const endsValue: ReadonlySet<TokenType> = new Set([
  T.Identifier,
  T.NumberLiteral,
  T.BadNumber,
  T.RightParen,
  T.RightSquare,
]);

/** Arranges the words of `text`. Never fails. */
export function layOut(words: readonly IToken[], text: string, file: string): Layout {
  return new LayoutRun(words, text, file).run();
}

class LayoutRun {
  private readonly words: readonly IToken[];
  /** The place of the `}` of each `{` that has one. */
  private readonly closedBy: ReadonlyMap<IToken | undefined, number>;
  private readonly text: string;
  private readonly file: string;
  private readonly out: IToken[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly brackets: Bracket[] = [];
  /** For each enclosing body, the first word of the statement being read. */
  private readonly heads: (IToken | undefined)[] = [undefined];
  private length = 0;
  private operations = 0;
  private powers = 0;
  /** Whether the statement is too deeply nested or too long: this has been reported, and the rest of its words are skipped. */
  private tooDeep = false;
  /** Where the statement begins in `out`. */
  private begin = 0;
  /** The place of this word among `words`. */
  private at = 0;
  /** The word before this one, whether kept or not. */
  private before: IToken | undefined;

  constructor(words: readonly IToken[], text: string, file: string) {
    this.words = withDims(words);
    this.closedBy = closingBraces(words);
    this.text = text;
    this.file = file;
  }

  run(): Layout {
    for (let i = 0; i < this.words.length; i++) {
      const type = this.words[i].tokenType;
      this.at = i;
      if (type === T.Newline) this.newline(i);
      else if (type === T.Semicolon) this.semicolon(i);
      else if (type === T.Unknown) this.unknown(i);
      else {
        const last = this.nestedEnd(i);
        if (last === undefined) this.word(this.words[i], this.words[i - 1]);
        else {
          this.nested(i, last);
          i = last;
        }
      }
    }
    this.closeInline();
    this.endStatement();
    while (this.brackets.length > 0) this.closeBody(undefined);
    return { tokens: this.out, diagnostics: this.diagnostics };
  }

  /** The end of a statement; or, between the items of a list, another language's way to join values. */
  private semicolon(index: number): void {
    const { top } = this;
    const square = top?.token.tokenType === T.LeftSquare;
    const end = this.words.findIndex((w, i) => i > index && !inLists.has(w.tokenType));
    if (!square || this.words[end]?.tokenType !== T.RightSquare) this.endStatement();
    else
      this.report(
        "C0107",
        "`;` ends a statement",
        this.span(this.words[index]),
        "inside brackets",
        "write concat(a, b) to join values, and commas between the items of a list",
      );
  }

  private get head(): IToken | undefined {
    return this.heads[this.heads.length - 1];
  }

  private set head(token: IToken | undefined) {
    this.heads[this.heads.length - 1] = token;
  }

  private get top(): Bracket | undefined {
    return this.brackets[this.brackets.length - 1];
  }

  private word(word: IToken, before: IToken | undefined): void {
    const type = word.tokenType;
    if (type === T.OpenComment) {
      const span = { ...this.span(word), end: word.startOffset + 2 };
      this.report("C0102", "this comment is never closed", span, "the rest of the file is inside it", "end it with */");
      return;
    }
    if (type === T.RightCurly) {
      this.rightCurly(word);
      return;
    }
    if (this.head === undefined) this.beginStatement(word);
    this.before = word;
    if (++this.length > maxWords) this.deep(word, `a statement has at most ${maxWords} words`);
    if (operators.has(type) && ++this.operations > maxOperations)
      this.deep(word, `a statement has at most ${maxOperations} operations`);
    if (type === T.LeftCurly) this.leftCurly(word);
    else if (closers.has(type)) this.open(word);
    else if (closing.has(type)) this.close(word);
    else {
      if (type === T.Caret && ++this.powers + this.brackets.length > maxNesting)
        this.deep(word, `powers and brackets nest at most ${maxNesting} deep`);
      this.plain(word, before);
    }
  }

  private plain(word: IToken, before: IToken | undefined): void {
    if (this.tooDeep) return;
    const type = word.tokenType;
    if (type === T.BadNumber) this.badNumber(word);
    if (type === T.BadString) {
      this.report(
        "C0103",
        "this text has no closing quote",
        this.span(word),
        undefined,
        "end it with a quotation mark",
      );
    }
    if (type === T.StringLiteral) this.diagnostics.push(...hiddenCharacters(word, this.file));
    if (type === T.Identifier && word.image.length > maxName) {
      const help = `a name has at most ${maxName} characters`;
      this.report("C0125", `this name has ${word.image.length} characters`, this.span(word), undefined, help);
    }
    if (type === T.Identifier && before?.tokenType === T.NumberLiteral && endOf(before) === word.startOffset) {
      this.out.push(this.virtual(T.Juxtaposed, word.startOffset));
    }
    this.out.push(word);
  }

  /** A line end ends a statement, unless a bracket is open or the line ends in the middle of something. */
  private newline(index: number): void {
    const { before } = this;
    // Of several line ends, the first one decides.
    if (this.head === undefined || before === undefined || this.words[index - 1]?.tokenType === T.Newline) return;
    let next = index + 1;
    while (this.words[next]?.tokenType === T.Newline) next++;
    const after = this.words[next];
    if (after === undefined) return;
    const starts = isStatement.has(after.tokenType) || isDeclaration.has(after.tokenType);
    const assigns = this.assigns(next);
    if (this.top?.role === "inline") {
      // No statement can begin inside brackets: if one begins here, a bracket is missing.
      const parameter =
        after.tokenType === T.Cell && (before.tokenType === T.Comma || before.tokenType === T.LeftParen);
      if ((starts && !parameter) || (endsValue.has(before.tokenType) && assigns)) this.endStatement();
      return;
    }
    if (goesOn.has(before.tokenType) && !starts && !(assigns && before.tokenType !== T.Comma)) return;
    if (after.tokenType === T.LeftCurly && isDeclaration.has(this.head.tokenType)) return;
    this.endStatement();
  }

  /** Whether `a = …` or `a, b = …` begins at this word. */
  private assigns(index: number): boolean {
    let i = index;
    while (this.words[i]?.tokenType === T.Identifier && this.words[i + 1]?.tokenType === T.Comma) i += 2;
    return this.words[i]?.tokenType === T.Identifier && this.words[i + 1]?.tokenType === T.Equals;
  }

  private beginStatement(word: IToken): void {
    const body = this.top;
    if (body?.role === "body" && isDeclaration.has(word.tokenType) && !this.namesCell()) {
      this.closeBody(word);
    }
    this.head = word;
    this.length = 0;
    this.operations = 0;
    this.powers = 0;
    this.tooDeep = false;
    this.before = undefined;
    this.begin = this.out.length;
    this.out.push(this.virtual(T.Begin, word.startOffset));
  }

  /**
   * The place of the last word of a function that begins at this word inside a body, if that is what was meant: it is indented, and
   * both braces are closed.
   */
  private nestedEnd(index: number): number | undefined {
    const word = this.words[index];
    const { top } = this;
    if (word.tokenType !== T.Fn || this.head !== undefined || top?.role !== "body") return undefined;
    if (!this.closedBy.has(top.token) || !/[ \t]/.test(this.text[word.startOffset - 1] ?? "")) return undefined;
    let open = index + 1;
    while (open < this.words.length && ![T.LeftCurly, T.Newline].includes(this.words[open].tokenType)) open++;
    return this.closedBy.get(this.words[open]);
  }

  /** Reports a function inside a body. It is not read. */
  private nested(index: number, last: number): void {
    const span = { ...this.span(this.words[index]), end: endOf(this.words[last]) };
    const help = "move it above: a function stands beside cells, and is given all that it needs as arguments";
    this.report("C0110", "a body holds no functions", span, undefined, help);
  }

  /** Whether `cell a = b` begins at this word without a `with`: not a declaration, but meant as a statement. */
  private namesCell(): boolean {
    const [word, name, equals, base, after] = this.words.slice(this.at, this.at + 5);
    return (
      word.tokenType === T.Cell &&
      name?.tokenType === T.Identifier &&
      equals?.tokenType === T.Equals &&
      base?.tokenType === T.Identifier &&
      (after?.tokenType === T.LeftParen || after?.tokenType === T.Newline || after?.tokenType === T.Semicolon)
    );
  }

  private endStatement(): void {
    this.closeInline();
    if (this.head === undefined) return;
    this.out.push(this.virtual(T.End, this.here()));
    this.head = undefined;
  }

  private leftCurly(word: IToken): void {
    const head = this.head;
    const header = head !== undefined && T.declarationWords.includes(head.tokenType);
    // Outside of all bodies a word that begins no declaration has a body, too, whose statements are read by themselves.
    if (head?.tokenType === T.Identifier && this.brackets.length === 0) {
      this.endStatement();
      this.brackets.push({ token: word, role: "body", foreign: true });
      this.heads.push(undefined);
      return;
    }
    if (header && (this.top === undefined || this.top.role === "inline")) {
      this.closeInline();
      this.brackets.push({ token: word, role: "body" });
      this.heads.push(undefined);
      this.out.push(word);
      return;
    }
    this.open(retyped(word, T.ListLeft));
  }

  private rightCurly(word: IToken): void {
    const inline = this.brackets.findLastIndex((b) => b.token.tokenType === T.ListLeft);
    const body = this.brackets.findLastIndex((b) => b.role === "body");
    if (inline > body) {
      this.close(retyped(word, T.ListRight));
      return;
    }
    this.endStatement();
    if (body < 0) {
      this.report("C0106", "this `}` closes nothing", this.span(word), undefined, "remove it");
      return;
    }
    const { foreign } = this.brackets.pop()!;
    this.heads.pop();
    if (!foreign) this.out.push(word);
    this.endStatement();
  }

  /** Closes a body whose `}` is missing, at the end of the file or before the declaration that begins at `next`. */
  private closeBody(next: IToken | undefined): void {
    const body = this.brackets.pop()!;
    this.heads.pop();
    const where =
      next === undefined ? "the file ends inside it" : `\`${next.image}\` begins a new declaration inside it`;
    this.report(
      "C0105",
      "this `{` is never closed",
      this.span(body.token),
      where,
      "add a `}` after the last statement",
    );
    if (!body.foreign) this.out.push(this.virtual(T.RightCurly, this.here()), this.virtual(T.End, this.here()));
    this.head = undefined;
  }

  private open(word: IToken): void {
    if (this.brackets.length + this.powers >= maxNesting) this.deep(word, `brackets nest at most ${maxNesting} deep`);
    if (!this.tooDeep) this.out.push(word);
    this.brackets.push({ token: word, role: "inline" });
  }

  private close(word: IToken): void {
    const top = this.top;
    if (top === undefined || top.role === "body") {
      const message = `this \`${word.image}\` closes nothing`;
      this.report("C0106", message, this.span(word), undefined, "remove it, or add the bracket that opens it");
      return;
    }
    const expected = closers.get(top.token.tokenType)!;
    this.brackets.pop();
    if (this.tooDeep) return;
    if (word.tokenType !== expected) {
      this.diagnostics.push({
        code: "C0106",
        severity: "error",
        message: `\`${top.token.image}\` is closed by \`${word.image}\``,
        span: this.span(word),
        label: `expected ${tokenLabel(expected)}`,
        notes: [{ span: this.span(top.token), message: "opened here" }],
      });
    }
    this.out.push(retyped(word, expected));
  }

  /** Closes the round and square brackets the statement left open. */
  private closeInline(): void {
    while (this.top?.role === "inline") {
      const { token } = this.brackets.pop()!;
      const closer = closers.get(token.tokenType)!;
      if (this.tooDeep) continue;
      const help = `add a ${tokenLabel(closer)}`;
      this.report("C0105", `this \`${token.image}\` is never closed`, this.span(token), undefined, help);
      this.out.push(this.virtual(closer, this.here()));
    }
  }

  private unknown(index: number): void {
    const word = this.words[index];
    const before = this.words[index - 1];
    // A run of unknown characters (`&&`, a word in another script) is one mistake.
    if (before?.tokenType === T.Unknown && endOf(before) === word.startOffset) return;
    let last = index;
    while (
      this.words[last + 1]?.tokenType === T.Unknown &&
      endOf(this.words[last]) === this.words[last + 1].startOffset
    ) {
      last++;
    }
    const span = { file: this.file, start: word.startOffset, end: endOf(this.words[last]) };
    if (this.text.slice(span.start, span.end) === "”" && this.text.slice(0, span.start).includes("“")) return;
    const after = this.words[last + 1];
    if (this.head === undefined && after !== undefined && after.tokenType !== T.Newline) this.beginStatement(word);
    const image = this.text.slice(span.start, span.end);
    const call = after?.tokenType === T.LeftParen && after.startOffset === span.end;
    const help = this.head?.tokenType === T.Import && image === "'" ? quotesHelp : foreignHelp(image, call);
    this.report("C0101", `\`${image}\` has no meaning here`, span, undefined, help);
  }

  private badNumber(word: IToken): void {
    const image = word.image;
    const help = image.startsWith(".") ? `write 0${image}` : image.endsWith(".") ? `write ${image}0` : undefined;
    this.report("C0104", `\`${image}\` is not a number`, this.span(word), undefined, help ?? "a number has one point");
  }

  /** Reports the statement, and replaces all but its first word by a word that the grammar cannot read. */
  private deep(word: IToken, label: string): void {
    if (this.tooDeep) return;
    this.report("C0121", "this statement is too deep to read", this.span(word), label, splitHelp);
    this.tooDeep = true;
    this.out.length = Math.min(this.out.length, this.begin + 2);
    this.out.push(this.virtual(T.Unknown, this.here()));
  }

  private report(code: Diagnostic["code"], message: string, span: Span, label?: string, help?: string): void {
    this.diagnostics.push({ code, severity: "error", message, span, label, help });
  }

  private span(token: IToken): Span {
    return { file: this.file, start: token.startOffset, end: endOf(token) };
  }

  /** The place right after the last word that was kept. */
  private here(): number {
    const last = this.out[this.out.length - 1];
    return last === undefined ? 0 : endOf(last);
  }

  /** A zero-width token: its image is empty. */
  private virtual(type: TokenType, offset: number): IToken {
    return createTokenInstance(type, "", offset, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
  }
}

/** `dim` before a name, at the start of a statement, is the word that begins it. */
function withDims(words: readonly IToken[]): readonly IToken[] {
  const begins = (before: IToken | undefined): boolean =>
    before === undefined || [T.Newline, T.Semicolon, T.LeftCurly].includes(before.tokenType);
  return words.map((word, i) => {
    const isDim = word.image === "dim" && begins(words[i - 1]) && words[i + 1]?.tokenType === T.Identifier;
    return isDim ? retyped(word, T.Dim) : word;
  });
}

/** Reports characters in comments and quoted names that are invisible or deceptive: C0123. */
export function hiddenCharacters(word: IToken, file: string): readonly Diagnostic[] {
  const found = deceptive.exec(word.image);
  if (found === null) return [];
  const start = word.startOffset + found.index;
  const message = `the character \`${found[0]}\` is not to be seen here`;
  return [{ code: "C0123", severity: "error", message, span: { file, start, end: start + 1 }, help: "remove it" }];
}

/** The offset right after a token. */
function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

function retyped(token: IToken, type: TokenType): IToken {
  return { ...token, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! };
}

const quotesHelp = 'put file names in double quotes: "./lstm.cell"';
const splitHelp = "give a part of it a name of its own";
