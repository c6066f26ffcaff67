/** Explains in the user's words where the grammar stopped. */
import type { IRecognitionException, IToken } from "chevrotain";
import type { Code } from "../diagnostics/catalogue.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { nearest } from "../diagnostics/nearest.ts";
import { tokenMatcher } from "./chevrotain.ts";
import { tokenSpan } from "./cst.ts";
import { foreignDeclaration, habitOf, reservedHabit } from "./habits.ts";
import * as T from "./tokens.ts";

interface Words {
  /** The word to point at, if it is not the one the grammar stopped at. */
  readonly at?: IToken;
  readonly code: Code;
  readonly message: string;
  readonly label?: string;
  readonly help?: string;
}

const statementStarts = [...T.statementWords.map((t) => t.PATTERN as string), "dim"];
const startsValue = [T.Identifier, T.NumberLiteral, T.StringLiteral, T.LeftParen, T.LeftSquare];

/**
 * The diagnostic for an error. `statement` holds the words of its statement, from the first word on; the error's own token is
 * among them, or follows them.
 */
export function explainError(error: IRecognitionException, statement: readonly IToken[], file: string): Diagnostic {
  const { token } = error;
  const { at = token, ...text } = words(error, statement);
  return { severity: "error", span: tokenSpan(at, file), ...text };
}

function words(error: IRecognitionException, statement: readonly IToken[]): Words {
  const { token, message: expected } = error;
  const rules = error.context.ruleStack;
  const rule = rules[rules.length - 1];
  const at = statement.indexOf(token);
  const before = statement[(at < 0 ? statement.length : at) - 1];
  const found = token.tokenType === T.End || token.image === "" ? "the end of the statement" : `\`${token.image}\``;

  const first = statement[0];
  const habit =
    rules.includes("import") || rules.includes("place") || rule === "item"
      ? undefined
      : habitOf(token, statement, rules);
  if (habit !== undefined) return { code: expected === "the end of the statement" ? "C0110" : "C0107", ...habit };
  if (first?.tokenType === T.StringLiteral)
    return { at: first, code: "C0110", message: "text has no meaning here", help: "comments begin with //" };
  if (
    first?.tokenType === T.Loss &&
    before === first &&
    (token.tokenType === T.Equals || token.tokenType === T.Colon)
  ) {
    const help = "write `loss mse(a, b)`: a loss has no name";
    return { code: "C0107", message: `\`${token.image}\` does not follow \`loss\``, help };
  }
  if (
    before === first &&
    T.keywords.includes(first.tokenType) &&
    (token.tokenType === T.Equals || token.tokenType === T.Comma)
  ) {
    const message = `\`${first.image}\` is a reserved word`;
    return { at: first, code: "C0108", message, label: "a name is expected here", help: "choose another name" };
  }
  if (expected === "a name" && T.keywords.includes(token.tokenType)) {
    return {
      code: "C0108",
      message: `\`${token.image}\` is a reserved word`,
      label: "a name is expected here",
      help: "choose another name",
    };
  }
  if (first?.tokenType === T.Cell && rule === "statement") {
    const [, name, , cell] = statement.map((word) => word.image);
    return {
      code: "C0110",
      message: "a body holds no cells",
      label: "a model scans cells",
      help: `name a scan, scan ${cell}(D, H) as ${name} over x, or make the cell a parameter of the model: model m(D, H, cell ${name} = ${cell})`,
    };
  }
  if (rules.includes("import")) {
    const all = statement.length === 2 ? "functions such as tanh need no import; for a cell of another file " : "";
    return missing("C0119", "this import", expected, found, `${all}write import { lstm } from "./lstm.cell"`);
  }
  if (rule === "item" || (rule === "line" && expected === "`}`")) {
    const named = rule === "item" && first?.tokenType === T.Identifier;
    const words = [...T.declarationWords, T.Import].map((w) => w.PATTERN as string);
    const lower = first?.image.toLowerCase() ?? "";
    const guess = named ? (words.includes(lower) ? lower : nearest(lower, words)) : undefined;
    return {
      ...(named && { at: first }),
      code: "C0111",
      message: `${named ? `\`${first.image}\`` : found} begins no declaration`,
      help:
        (named ? foreignDeclaration(first) : undefined) ??
        (guess !== undefined
          ? `did you mean \`${guess}\`?`
          : token.tokenType === T.From
            ? 'write import { lstm } from "./lstm.cell"'
            : "a file holds imports, cells, norms, fns and models"),
    };
  }
  if (rules.includes("header") && !rules.includes("expression")) {
    return missing("C0112", "this header", expected, found, headerHelp(token, first, expected));
  }
  if (expected === "the end of the statement") return tooMuch(token, before, statement);
  if (expected === "a statement") {
    return {
      code: "C0110",
      message: `${found} begins no statement`,
      help: `statements begin with a name, or ${list(statementStarts)}`,
    };
  }
  if (expected === "`=`" && rule === "param") {
    const what = first?.image;
    return {
      code: "C0114",
      message: `this ${what} has no initial value`,
      label: "`= …` is missing",
      help: what === "state" ? "write `= 0`" : "write `= 0`, `= xavier`, `= orthogonal`, …",
    };
  }
  if (expected.startsWith("a shape") && rules.includes("param") && token.image === "index") {
    const state = first?.image === "state";
    return {
      code: "C0115",
      message: `a ${state ? "state" : "parameter"} holds numbers, and an index is none`,
      label: "an index",
      help: state
        ? "carry a vector for it, one_hot(i, V) or embed(i, E): state w : [V] = 0"
        : "only inputs and targets are indices; learn a vector for each: param E : [V, D] = normal(0.1)",
    };
  }
  if (expected.startsWith("a shape") || (expected === "`:`" && (rule === "param" || rule === "inputs"))) {
    return missing("C0115", `this ${first?.image}`, "a shape", found, shapeHelp(token, statement));
  }
  if (rule === "inputs" && expected === "`(`") {
    return {
      at: before,
      code: "C0115",
      message: `this ${first?.image} has no shape`,
      help: countingWords.has(before?.image ?? "")
        ? "write `index(K)` for whole numbers below K, or `[]` for a single number"
        : `write \`[${before?.image}]\``,
    };
  }
  if (rule === "named" && first?.tokenType === T.Metric && token.tokenType === T.LeftParen) {
    const help = `write \`metric name = ${before?.image}(…)\``;
    return { code: "C0107", message: "this metric has no name", help };
  }
  if (rule === "axes")
    return missing("C0116", "`over`", "an axis", found, "the axes are batch, time, whole, feature, first and last");
  if (rules.includes("place")) {
    const [, site, , norm] = statement;
    const meant =
      token.tokenType === T.Equals && norm !== undefined
        ? `write \`place ${site.image} : ${norm.image}\``
        : token.tokenType === T.LeftParen && norm !== undefined
          ? `write \`place ${norm.image} : ${site.image}\``
          : "write `place hh, xh : batch(gamma = 0.1)`";
    return missing("C0113", "this placement", expected, found, meant);
  }
  if (expected === "`over`" && rule === "scan") {
    return missing("C0107", "this scan", expected, found, "write `scan rnn(D, H) over xs`");
  }
  if (rule === "args" && before !== undefined && isLogic(before)) return misplacedLogic(before);
  if (expected === "a value") return noValue(token, before, found);
  if (tokenMatcher(token, T.CompareOperator)) return chained(token, statement);
  if (token.tokenType === T.Equals) {
    return {
      code: "C0107",
      message: "`=` is not allowed here",
      label: `expected ${expected}`,
      help: "compare with ==",
    };
  }
  return { code: "C0107", message: `expected ${expected}, found ${found}`, help: gapHelp(token, before) };
}

/** Types of other languages for whole numbers. */
const countingWords: ReadonlySet<string> = new Set([
  "index",
  "int",
  "long",
  "integer",
  "class",
  "label",
  "float",
  "real",
]);

function headerHelp(token: IToken, first: IToken | undefined, expected: string): string {
  const word = first?.image ?? "cell";
  if (token.tokenType === T.Colon && expected === "`)`")
    return `dimensions have no type: \`${word} name(D = 28, H) {\``;
  if (word === "fn" && token.tokenType === T.Equals) return "write `fn f(x) { x + 1 }`";
  if (token.tokenType === T.Colon || token.image === "begin")
    return "a body stands between `{` and `}`: `cell name(D, H) {`";
  if (token.tokenType === T.Less || token.tokenType === T.LeftCurly) return `write \`${word} name(D, H) {\``;
  return "write `cell name(D, H) {`, or `cell name = other with {`";
}

/** What a shape looks like that is not one yet: `input x : D`, `param W = xavier`. */
function shapeHelp(token: IToken, [word, name, ...rest]: readonly IToken[]): string {
  const general = "write `: [D, 4H]`, or `: []` for a single number";
  if (word === undefined || name === undefined) return general;
  const typed = rest[0]?.tokenType === T.Colon;
  if (token.tokenType === T.Equals) {
    const value = word.image === "state" ? "0" : (rest[1]?.image ?? "0");
    const shape = value === "xavier" || value === "orthogonal" || value === "identity" ? "[D, H]" : "[H]";
    return `a shape stands before it: \`${word.image} ${name.image} : ${shape} = ${value}\``;
  }
  const dims = rest.slice(typed ? 1 : 0).filter((w) => w.tokenType === T.Identifier || w.tokenType === T.NumberLiteral);
  const until = rest.findIndex((w) => w.tokenType === T.Equals);
  const own = dims.filter((w) => until < 0 || rest.indexOf(w) < until);
  const value = until < 0 ? "" : ` = ${rest[until + 1]?.image ?? "0"}`;
  return own.length === 0
    ? general
    : `write \`${word.image} ${name.image} : [${own.map((w) => w.image).join(", ")}]${value}\``;
}

const isLogic = ({ tokenType }: IToken): boolean => [T.And, T.Or, T.Not].includes(tokenType);

/** For `and`, `or` or `not` where a value is expected. */
function misplacedLogic(at: IToken): Words {
  if (at.tokenType === T.Not)
    return { at, code: "C0107", message: "`not` needs brackets after another operator", help: "write `(not a)`" };
  const help = `write \`a ${at.image} b\`; a value of your own needs another name`;
  return { at, code: "C0108", message: `\`${at.image}\` is an operator`, label: "a value is expected here", help };
}

/** For `a < b < c`, at its second comparison. The help has the user's own values where they are short. */
function chained(second: IToken, statement: readonly IToken[]): Words {
  const at = statement.indexOf(second);
  const first = statement.findLastIndex((t, i) => i < at && tokenMatcher(t, T.CompareOperator));
  const middle = textOf(statement.slice(first + 1, at));
  const left = textOf(statement.slice(operandStart(statement, first), first));
  const right = textOf(statement.slice(at + 1, operandEnd(statement, at + 1)));
  const ownWords = first >= 0 && left !== "" && right !== "" && (left + middle + right).length <= longestHelp;
  const [a, b, c] = ownWords ? [left, middle, right] : ["a", "b", "c"];
  const [compared, again] = ownWords ? [statement[first].image, second.image] : ["<", "<"];
  return {
    code: "C0109",
    message: "comparisons do not chain",
    label: "a second comparison",
    help: `write \`${a} ${compared} ${b} and ${b} ${again} ${c}\``,
  };
}

/** Longer values would not be read in a help line. */
const longestHelp = 60;

const textOf = (words: readonly IToken[]): string =>
  words
    .map((w, i) => (i > 0 && w.startOffset > words[i - 1].startOffset + words[i - 1].image.length ? " " : "") + w.image)
    .join("");

/** Brackets that open are +1, those that close −1. */
const depth = ({ tokenType }: IToken): number =>
  [T.LeftParen, T.LeftSquare].includes(tokenType) ? 1 : [T.RightParen, T.RightSquare].includes(tokenType) ? -1 : 0;

const endsOperand = (word: IToken): boolean =>
  [T.Comma, T.Equals, T.Colon, T.Begin, T.End].includes(word.tokenType) ||
  T.keywords.includes(word.tokenType) ||
  tokenMatcher(word, T.CompareOperator);

/** Where the value begins that ends before `end`. */
function operandStart(words: readonly IToken[], end: number): number {
  let open = 0;
  for (let i = end - 1; i >= 0; i--) {
    open -= depth(words[i]);
    if (open < 0 || (open === 0 && endsOperand(words[i]))) return i + 1;
  }
  return 0;
}

/** Where the value ends that begins at `start`. */
function operandEnd(words: readonly IToken[], start: number): number {
  let open = 0;
  for (let i = start; i < words.length; i++) {
    open += depth(words[i]);
    if (open < 0 || (open === 0 && endsOperand(words[i]))) return i;
  }
  return words.length;
}

function missing(code: Code, what: string, expected: string, found: string, help: string): Words {
  return { code, message: `${what} lacks ${expected}`, label: `found ${found}`, help };
}

function noValue(token: IToken, before: IToken | undefined, found: string): Words {
  if (token.tokenType === T.Scan) {
    return { code: "C0107", message: "a scan stands alone, or in brackets", help: "write `(scan rnn(D, H) over x)`" };
  }
  if (T.keywords.includes(token.tokenType)) {
    return {
      code: "C0108",
      message: `${found} is a reserved word`,
      label: "a value is expected here",
      help: reservedHabit(token) ?? "choose another name",
    };
  }
  const after = before === undefined ? "" : ` after \`${before.image}\``;
  return { code: "C0107", message: `a value is missing${after}`, label: `found ${found}` };
}

/** For a complete statement that is followed by more. */
function tooMuch(token: IToken, before: IToken | undefined, statement: readonly IToken[]): Words {
  if (tokenMatcher(token, T.CompareOperator)) return chained(token, statement);
  const first = statement[0];
  const guess = first.tokenType === T.Identifier ? nearest(first.image, statementStarts) : undefined;
  if (guess !== undefined && before === first) {
    return {
      at: first,
      code: "C0110",
      message: `\`${first.image}\` begins no statement`,
      help: `did you mean \`${guess}\`?`,
    };
  }
  if (token.tokenType === T.Equals) {
    return {
      code: "C0110",
      message: "a statement has one `=`",
      label: "this is a second one",
      help: "compare with ==",
    };
  }
  if (T.keywords.includes(token.tokenType)) {
    const begins = T.statementWords.includes(token.tokenType);
    const help = begins ? "begin it on a line of its own, or after a `;`" : undefined;
    return { code: "C0110", message: `\`${token.image}\` does not belong to this statement`, help };
  }
  return {
    code: "C0110",
    message: `\`${token.image}\` does not belong to this statement`,
    help: gapHelp(token, before),
  };
}

function gapHelp(token: IToken, before: IToken | undefined): string | undefined {
  if (before === undefined || !startsValue.some((t) => tokenMatcher(token, t))) return undefined;
  if (tokenMatcher(before, T.NumberLiteral) && !tokenMatcher(token, T.Identifier))
    return `write ${before.image} * ${token.image}…${token.tokenType === T.LeftParen ? ")" : "]"}`;
  if (tokenMatcher(before, T.NumberLiteral))
    return `write ${before.image} * ${token.image}, or ${before.image}${token.image} without a space`;
  return "an operator, a comma or a line end is missing before it";
}

function list(words: readonly string[]): string {
  return words.join(", ");
}
