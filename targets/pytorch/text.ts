/** Pieces of Python. */
import { type Dim, lcm } from "../../compiler/ir/dim.ts";
import { atom, binding, infix, type Text, within } from "../../compiler/kernel-ir/c-text.ts";

/** A number as Python writes it. */
export function number(value: number): Text {
  if (Number.isNaN(value)) return atom("math.nan");
  if (!Number.isFinite(value)) return value > 0 ? atom("math.inf") : { text: "-math.inf", binding: binding.prefix };
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return { text, binding: text.startsWith("-") ? binding.prefix : binding.primary };
}

/** The text of a number as one that TorchScript takes for a float. */
export const float = (text: string): string => (/^-?\d+$/.test(text) ? `${text}.0` : text);

/** `x.name(args)`. */
export const method = (x: Text, name: string, ...args: readonly string[]): Text =>
  atom(`${within(x, binding.primary)}.${name}(${args.join(", ")})`);

/** `x[index]`. */
export const entry = (x: Text, index: string): Text => atom(`${within(x, binding.primary)}[${index}]`);

export const list = (items: readonly string[]): string => `[${items.join(", ")}]`;

/** `a = x`, `a, b = x`; `(a,)` for a tuple of one. */
export const tuple = (items: readonly string[]): string =>
  items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;

const product = (factors: readonly Text[]): Text => factors.reduce((a, b) => infix("*", a, b));

/** An extent as a whole number of Python: `4 * self.H`, `self.H // 2`. `spelled`: a dimension's name there. */
export function extent(d: Dim, spelled: (name: string) => string): Text {
  if (d.length === 0) return atom("0");
  const den = d.map((t) => t.den).reduce(lcm, 1);
  const under: string[] = [];
  for (const t of d) under.push(...without(t.under, under));
  const numerator = d
    .map(({ num, den: own, vars, under: below }) => {
      const factor = (num * den) / own;
      const names = [...vars, ...without(under, below)].map((name) => atom(spelled(name)));
      return product(Math.abs(factor) === 1 && names.length > 0 ? signed(factor, names) : [number(factor), ...names]);
    })
    .reduce((a, b) => (b.text.startsWith("-") ? infix("-", a, { ...b, text: b.text.slice(1) }) : infix("+", a, b)));
  const divisors = [...(den === 1 ? [] : [number(den)]), ...under.map((name) => atom(spelled(name)))];
  if (divisors.length === 0) return numerator;
  return {
    text: `${within(numerator, binding.multiply)} // ${within(product(divisors), binding.prefix)}`,
    binding: binding.multiply,
  };
}

const signed = (sign: number, names: readonly Text[]): readonly Text[] =>
  sign > 0 ? names : [{ text: `-${names[0].text}`, binding: binding.prefix }, ...names.slice(1)];

/** `names` without one occurrence for each of `others`. */
function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...names];
  for (const name of others) {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/**
 * Text between three quotes, which it cannot end. Control characters, which Python's reader refuses or folds, are left out.
 * `isLast`: the closing quotes come right after it.
 */
export const inDocstring = (text: string, isLast = false): string =>
  text
    .replaceAll("\\", "\\\\")
    .replace(/"+/g, (quotes, at: number, whole: string) =>
      quotes.length >= 3 || (isLast && at + quotes.length === whole.length) ? quotes.replaceAll('"', '\\"') : quotes,
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u0085\u2028\u2029]/g, " ");

/** A docstring of one line. */
export const docstring = (text: string): string => `"""${inDocstring(text, true)}"""`;

export const indent = (lines: readonly string[], by = 1): string[] =>
  lines.map((line) => (line === "" ? "" : `${"    ".repeat(by)}${line}`));
