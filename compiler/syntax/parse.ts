/** Text → syntax tree, by way of words, layout and grammar. */
import type { IToken } from "chevrotain";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { File } from "./ast.ts";
import { buildAst } from "./build-ast.ts";
import { readGrammar } from "./grammar.ts";
import { hiddenCharacters, layOut } from "./layout.ts";
import { maxText } from "./limits.ts";
import { explainError } from "./syntax-errors.ts";
import * as T from "./tokens.ts";

/**
 * Parses a `.cell` text. Never throws on a bad text: every statement that could not be read is left out of the tree and
 * has a diagnostic, in source order. `file` is the name in spans.
 */
export function parse(text: string, file: string): { file: File; diagnostics: Diagnostic[] } {
  if (text.length > maxText) return tooLong(text.length, file);
  const { tokens, comments } = T.lex(text);
  const layout = layOut(tokens, text, file);
  const { cst, errors } = readGrammar(layout.tokens);
  const statements = splitStatements(layout.tokens);

  // If the words themselves are wrong, what the grammar says about the rest of the statement is noise.
  const damaged = new Set(layout.diagnostics.map((d) => statementAt(statements, d.span.start)));
  const unread = errors.flatMap((error) => {
    const statement = statementOf(statements, error.token);
    return damaged.has(statement) ? [] : [explainError(error, statement?.words ?? [], file)];
  });
  const built = buildAst(cst, { file, start: 0, end: text.length });
  const hidden = comments.flatMap((comment) => hiddenCharacters(comment, file));
  const diagnostics = [...layout.diagnostics, ...unread, ...built.diagnostics, ...hidden];
  const inOrder = diagnostics.sort((a, b) => a.span.start - b.span.start);
  return { file: built.file, diagnostics: withoutStrays(inOrder, built.file, text) };
}

/**
 * Without statements outside of any declaration, and `}` without a `{`, that follow such a statement or a header without a body, up
 * to the next declaration: the header is the mistake.
 */
function withoutStrays(diagnostics: readonly Diagnostic[], { declarations }: File, text: string): Diagnostic[] {
  let cause = -1;
  return diagnostics.filter(({ code, span, message }) => {
    const since = declarations.some((d) => d.span.start > cause && d.span.start <= span.start);
    const strays = code === "C0111" || code === "C0117" || (code === "C0106" && message.includes("`}`"));
    if (strays && cause >= 0 && !since) return false;
    const line = text.slice(span.start).split(/[\r\n]/, 1)[0];
    if (code === "C0111" || (code === "C0112" && !line.includes("{"))) cause = span.start;
    return true;
  });
}

function tooLong(length: number, file: string): { file: File; diagnostics: Diagnostic[] } {
  const span = { file, start: 0, end: 0 };
  const message = `this file has ${length > 3 * maxText ? "far " : ""}more than ${maxText.toLocaleString("en-US")} characters`;
  const help = "divide it: a file can import from others";
  return {
    file: { kind: "file", imports: [], declarations: [], span },
    diagnostics: [{ code: "C0126", severity: "error", message, span, help }],
  };
}

interface StatementWords {
  readonly start: number;
  /** Every word of the statement; for a declaration, those of its header. */
  readonly words: readonly IToken[];
}

function splitStatements(tokens: readonly IToken[]): readonly StatementWords[] {
  const statements: StatementWords[] = [];
  let words: IToken[] = [];
  let start = 0;
  for (const token of tokens) {
    if (token.tokenType === T.Begin) {
      words = [];
      start = token.startOffset;
    } else if (token.tokenType === T.End || token.tokenType === T.LeftCurly) {
      if (words.length > 0) statements.push({ start, words });
      words = [];
    } else if (token.tokenType !== T.RightCurly && token.tokenType !== T.Juxtaposed) words.push(token);
  }
  return statements;
}

/** The last statement that begins at or before an offset. */
function statementAt(statements: readonly StatementWords[], offset: number): StatementWords | undefined {
  let low = 0;
  let high = statements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (statements[middle].start <= offset) low = middle + 1;
    else high = middle;
  }
  return statements[low - 1];
}

function statementOf(statements: readonly StatementWords[], token: IToken): StatementWords | undefined {
  return Number.isNaN(token.startOffset) ? statements.at(-1) : statementAt(statements, token.startOffset);
}
