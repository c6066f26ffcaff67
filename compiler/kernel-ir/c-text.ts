/** How tightly an operator of C-like text binds; parentheses are printed only where a looser one stands inside a tighter. */
export const binding = { and: 1, compare: 2, add: 3, multiply: 4, prefix: 5, primary: 6 } as const;

/** Printed text of an expression, and how tightly its outermost operator binds. */
export interface Text {
  readonly text: string;
  readonly binding: number;
}

export const atom = (text: string): Text => ({ text, binding: binding.primary });

/** The text, in parentheses if it binds less tightly than `least`. */
export const within = (operand: Text, least: number): string =>
  operand.binding < least ? `(${operand.text})` : operand.text;

const strength: Readonly<Record<string, number>> = {
  "&&": binding.and,
  "<": binding.compare,
  "<=": binding.compare,
  ">": binding.compare,
  ">=": binding.compare,
  "==": binding.compare,
  "!=": binding.compare,
  "+": binding.add,
  "-": binding.add,
  "*": binding.multiply,
  "/": binding.multiply,
  "%": binding.multiply,
  // Python's product of matrices.
  "@": binding.multiply,
};

/** `a op b`. Operators of equal strength group to the left; comparisons do not chain. */
export function infix(operator: string, a: Text, b: Text): Text {
  const own = strength[operator];
  const left = own === binding.compare ? own + 1 : own;
  return { text: `${within(a, left)} ${operator} ${within(b, own + 1)}`, binding: own };
}

/** `-a`. A sign under a sign is put in parentheses: `--` would be another token. */
export const negate = (a: Text): Text => ({ text: `-${within(a, binding.primary)}`, binding: binding.prefix });

export const call = (name: string, ...args: readonly Text[]): Text =>
  atom(`${name}(${args.map((a) => a.text).join(", ")})`);

/** A number's text as an operand: a leading sign binds as a prefix operator. */
export const literal = (text: string): Text => ({
  text,
  binding: text.startsWith("-") ? binding.prefix : binding.primary,
});

/** Lines of a comment: line breaks of every kind end a line, so that none escapes the comment. */
export const commentLines = (text: string): readonly string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: WGSL counts these as line breaks
  text.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/).map((line) => line.replace(/\u0000/g, ""));

export const indented = (lines: readonly string[]): string[] => lines.map((line) => (line === "" ? "" : `  ${line}`));
