/** Texts that are large or deep in one way each: what makes a recursive or a quadratic algorithm give up. */

const cell = (statements: string, next = "h", head = "D = 3, H = 4"): string => `cell c(${head}) {
  param W : [D, H] = xavier
  input x : [D]
  state h : [H] = 0
${statements}
  h' = ${next}
  output h'
}
`;

const times = (n: number, line: (i: number) => string, between = "\n"): string =>
  Array.from({ length: n }, (_, i) => line(i)).join(between);

/** Each makes a text of a size. */
export const hostileShapes: Readonly<Record<string, (n: number) => string>> = {
  "nested calls": (n) => cell("", `${"tanh(".repeat(n)}h${")".repeat(n)}`),
  brackets: (n) => cell("", `${"(".repeat(n)}h${")".repeat(n)}`),
  "open brackets": (n) => cell("", "(".repeat(n)),
  lists: (n) => cell("", `${"[".repeat(n)}h${"]".repeat(n)}`),
  signs: (n) => cell("", `${"-".repeat(n)}h`),
  powers: (n) => cell("", `h${" ^ 1.01".repeat(n)}`),
  sums: (n) => cell("", `h${" + h".repeat(n)}`),
  comparisons: (n) => cell("", `h${" < h".repeat(n)}`),
  primes: (n) => cell("", `h${"'".repeat(n)}`),
  "a chain of equations": (n) =>
    cell(
      times(n, (i) => `  a${i} = tanh(${i === 0 ? "x @ W" : `a${i - 1}`} + h)`),
      `a${n - 1}`,
    ),
  "a value read twice at each step": (n) =>
    cell(
      times(n, (i) => `  a${i} = ${i === 0 ? "h" : `a${i - 1} + a${i - 1}`}`),
      `a${n - 1}`,
    ),
  "a chain of functions": (n) =>
    `${times(n, (i) => `fn f${i}(x) { ${i === 0 ? "tanh(x)" : `f${i - 1}(x)`} }`)}\n${cell("", `f${n - 1}(h)`)}`,
  "functions that call the one before twice": (n) =>
    `${times(n, (i) => `fn f${i}(x) { ${i === 0 ? "tanh(x)" : `f${i - 1}(f${i - 1}(x))`} }`)}\n${cell("", `f${n - 1}(h)`)}`,
  "a function of itself": (n) => `fn f(x) { f(x) + ${n} }\n${cell("", "f(h)")}`,
  "a chain of cells": (n) => `${cell("")}${times(n, (i) => `cell c${i} = ${i === 0 ? "c" : `c${i - 1}`} with { }`)}\n`,
  "a ring of cells": (n) => `${times(n, (i) => `cell c${i} = c${(i + 1) % n} with { }`)}\n`,
  sites: (n) =>
    cell(
      times(n, (i) => `  site s${i} = h * ${i}`),
      times(n, (i) => `s${i}`, " + "),
    ),
  "sites with norms": (n) =>
    cell(
      times(n, (i) => `  site s${i} = h * ${i}\n  place s${i} : batch`),
      times(n, (i) => `s${i}`, " + "),
    ),
  states: (n) =>
    cell(
      times(n, (i) => `  state s${i} : [H] = 0\n  s${i}' = tanh(s${i} + h)`),
      times(n, (i) => `s${i}`, " + "),
    ),
  outputs: (n) => cell(times(n, (i) => `  o${i} = h * ${i}\n  output o${i}`)),
  params: (n) =>
    cell(
      times(n, (i) => `  param p${i} : [H] = 0`),
      times(n, (i) => `p${i}`, " + "),
    ),
  dimensions: (n) => cell("", "h", `D = 3, H = 4, ${times(n, (i) => `A${i} = 1`, ", ")}`),
  arguments: (n) => cell("", `concat(${times(n, () => "h", ", ")})`),
  "parts of a split": (n) => cell(`  ${times(n, (i) => `p${i}`, ", ")} = split(h, ${n})`),
  imports: (n) => `${times(n, (i) => `import { a${i} } from "none${i}.cell"`)}\n${cell("")}`,
  errors: (n) => cell(times(n, (i) => `  a${i} = nothing${i}`)),
  "errors of syntax": (n) => cell(times(n, () => "  = ) +")),
  "the same name": (n) => cell(times(n, () => "  a = h")),
  declarations: (n) => times(n, (i) => cell("").replace("cell c", `cell c${i}`)),
  "a long name": (n) => cell(`  ${"a".repeat(50 * n)} = h`),
  "a long line": (n) => cell(`  a = h // ${"é ".repeat(50 * n)}`),
  comments: (n) => `${"/* a */ ".repeat(n)}${cell("")}`,
  "an open comment": (n) => `${cell("")}/*${"*".repeat(n)}`,
  "a large extent": (n) => cell("", "h", `D = 3, H = ${n}000000`),
  rounds: (n) => `fn turn(s, l, y) { tanh(s + y) }\n${cell("", `iterate(turn, ${n}, h, x @ W)`)}`,
  nothing: (n) => " \n".repeat(n),
};
