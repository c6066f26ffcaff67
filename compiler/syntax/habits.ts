/** Words of other languages, and what to write here. Only looked at where the grammar has stopped. */
import type { IToken } from "chevrotain";
import { tokenMatcher } from "./chevrotain.ts";
import { memberHabit } from "./member-habits.ts";
import * as T from "./tokens.ts";

export interface Habit {
  readonly at?: IToken;
  readonly message: string;
  readonly help: string;
}

const needsNoWord = "an equation needs no word before it: a = x @ W";
const choose = "write where(condition, a, b), which chooses element by element";
const rounds = "a cell is one step, which is repeated by itself; a fixed number of rounds is iterate(f, n, x)";
const result = "a cell ends with `output h'`, a function with the value alone on its last line";

/** Words that begin no statement here. */
const statementWords: Readonly<Record<string, string>> = {
  let: needsNoWord,
  var: needsNoWord,
  val: needsNoWord,
  set: needsNoWord,
  local: needsNoWord,
  return: result,
  yield: result,
  if: choose,
  else: choose,
  elif: choose,
  elseif: choose,
  case: choose,
  switch: choose,
  for: rounds,
  while: rounds,
  repeat: rounds,
  assert: "leave it out: what is wrong with shapes is found by itself",
  print: "declare an `output`, and look at it where the cell is used",
  weight: "write `param W : [D, H] = xavier`",
  weights: "write `param W : [D, H] = xavier`",
  bias: "write `param b : [H] = 0`",
  parameter: "write `param W : [D, H] = xavier`",
  hidden: "write `state h : [H] = 0`",
  inputs: "write `input x : [D]`",
  outputs: "write `output h'`",
};

const declareFunction = "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell";
const declareCell = "write `cell c(D, H) { … }`, with a `{` at the end of its first line and a `}` after the last";

/** Words that begin no declaration here. */
const declarationWords: Readonly<Record<string, string>> = {
  def: declareFunction,
  function: declareFunction,
  func: declareFunction,
  fun: declareFunction,
  lambda: declareFunction,
  class: declareCell,
  struct: declareCell,
  module: declareCell,
  layer: declareCell,
  rnn: declareCell,
  mutable: declareCell,
};

/** Words before the names of declarations. */
const declares = [T.Param, T.Const, T.State, T.Input, T.Target];

/** What a statement of another language is called here, if the grammar stopped at `token` for that reason. */
export function habitOf(token: IToken, statement: readonly IToken[], rules: readonly string[]): Habit | undefined {
  const at = statement.indexOf(token);
  const [before, after] = [statement[(at < 0 ? statement.length : at) - 1], at < 0 ? undefined : statement[at + 1]];
  const [first] = statement;
  const type = token.tokenType;
  if (type === T.Star && before?.tokenType === T.Star)
    return { at: before, message: "`**` is no operator", help: "powers are written with ^: x^2" };
  const pointAt = type === T.Dot ? at : before?.tokenType === T.Dot ? at - 1 : type === T.LeftParen ? at - 2 : -1;
  if (statement[pointAt]?.tokenType === T.Dot)
    return ofDot(statement[pointAt - 1], statement[pointAt + 1], statement[pointAt + 2]?.tokenType === T.LeftParen);
  if (type === T.Colon && after?.tokenType === T.Equals)
    return { message: "`:=` is no word here", help: "an equation is written with =" };
  if (type === T.Equals && before !== undefined && isOperator(before)) {
    const message = `\`${before.image}=\` is no operator`;
    return { at: before, message, help: "a name has one value: give the new one a name of its own, b = a + …" };
  }
  if (type === T.Comma && first !== undefined && declares.includes(first.tokenType)) {
    const help = `each has a line of its own; several of one shape share it: ${first.image} a, b : [H]`;
    return { message: "a line declares values of one shape", help };
  }
  if (type === T.Comma && before !== undefined && statement.slice(0, at).some((w) => w.tokenType === T.Equals))
    return { message: "several values need brackets", help: "write a list: a, b = [x, y]" };
  if (type === T.Colon && rules.includes("primary")) {
    const help = "every second entry is one of each pair: reshape(x, [n / 2, 2])[:, 0]; time has no stride";
    return { message: "parts have no stride", help };
  }
  if (type === T.Identifier && token.image === "for" && first?.image !== "for")
    return {
      message: "`for` does not belong here",
      help: "how many steps a scan takes is said where it runs: its inputs over time have them, or `steps`",
    };
  if (type === T.ListLeft && before?.image.endsWith("_")) {
    const name = before.image.replace(/_+$/, "");
    return {
      at: before,
      message: "time is not written",
      help: `\`${name}\` is its value at this step; a state is h before the step and h' after it`,
    };
  }
  if (first === undefined || rules.includes("header")) return undefined;
  if (first.tokenType === T.Minus && statement[1]?.tokenType === T.Minus && at <= 3)
    return { at: first, message: "`--` begins no comment", help: "comments begin with //" };
  if (first.tokenType === T.Identifier && before === first && type !== T.Equals) {
    const help = lookUp(statementWords, first);
    if (help !== undefined) return { at: first, message: `\`${first.image}\` begins no statement`, help };
    if (type === T.Identifier && after?.tokenType === T.Colon) {
      const help = "declarations begin with param, input, state or target";
      return { at: first, message: `\`${first.image}\` begins no statement`, help };
    }
  }
  if (type === T.Identifier && (token.image === "if" || token.image === "else"))
    return { message: `\`${token.image}\` is no word here`, help: choose };
  if (before?.image === "lambda")
    return { at: before, message: "there are no unnamed functions", help: declareFunction };
  if (type === T.Identifier && rules.includes("list") && rules.includes("shape"))
    return {
      message: `\`${token.image}\` is no word in a shape`,
      help: "write [D, H], with commas between the dimensions",
    };
  if (type === T.LeftParen && before?.tokenType === T.RightParen) {
    const help =
      "a layer is written out: `param W : [D, H] = xavier`, then x @ W + b; a product of two sums is (a) * (b)";
    return { message: "an operator is missing before `(`", help };
  }
  const isValue = rules.at(-1) !== "scan" && before !== first;
  if (isValue && type === T.Identifier && (before?.tokenType === T.Identifier || before?.tokenType === T.RightParen)) {
    const [a, b] = [before.image, token.image];
    if (before.tokenType === T.RightParen)
      return { message: `an operator is missing before \`${b}\``, help: `write (…) * ${b}` };
    const help = `write ${a} * ${b} to multiply element by element; a vector and a matrix are multiplied ${b} @ ${a}`;
    return { message: `an operator is missing between \`${a}\` and \`${b}\``, help };
  }
  return undefined;
}

/** Reserved words that are values elsewhere. */
const reservedValues: Readonly<Record<string, string>> = {
  norm: "the length of a vector is sqrt(sum(x^2)), and normalize(x) has length 1; norms are placed: `site s = …`, then `place s : layer`",
  like: "shape(x) is the shape of x, and noise(0.1, x) has a number for each element of x",
};

/** What to write where the reserved word `word` stands for a value. */
export function reservedHabit(word: IToken): string | undefined {
  return lookUp(reservedValues, word);
}

/** What a word that begins no declaration is called here. */
export function foreignDeclaration(word: IToken): string | undefined {
  return lookUp(declarationWords, word);
}

const isOperator = (word: IToken): boolean =>
  tokenMatcher(word, T.AddOperator) || tokenMatcher(word, T.MultiplyOperator);

const lookUp = (table: Readonly<Record<string, string>>, { image }: IToken): string | undefined =>
  Object.hasOwn(table, image) ? table[image] : undefined;

/** For a word after a point, or the bracket after that word. */
function ofDot(of: IToken | undefined, name: IToken | undefined, called: boolean): Habit | undefined {
  if (of === undefined || name === undefined) return undefined;
  if (isOperator(name) || name.tokenType === T.Caret)
    return { message: `\`.${name.image}\` is no operator`, help: `write ${name.image}: it works element by element` };
  if (name.tokenType === T.Dot) {
    const help = "x[:, 0] names each axis, and axes left out at the end stay whole";
    return { message: "`...` is no part of an axis", help };
  }
  if (name.tokenType !== T.Identifier) return undefined;
  const help = memberHabit(of.image, name.image, called);
  return help === undefined ? undefined : { at: of, message: `\`${of.image}\` has no \`${name.image}\``, help };
}
