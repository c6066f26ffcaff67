/**
 * First attempts: what people write by memory of papers, PyTorch, JAX, Keras and Julia. Each is one mistake, with a help that leads to
 * the right text.
 */
import { describe, expect, it } from "vitest";
import { problemsOf } from "./sources.ts";

const cell = `cell c(D = 3, H = 4) {
  param W : [D, H] = xavier
  param U : [H, H] = orthogonal
  param b : [H] = 0
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ W + h @ U + b)
  output h'
}
`;

type Row = readonly [text: string, message: string, help: string | undefined];

/** The errors of `text`, each with its help. */
const said = (text: string): readonly (readonly (string | undefined)[])[] =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, message, help }) => [`${code} ${message}`, help]);

/** In place of the cell's equation. */
const equations: readonly Row[] = [
  [
    "fn f(a) { 2 * a }\nh' = f(tanh(x @ W + h @ U + b))",
    "C0110 a body holds no functions",
    "move it above: a function stands beside cells, and is given all that it needs as arguments",
  ],
  ["p = x @ W, h @ U\nh' = tanh(p[0] + p[1] + b)", "C0110 several values need brackets", "write a list: a = [x, y]"],
  ["p, q = x @ W, h @ U, b\nh' = tanh(p + q)", "C0205 2 names are given 3 values", undefined],
  [
    "h = tanh(x @ W + h @ U + b)",
    "C0202 `h` is the state's value before this step",
    "write `h' = …` for its next value",
  ],
  [
    "h' = tanh(x @ W / norm(W) + h @ U + b)",
    "C0108 `norm` is a reserved word",
    "the length of a vector is sqrt(sum(x^2)), and normalize(x) has length 1; norms are placed: `site s = …`, then `place s : layer`",
  ],
  ["h_next = tanh(x @ W + h @ U + b)", "C0211 the state `h` is given no next value", "give `h_next` the name `h'`"],
  [
    "h[t] = tanh(x[t] @ W + h[t-1] @ U + b)",
    "C0122 only names are allowed left of `=`",
    "write `h' = …` for the next value of a state",
  ],
  [
    "h' = tanh(x @ W + h[t-1] @ U + b)",
    "C0201 there is no `t` here",
    "time is not written: a state is `h` before the step and `h'` after it, an input `x` is this step's",
  ],
  [
    "h' = tanh(x_t @ W + h @ U + b)",
    "C0201 there is no `x_t` here",
    "this step's input is `x`; earlier ones are kept in a state",
  ],
  ["h' = tanh(x @ W + h_prev @ U + b)", "C0201 there is no `h_prev` here", "the value before this step is `h`"],
  ["h' = σ(x @ W + h @ U + b)", "C0101 `σ` has no meaning here", "write sigmoid(x)"],
  [
    "h' = tanh(x @ W) × tanh(h @ U + b)",
    "C0101 `×` has no meaning here",
    "multiply element by element with *, and a vector with a matrix with @: x @ W",
  ],
  [
    "h' = tanh(x · W + h @ U + b)",
    "C0101 `·` has no meaning here",
    "multiply element by element with *, and a vector with a matrix with @: x @ W",
  ],
  [
    "h' = tanh(x @ W) ⊙ tanh(h @ U + b)",
    "C0101 `⊙` has no meaning here",
    "write *, which multiplies element by element",
  ],
  [
    "h' = tanh(x @ W) ∘ tanh(h @ U + b)",
    "C0101 `∘` has no meaning here",
    "write *, which multiplies element by element",
  ],
  ["h' = tanh(x @ W + h @ U + b) ** 2", "C0107 `**` is no operator", "powers are written with ^: x^2"],
  ["h' = tanh(x @ W) .* tanh(h @ U + b)", "C0107 `.*` is no operator", "write *: it works element by element"],
  ["h' = tanh(x @ W + h @ U.T + b)", "C0201 `U` has no `T`", "write transpose(U)"],
  ["h' = tanh(x @ W + h @ U' + b)", "C0212 `U` is not a state, so it has no next value", "write `U`, or transpose(U)"],
  [
    "h' = tanh(W x + U h + b)",
    "C0107 an operator is missing between `W` and `x`",
    "write W * x to multiply element by element; a vector and a matrix are multiplied x @ W",
  ],
  ["h' := tanh(x @ W + h @ U + b)", "C0110 `:=` is no word here", "an equation is written with ="],
  ["h' <- tanh(x @ W + h @ U + b)", "C0117 this value goes nowhere", "an equation is written with ="],
  ["h' ← tanh(x @ W + h @ U + b)", "C0101 `←` has no meaning here", "an equation is written with ="],
  [
    "let a = x @ W + h @ U + b\nh' = tanh(a)",
    "C0110 `let` begins no statement",
    "an equation needs no word before it: a = x @ W",
  ],
  [
    "var a = x @ W + h @ U + b\nh' = tanh(a)",
    "C0110 `var` begins no statement",
    "an equation needs no word before it: a = x @ W",
  ],
  ["h' = x @ W > 0 ? h @ U : b", "C0101 `?` has no meaning here", "write where(condition, a, b)"],
  [
    "h' = h @ U if x @ W > 0 else b",
    "C0110 `if` is no word here",
    "write where(condition, a, b), which chooses element by element",
  ],
  [
    "h' = tanh(self.W @ x + h @ U + b)",
    "C0201 `self` has no `W`",
    "write `W` alone: parameters and functions have plain names",
  ],
  [
    "h' = torch.tanh(x @ W + h @ U + b)",
    "C0110 `torch` has no `tanh`",
    "write `tanh` alone: parameters and functions have plain names",
  ],
  [
    "h' = F.relu(x @ W + h @ U + b)",
    "C0110 `F` has no `relu`",
    "write `relu` alone: parameters and functions have plain names",
  ],
  ["a = x @ W  # input\nh' = tanh(a + h @ U + b)", "C0101 `#` has no meaning here", "comments begin with //"],
  [
    "λ = 0.5\nh' = tanh(x @ W + h @ U + b) * λ",
    "C0101 `λ` has no meaning here",
    "names are made of a–z, A–Z, 0–9 and _: write `lambda`",
  ],
  [
    "h' = α * tanh(x @ W + h @ U + b)",
    "C0101 `α` has no meaning here",
    "names are made of a–z, A–Z, 0–9 and _: write `alpha`",
  ],
  [
    "ĥ = tanh(x @ W + h @ U + b)\nh' = ĥ",
    "C0101 `ĥ` has no meaning here",
    "names are made of a–z, A–Z, 0–9 and _: write `h`",
  ],
  ["h' = tanh(matmul(x, W) + h @ U + b)", "C0201 there is no function `matmul`", "write `x @ W`"],
  [
    "h' = tanh(W @ x + U @ h + b)",
    "C0204 `@` sums over H on the left and D on the right",
    "the sum is over the last axis on the left and the first on the right: x @ W, not W @ x",
  ],
  [
    "h' = tanh(W * x + U * h + b)",
    "C0204 the shapes [D, H] and [D] do not fit",
    "`*` multiplies element by element; a vector and a matrix are multiplied x @ W",
  ],
  [
    "h' = tanh(linear(x, H) + h @ U + b)",
    "C0201 there is no function `linear`",
    "declare its weights: `param W : [D, H] = xavier`, and write x @ W + b",
  ],
  [
    "h' = tanh(Linear(D, H)(x) + h @ U + b)",
    "C0107 an operator is missing before `(`",
    "a layer is written out: `param W : [D, H] = xavier`, then x @ W + b; a product of two sums is (a) * (b)",
  ],
  [
    "h' = tanh([x; h] @ W + h @ U + b)",
    "C0107 `;` ends a statement",
    "write concat(a, b) to join values, and commas between the items of a list",
  ],
  ["h' = tanh(cat(x, h) @ W + h @ U + b)", "C0201 there is no function `cat`", "did you mean `concat`?"],
  ["p, q = chunk(x @ W, 2)\nh' = h @ U + b", "C0201 there is no function `chunk`", "did you mean `split`?"],
  ["h' = where(h > 0 && b > 0, x @ W, h @ U)", "C0101 `&&` has no meaning here", "write `and`: a < b and b < c"],
  ["h' = where(h > 0 || b > 0, x @ W, h @ U)", "C0101 `||` has no meaning here", "write `or`: a < b or b < c"],
  ["h' = where(!(h > 0), x @ W, h @ U) + b", "C0101 `!` has no meaning here", "write `not a`, or compare with !="],
  [
    "a = x @ W\na += b\nh' = tanh(a + h @ U)",
    "C0107 `+=` is no operator",
    "a name has one value: give the new one a name of its own, b = a + …",
  ],
  [
    "z = sigmoid(x @ W + b)\nh' = (1 - z) h + z * tanh(h @ U)",
    "C0110 an operator is missing before `h`",
    "write (…) * h",
  ],
  ["h' = 2(x @ W) + h @ U + b", "C0110 `(` does not belong to this statement", "write 2 * (…)"],
  [
    "h' = 0.5 b * tanh(x @ W + h @ U)",
    "C0110 `b` does not belong to this statement",
    "write 0.5 * b, or 0.5b without a space",
  ],
  ["h' = tanh(x @ W + h @ U + b) * 1.", "C0104 `1.` is not a number", "write 1.0"],
  ["h' = tanh(x @ W + h @ U + b) * √2", "C0101 `√` has no meaning here", "write sqrt(x)"],
  ["h' = where(h ≤ b, x @ W, h @ U)", "C0101 `≤` has no meaning here", "write <="],
  ["h' = tanh(x @ W + h @ U − b)", "C0101 `−` has no meaning here", "write -"],
  ["h' = tanh(x @ W + h @ U + b)²", "C0101 `²` has no meaning here", "write ^2"],
  [
    "h' = tanh(x @ W + h @ U^T + b)",
    "C0201 there is no `T` here",
    "transpose(W) is W transposed; the length of sequences is not written",
  ],
  ["h' = tanh(x @ W + h @ U + b) / x.shape[0]", "C0201 `x` has no `shape`", "write size(x)"],
  [
    "h' = tanh(x @ W + h @ U + b) + x.sum()",
    "C0110 `x` has no `sum`",
    "write sum(x, …): functions take the value in brackets",
  ],
  [
    "h' = (tanh(x @ W + h @ U + b))[None, :]",
    "C0225 `h` is [H], but its next value is [1, H]",
    "these are the same elements: reshape(x, [H])",
  ],
  [
    "h' = tanh(x @ W + sum(h) @ U + b)",
    "C0204 `@` needs a feature axis on both sides",
    "a single number is multiplied with *",
  ],
  ["h' = tanh(x @ W + h @ U + b) / log(e + 1)", "C0201 there is no `e` here", "write exp(1)"],
  [
    "h' = tanh(x @ W + h @ U + b) + x[..., 0]",
    "C0107 `...` is no part of an axis",
    "x[:, 0] names each axis, and axes left out at the end stay whole",
  ],
  ["h' = tanh(x @ W + h @ U + b) * true", "C0201 there is no `true` here", "write 1"],
  [
    "h' = tanh(batch(x @ W) + h @ U + b)",
    "C0201 `batch` is a norm, not a function",
    "place batch on a site: place s : batch",
  ],
];

/** Before the cell's equation. */
const statements: readonly Row[] = [
  [
    "return h'",
    "C0110 `return` begins no statement",
    "a cell ends with `output h'`, a function with the value alone on its last line",
  ],
  [
    "if x > 0 { h' = h } else { h' = x @ W + b + h @ U }",
    "C0110 `if` begins no statement",
    "write where(condition, a, b), which chooses element by element",
  ],
  [
    "for i in range(3) { h' = h }",
    "C0110 `for` begins no statement",
    "a cell is one step, which is repeated by itself; a fixed number of rounds is iterate(f, n, x)",
  ],
  [
    "while h > 0 { h' = h }",
    "C0110 `while` begins no statement",
    "a cell is one step, which is repeated by itself; a fixed number of rounds is iterate(f, n, x)",
  ],
  ["# the update", "C0101 `#` has no meaning here", "comments begin with //"],
  ["-- the update", "C0110 `--` begins no comment", "comments begin with //"],
  ['"""doc"""', "C0110 text has no meaning here", "comments begin with //"],
  [
    "f = lambda v: v + 1",
    "C0110 there are no unnamed functions",
    "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell",
  ],
  ["assert x > 0", "C0110 `assert` begins no statement", "leave it out: what is wrong with shapes is found by itself"],
  ["site a = x @ W\nplace a = batch", "C0113 this placement lacks `:`", "write `place a : batch`"],
  ["site a = x @ W\nplace batch(a)", "C0113 this placement lacks `:`", "write `place a : batch`"],
];

/** A line of the cell, and what is written instead. */
const lines: readonly (readonly [line: string, ...row: Row])[] = [
  ["input x : [D]", "input x : D", "C0115 this input has no shape", "write `[D]`"],
  ["input x : [D]", "input x", "C0115 this input lacks a shape", "write `: [D, 4H]`, or `: []` for a single number"],
  ["input x : [D]", "input x(D)", "C0115 this input lacks a shape", "write `input x : [D]`"],
  ["input x : [D]", "input x [D]", "C0115 this input lacks a shape", "write `input x : [D]`"],
  ["input x : [D]", "input x : (D)", "C0115 this input lacks a shape", "write `input x : [D]`"],
  ["state h : [H] = 0", "state h : H = 0", "C0115 this state lacks a shape", "write `state h : [H] = 0`"],
  ["state h : [H] = 0", "state h : [H]", "C0114 this state has no initial value", "write `= 0`"],
  [
    "state h : [H] = 0",
    "state h = 0",
    "C0115 this state lacks a shape",
    "a shape stands before it: `state h : [H] = 0`",
  ],
  [
    "state h : [H] = 0",
    "state h = zeros(H)",
    "C0115 this state lacks a shape",
    "a shape stands before it: `state h : [H] = 0`",
  ],
  [
    "param U : [H, H] = orthogonal",
    "param U = orthogonal",
    "C0115 this param lacks a shape",
    "a shape stands before it: `param U : [D, H] = orthogonal`",
  ],
  [
    "param U : [H, H] = orthogonal",
    "param U : [H, H]",
    "C0114 this param has no initial value",
    "write `= 0`, `= xavier`, `= orthogonal`, …",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : [D x H] = xavier",
    "C0107 `x` is no word in a shape",
    "write [D, H], with commas between the dimensions",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : D × H = xavier",
    "C0101 `×` has no meaning here",
    "multiply element by element with *, and a vector with a matrix with @: x @ W",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : (D, H) = xavier",
    "C0115 this param lacks a shape",
    "write `param W : [D, H] = xavier`",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : [D, H] = randn(D, H)",
    "C0201 there is no initialiser `randn`",
    "write normal(1)",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : [D, H] = glorot_uniform",
    "C0201 there is no initialiser `glorot_uniform`",
    "write xavier",
  ],
  [
    "param W : [D, H] = xavier",
    "param W : [D, H] = he_normal",
    "C0201 there is no initialiser `he_normal`",
    "write kaiming",
  ],
  [
    "param b : [H] = 0",
    "param b : [H] = lecun",
    "C0216 lecun is a matrix, and this parameter is [H]",
    "write normal(1 / sqrt(H))",
  ],
  [
    "param b : [H] = 0",
    "param b : [H] = 0\n  param T : [2, D, H] = xavier",
    "C0216 xavier is a matrix, and this parameter is [2, D, H]",
    "write uniform(sqrt(6 / (D + H))), if each matrix has D inputs and H outputs",
  ],
  [
    "param b : [H] = 0",
    "param b : [H] = 0\n  param T : [2, H, H] = orthogonal",
    "C0216 orthogonal is a matrix, and this parameter is [2, H, H]",
    "declare matrices and stack them: param U, V : [H, H] = orthogonal, then [U, V]",
  ],
  [
    "state h : [H] = 0",
    "state h : [H] = 0\n  state s : [2, H] = [1, 0]\n  s' = s",
    "C0204 `s` is [2, H], but begins as [2]",
    "shapes are compared from the end; to stretch along the other axes: reshape(x, [2, 1])",
  ],
  [
    "param b : [H] = 0",
    "param b : [H] = 0, c : [H] = 0",
    "C0110 a line declares values of one shape",
    "each has a line of its own; several of one shape share it: param a, b : [H]",
  ],
  [
    "param b : [H] = 0",
    "weight b : [H] = 0",
    "C0110 `weight` begins no statement",
    "write `param W : [D, H] = xavier`",
  ],
  ["param b : [H] = 0", "param b [H] = 0", "C0115 this param lacks a shape", "write `param b : [H] = 0`"],
  ["cell c(D = 3, H = 4) {", "cell c {", "C0112 this header lacks `(` and the parameters", "write `cell name(D, H) {`"],
  [
    "cell c(D = 3, H = 4) {",
    "cell c(D = 3, H = 4):",
    "C0112 this header lacks `{`",
    "a body stands between `{` and `}`: `cell name(D, H) {`",
  ],
  [
    "cell c(D = 3, H = 4) {",
    "cell c<D, H> {",
    "C0112 this header lacks `(` and the parameters",
    "write `cell name(D, H) {`",
  ],
  [
    "cell c(D = 3, H = 4) {",
    "cell c(D: int = 3, H: int = 4) {",
    "C0112 this header lacks `)`",
    "dimensions have no type: `cell name(D = 28, H) {`",
  ],
  ["cell c(D = 3, H = 4) {", "Cell c(D = 3, H = 4) {", "C0111 `Cell` begins no declaration", "did you mean `cell`?"],
  [
    "cell c(D = 3, H = 4) {",
    "rnn c(D = 3, H = 4) {",
    "C0111 `rnn` begins no declaration",
    "write `cell c(D, H) { … }`, with a `{` at the end of its first line and a `}` after the last",
  ],
  [
    "param b : [H] = 0",
    "b = Parameter(zeros(H))",
    "C0201 there is no function `Parameter`",
    "declare it: `param b : [H] = 0`",
  ],
];

const steps = "only features have places; delay(x, 1) is x of the step before, last(x, k) the last k";
/** Steps taken for an axis. */
const alongTime = (line: string): string =>
  `model m(D = 3) {\n  input x : [D] over time\n  input s : [] over time\n  param V : [D, D] = xavier\n  a = ${line}\n  output a\n  loss sum(x @ V * s, over feature)\n}\n`;

const files: readonly Row[] = [
  [alongTime("x[1:] - x"), "C0204 the shapes [-1 + D] and [D] do not fit", steps],
  [alongTime("x[1:] @ V"), "C0204 `@` sums over -1 + D on the left and D on the right", steps],
  [alongTime("s[1:]"), "C0204 a value with no feature axes has no entries", steps],
  [alongTime("shift(s, 1)"), "C0204 `shift` needs a feature axis", steps],
  [
    "cell c(D = 3, H = 4) {\n  param W : [D, H] = xavier\n  param U : [H, H] = orthogonal\n  param b : [H] = 0\n  input x : [D]\n  state h : [H] = 0\n  h_new = tanh(x @ W + h @ U + b)\n\n  output h_new\n}\n",
    "C0211 the state `h` is given no next value",
    "give `h_new` the name `h'`",
  ],
  [
    "def gru(x, h) {\n  x + h\n}\n",
    "C0111 `def` begins no declaration",
    "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell",
  ],
  [
    "def cell(x, h):\n  z = x + h\n  return z\n",
    "C0111 `def` begins no declaration",
    "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell",
  ],
  [
    "function f(x) {\n  x + 1\n}\n",
    "C0111 `function` begins no declaration",
    "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell",
  ],
  [
    "class LSTM(nn.Module):\n  def __init__(self):\n    self.W = 3\n",
    "C0111 `class` begins no declaration",
    "write `cell c(D, H) { … }`, with a `{` at the end of its first line and a `}` after the last",
  ],
  [
    "cell c(D = 3, H = 4) {\n  param W : [D, H] = xavier\n  param U : [H, H] = orthogonal\n  param b : [H] = 0\n  input x : [D]\n\n  h' = tanh(x @ W + h @ U + b)\n  output h'\n}\n",
    "C0212 `h` is not a state, so it has no next value",
    "declare it: `state h : [H] = 0`",
  ],
  ["fn f(x) => x + 1\n", "C0112 this header lacks `{`", "write `fn f(x) { x + 1 }`"],
  ["fn f(x) = x + 1\n", "C0112 this header lacks `{`", "write `fn f(x) { x + 1 }`"],
  [
    "fn f(x) { return x + 1 }\n",
    "C0110 `return` begins no statement",
    "a cell ends with `output h'`, a function with the value alone on its last line",
  ],
  [
    "import torch\n",
    "C0119 this import lacks `{`",
    'functions such as tanh need no import; for a cell of another file write import { lstm } from "./lstm.cell"',
  ],
  [
    'from "./lstm.cell" import lstm\n',
    "C0111 `from` begins no declaration",
    'write import { lstm } from "./lstm.cell"',
  ],
  ['import * from "./lstm.cell"\n', "C0119 this import lacks `{`", 'write import { lstm } from "./lstm.cell"'],
  ['import lstm from "./lstm.cell"\n', "C0119 this import lacks `{`", 'write import { lstm } from "./lstm.cell"'],
  [
    "struct c(D, H) {\n  W\n}\n",
    "C0111 `struct` begins no declaration",
    "write `cell c(D, H) { … }`, with a `{` at the end of its first line and a `}` after the last",
  ],
  [
    "import { a } from “./lstm.cell”\n",
    "C0101 `“` has no meaning here",
    'put file names in double quotes: "./lstm.cell"',
  ],
  [
    "function c(x, h)\n  h = tanh(x)\nend\n",
    "C0111 `function` begins no declaration",
    "write `fn f(x) { x + 1 }` for a function, and `cell c(D, H) { … }` for a cell",
  ],
  [
    "cell c(D = 3, H = 4) begin\n  param W : [D, H] = xavier\n  param U : [H, H] = orthogonal\n  param b : [H] = 0\n  input x : [D]\n  state h : [H] = 0\n\n  h' = tanh(x @ W + h @ U + b)\n  output h'\nend\n",
    "C0112 this header lacks `{`",
    "a body stands between `{` and `}`: `cell name(D, H) {`",
  ],
  [
    "cell k(D=3,H=4){ input x:[D]; param W:[D,H]=xavier; state h:[H]=0; h' = tanh(x@W+h); output h' }\nmodel m(D = 3, H = 4) {\n  input x : [D] over time\n  target y : [H] over time\n  hs = scan k(D, H) over x\n  loss = mse(hs, y)\n}\n",
    "C0107 `=` does not follow `loss`",
    "write `loss mse(a, b)`: a loss has no name",
  ],
  [
    "cell k(D=3,H=4){ input x:[D]; param W:[D,H]=xavier; state h:[H]=0; h' = tanh(x@W+h); output h' }\nmodel m(D = 3, H = 4) {\n  input x : [D] over time\n  target y : [H] over time\n  hs = scan k(D, H) over x\n  loss : mse(hs, y)\n}\n",
    "C0107 `:` does not follow `loss`",
    "write `loss mse(a, b)`: a loss has no name",
  ],
  [
    "model m(D = 3) {\n  input x : [D] over time\n  state h : [D] = 0\n  h' = h + x\n  loss sum(h', over feature)\n}\n",
    "C0223 `state` is not allowed in a model",
    "states belong to cells: declare a cell, and scan it: hs = scan lstm(D, H) over x",
  ],
  [
    "model m(D = 3) {\n  input x : [D]\n  target y : int\n  loss cross_entropy(x, y)\n}\n",
    "C0115 this target has no shape",
    "write `index(K)` for whole numbers below K, or `[]` for a single number",
  ],
  [
    "model m(D = 3) {\n  input x : [D]\n  target y : index\n  loss cross_entropy(x, y)\n}\n",
    "C0115 this target has no shape",
    "write `index(K)` for whole numbers below K, or `[]` for a single number",
  ],
  [
    "model m(D = 3) {\n  input x : [D]\n  target y : index(D)\n  loss cross_entropy(x, y)\n  metric accuracy(x, y)\n}\n",
    "C0107 this metric has no name",
    "write `metric name = accuracy(…)`",
  ],
];

describe("a first attempt", () => {
  const equation = "h' = tanh(x @ W + h @ U + b)";

  it.each(equations)("%s: %s", (text, message, help) => {
    expect(said(cell.replace(equation, () => text))).toEqual([[message, help]]);
  });

  it.each(statements)("%s: %s", (text, message, help) => {
    expect(said(cell.replace(equation, () => `${text}\n  ${equation}`))).toEqual([[message, help]]);
  });

  it.each(lines)("%s written as %s: %s", (line, written, message, help) => {
    expect(said(cell.replace(line, () => written))).toEqual([[message, help]]);
  });

  it.each(files)("%s: %s", (text, message, help) => {
    expect(said(text)).toEqual([[message, help]]);
  });

  it.each([
    ["semicolons", cell.replaceAll("\n", ";\n").replace("{;", "{").replace("};", "}")],
    ["tabs", cell.replaceAll("  ", "\t")],
    ["line ends of Windows", cell.replaceAll("\n", "\r\n")],
    ["a byte order mark", `\ufeff${cell}`],
  ])("may have %s", (_, text) => {
    expect(said(text)).toEqual([]);
  });
});
