/**
 * The words of the Cell language, and the lexer.
 *
 * The lexer never fails: a character that starts no word becomes an `Unknown` token, which `layout.ts` reports.
 */
import type { IToken, TokenType } from "chevrotain";
import { createToken, Lexer } from "./chevrotain.ts";

// Categories: the grammar asks for "a comparison operator" and the order of several operators is kept.
export const CompareOperator = createToken({ name: "CompareOperator", pattern: Lexer.NA, label: "a comparison" });
export const AddOperator = createToken({ name: "AddOperator", pattern: Lexer.NA, label: "`+` or `-`" });
export const MultiplyOperator = createToken({ name: "MultiplyOperator", pattern: Lexer.NA, label: "`*`, `/` or `@`" });

// Zero-width tokens that `layout.ts` inserts: where a statement begins and ends, and the product in `4H`.
export const Begin = createToken({ name: "Begin", pattern: Lexer.NA, label: "the start of a statement" });
export const End = createToken({ name: "End", pattern: Lexer.NA, label: "the end of the statement" });
export const Juxtaposed = createToken({ name: "Juxtaposed", pattern: Lexer.NA, label: "a product" });
/** Braces without a body: those of an import, and stray ones. They are separate, so that recovery never mistakes them for a body. */
export const ListLeft = createToken({ name: "ListLeft", pattern: Lexer.NA, label: "`{`" });
export const ListRight = createToken({ name: "ListRight", pattern: Lexer.NA, label: "`}`" });

// Primes belong to the name before them: `h'`. Two primes are read, to be refused with a message of their own.
export const Identifier = createToken({ name: "Identifier", pattern: /[A-Za-z_][A-Za-z0-9_]*'*/, label: "a name" });
export const NumberLiteral = createToken({
  name: "NumberLiteral",
  pattern: /\d+(\.\d+)?([eE][+-]?\d+)?/,
  label: "a number",
});
/** Spellings of numbers that other languages accept and this one does not: `.5`, `1.`, `1.2.3`. */
export const BadNumber = createToken({
  name: "BadNumber",
  pattern: /\.\d+(\.\d+)*([eE][+-]?\d+)?|\d+(\.\d+){2,}|\d+\.(?![\dA-Za-z_])/,
  label: "a number",
  categories: NumberLiteral,
});
/** A file to import, or one of a function's choices. */
export const StringLiteral = createToken({ name: "StringLiteral", pattern: /"[^"\n\r]*"/, label: "text in quotes" });
export const BadString = createToken({
  name: "BadString",
  pattern: /"[^"\n\r]*/,
  label: "text in quotes",
  categories: StringLiteral,
});

const keyword = (word: string): TokenType =>
  createToken({
    name: word[0].toUpperCase() + word.slice(1),
    pattern: word,
    longer_alt: Identifier,
    label: `\`${word}\``,
  });

export const Cell = keyword("cell");
export const Norm = keyword("norm");
export const Fn = keyword("fn");
export const Model = keyword("model");
export const Param = keyword("param");
export const Const = keyword("const");
export const Input = keyword("input");
export const Target = keyword("target");
export const State = keyword("state");
export const Site = keyword("site");
export const Place = keyword("place");
export const Stat = keyword("stat");
export const Output = keyword("output");
export const Loss = keyword("loss");
export const Metric = keyword("metric");
export const Import = keyword("import");
export const From = keyword("from");
export const With = keyword("with");
export const Scan = keyword("scan");
export const Over = keyword("over");
export const Like = keyword("like");
export const Reverse = keyword("reverse");
export const And = keyword("and");
export const Or = keyword("or");
export const Not = keyword("not");

/**
 * `dim` where it begins a statement and a name follows; elsewhere it is a name like any other. The lexer never makes this token:
 * `layout.ts` retypes the name.
 */
export const Dim = createToken({ name: "Dim", pattern: Lexer.NA, label: "`dim`" });

/** Words that begin a declaration with a body. */
export const declarationWords: readonly TokenType[] = [Cell, Norm, Fn, Model];
/** Words that begin a statement of a body. */
export const statementWords: readonly TokenType[] = [
  Param,
  Const,
  Input,
  Target,
  State,
  Site,
  Place,
  Stat,
  Output,
  Loss,
  Metric,
];
export const keywords: readonly TokenType[] = [
  ...declarationWords,
  ...statementWords,
  Import,
  From,
  With,
  Scan,
  Over,
  Like,
  Reverse,
  And,
  Or,
  Not,
];
export const reservedWords: readonly string[] = keywords.map((k) => k.PATTERN as string);

const mark = (name: string, pattern: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, pattern, label: `\`${pattern}\``, categories });

export const LessEqual = mark("LessEqual", "<=", [CompareOperator]);
export const GreaterEqual = mark("GreaterEqual", ">=", [CompareOperator]);
export const EqualEqual = mark("EqualEqual", "==", [CompareOperator]);
export const NotEqual = mark("NotEqual", "!=", [CompareOperator]);
export const Less = mark("Less", "<", [CompareOperator]);
export const Greater = mark("Greater", ">", [CompareOperator]);
export const Plus = mark("Plus", "+", [AddOperator]);
export const Minus = mark("Minus", "-", [AddOperator]);
export const Star = mark("Star", "*", [MultiplyOperator]);
export const Slash = mark("Slash", "/", [MultiplyOperator]);
export const At = mark("At", "@", [MultiplyOperator]);
export const Caret = mark("Caret", "^");
export const Equals = mark("Equals", "=");
export const Colon = mark("Colon", ":");
export const Comma = mark("Comma", ",");
export const Dot = mark("Dot", ".");
export const LeftParen = mark("LeftParen", "(");
export const RightParen = mark("RightParen", ")");
export const LeftSquare = mark("LeftSquare", "[");
export const RightSquare = mark("RightSquare", "]");
export const LeftCurly = mark("LeftCurly", "{");
export const RightCurly = mark("RightCurly", "}");
export const Semicolon = mark("Semicolon", ";");

export const Newline = createToken({ name: "Newline", pattern: /\r\n|\n|\r/, line_breaks: true });
const Space = createToken({ name: "Space", pattern: /[ \t\f\v\u00a0\ufeff]+/, group: Lexer.SKIPPED });
export const LineComment = createToken({ name: "LineComment", pattern: /\/\/[^\n\r]*/, group: "comments" });
export const BlockComment = createToken({
  name: "BlockComment",
  pattern: /\/\*[\s\S]*?\*\//,
  line_breaks: true,
  group: "comments",
});
/** A `/*` without an end swallows the rest of the file, and is reported once. */
export const OpenComment = createToken({ name: "OpenComment", pattern: /\/\*[\s\S]*/, line_breaks: true });
export const Unknown = createToken({ name: "Unknown", pattern: /[\s\S]/, line_breaks: true });

/** Every token type, in the order in which the lexer tries them. */
export const allTokens: TokenType[] = [
  Newline,
  Space,
  LineComment,
  BlockComment,
  OpenComment,
  BadNumber,
  NumberLiteral,
  StringLiteral,
  BadString,
  ...keywords,
  Identifier,
  LessEqual,
  GreaterEqual,
  EqualEqual,
  NotEqual,
  Less,
  Greater,
  Plus,
  Minus,
  Star,
  Slash,
  At,
  Caret,
  Equals,
  Colon,
  Comma,
  Dot,
  LeftParen,
  RightParen,
  LeftSquare,
  RightSquare,
  LeftCurly,
  RightCurly,
  Semicolon,
  Unknown,
  CompareOperator,
  AddOperator,
  MultiplyOperator,
  Begin,
  End,
  Juxtaposed,
  Dim,
  ListLeft,
  ListRight,
];

let lexer: Lexer | undefined;

/** Throws if chevrotain finds a mistake in the words. Tests ask; no lexer of a user's text does. */
export function validateWords(): void {
  makeLexer(false);
}

// Safe mode tries every pattern: the lexer's first-character tables have no entry for a pattern that matches anything.
const makeLexer = (skipValidations: boolean): Lexer =>
  new Lexer(allTokens, { positionTracking: "onlyOffset", safeMode: true, skipValidations });

export interface Words {
  /** Everything but spaces and comments; newlines included. */
  readonly tokens: readonly IToken[];
  /** Line and block comments, in source order. */
  readonly comments: readonly IToken[];
}

/** Splits a text into words. Offsets are UTF-16. */
export function lex(text: string): Words {
  lexer ??= makeLexer(true);
  const result = lexer.tokenize(text);
  return { tokens: result.tokens, comments: result.groups.comments ?? [] };
}
