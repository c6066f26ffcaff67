/**
 * Texts made to break the compiler: too deep, too long, too many, without end or without sense. Each must be compiled, or refused
 * with a diagnostic: nothing may be thrown but a `CompileError`, and nothing may take long.
 */

export interface HostileText {
  readonly name: string;
  /** By path; what is to be compiled is `main.cell`. */
  readonly files: Readonly<Record<string, string>>;
  /** The required outcome; `either` if both are acceptable. */
  readonly outcome: "refused" | "compiled" | "either";
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join("\n");

/** A cell [D] → [H] with input x, state h and these statements; `next` is the next value of h. */
const cell = (statements: string, next = "tanh(x @ W + h)", before = ""): string => `${before}
cell c(D = 3, H = 4) {
  input x : [D]
  param W : [D, H] = xavier
  state h : [H] = 0
${statements}
  h' = ${next}
  output h'
}
`;

/** A model of words below V and labels below K, with these statements. */
const model = (statements: string, before = ""): string => `${before}
model m(D = 2, V = 10, K = 4) {
  input x : [D] over time
  input w : index(V) over time
  target y : index(K)
  param U : [D, K] = xavier
  logits = last(x) @ U
${statements}
}
`;

const one = (name: string, text: string, outcome: HostileText["outcome"] = "refused"): HostileText => ({
  name,
  files: { "main.cell": text },
  outcome,
});

/** `open` and `close` around a value, `depth` deep. */
const nested = (open: string, close: string, depth: number, inner = "h"): string =>
  open.repeat(depth) + inner + close.repeat(depth);

function deep(): readonly HostileText[] {
  const wraps: readonly (readonly [name: string, open: string, close: string])[] = [
    ["calls", "tanh(", ")"],
    ["brackets", "(", ")"],
    ["lists", "[", "]"],
    ["arguments", "max(h, ", ")"],
    ["first arguments", "max(", ", h)"],
    ["powers", "2^", ""],
    ["powers of brackets", "(2^", ")"],
    ["reductions", "sum(", ", over feature)"],
    ["splits", "split(", ", 1)"],
    ["products", "2 * (", ")"],
    ["named arguments", "softmax(x = ", ")"],
  ];
  const asked = wraps.flatMap(([name, open, close]) =>
    [60, 200, 3000].map((depth) =>
      one(`${depth} ${name}`, cell(`  a = ${nested(open, close, depth)}`), depth > 64 ? "refused" : "either"),
    ),
  );
  return [
    ...asked,
    ...[200, 480, 1900, 5000].map((n) => one(`${n} minus signs`, cell("", `${"- ".repeat(n)}(x @ W)`), "either")),
    ...["+", "-", "*", "/", "@", "^", "<", ","].map((op) =>
      one(`900 times ${op}`, cell(`  a = h${` ${op} h`.repeat(900)}`), "either"),
    ),
    ...["concat(x, x)", "repeat(x, 100)", "tile(x, 1000)", "repeat(x, k, over first)", "stack(x, x)"].map((growing) =>
      one(
        `what grows: ${growing}`,
        cell("  a = sum(iterate(g, 1000, [h], 500), over feature)", "h + a", `fn g(x, i, k) { ${growing} }`),
      ),
    ),
    ...["900, over first", '"same"', "0", "-1", "h", "[H, -1]", "[0, 4]", "[]", "1e9"].map((by) =>
      one(`split by ${by}`, cell(`  a = split(h, ${by})`, "a")),
    ),
    ...['"h,h"', '"h,h->hh"', '"hh,h->h"', '"/* h"', '"h,h->k"', '"\u0000"'].map((labels) =>
      one(`labels ${labels}`, cell("", `dot(h, h, ${labels})`)),
    ),
    ...["0", "-1", "0.5", "1e9", "h", '"1"', "[1]"].flatMap((n) =>
      ["stride", "dilation", "padding"].map((option) =>
        one(
          `a convolution with ${option} = ${n}`,
          cell("", `h + conv(reshape(h, [H, 1]), ones([3, 1]), ${option} = ${n})[:, 0]`),
          option === "padding" ? "either" : "refused",
        ),
      ),
    ),
    one(
      "scans in scans",
      model(`  hs = ${nested("(scan c over ", ")", 100, "x")}\n  loss cross_entropy(logits, y)`, cell("")),
    ),
    one(
      "a scan with resets in its mark",
      model(
        `  hs = scan c(D) over x reset ${nested("(scan c(D) over x reset ", ")[0]", 30, "x[0]")}\n  loss cross_entropy(logits + 0 * last(hs)[0], y)`,
        cell(""),
      ),
      "compiled",
    ),
    one(
      "ten thousand parts of a scan",
      model(`  hs = scan c(D) over x${" reset x[0] reverse".repeat(10_000)}`, cell("")),
    ),
    one(
      "withs in a row",
      cell("") + lines(100, (i) => `cell c${i} = ${i === 0 ? "c" : `c${i - 1}`} with {}`),
      "either",
    ),
    ...[50, 99, 150, 1000].map((n) =>
      one(
        `${n} functions inside each other`,
        cell(
          "",
          "f0(x @ W) + h",
          lines(n, (i) => `fn f${i}(x) { ${i === n - 1 ? "tanh" : `f${i + 1}`}(x) }`),
        ),
        n < 100 ? "compiled" : "refused",
      ),
    ),
    one(
      "functions that double",
      cell(
        "",
        "f0(x @ W)",
        lines(40, (i) => `fn f${i}(x) { ${i === 39 ? "x" : `f${i + 1}(x) + f${i + 1}(x)`} }`),
      ),
    ),
    one(
      "deep functions of deep statements",
      cell(
        "",
        "f0(x @ W)",
        lines(90, (i) => `fn f${i}(x) { ${nested("tanh(", ")", 50, i === 89 ? "x" : `f${i + 1}(x)`)} }`),
      ),
    ),
    one(
      "long sums in functions",
      cell(
        "",
        "f0(x @ W)",
        lines(90, (i) => `fn f${i}(x) { ${i === 89 ? "x" : `f${i + 1}(x)`}${" + x".repeat(900)} }`),
      ),
    ),
    one(
      "norms that call norms",
      cell(
        "  site s = x @ W\n  place s : n0",
        "s",
        lines(100, (i) => `norm n${i}(x) { n${i + 1}(x) }`),
      ),
    ),
    one(
      "a norm that calls itself",
      cell("  site s = x @ W\n  place s : n", "s", "fn g(x) { g(x) }\nnorm n(x) { g(x) }"),
    ),
    one(
      "iterate in iterate",
      cell("  a = iterate(g, 1000, h, 1)", "a", "fn f(x, i, k) { x + k }\nfn g(x, i, k) { iterate(f, 1000, x, k) }"),
    ),
  ];
}

function many(): readonly HostileText[] {
  const chain = (n: number): string => `  v0 = x @ W + h\n${lines(n, (i) => `  v${i + 1} = tanh(v${i} + h)`)}`;
  return [
    ...[200, 1000].map((n) => one(`${n} equations in a chain`, cell(chain(n), `v${n}`), "compiled")),
    one("7000 equations in a chain", cell(chain(7000), "v7000")),
    one(
      "300 equations side by side",
      cell(
        `${lines(300, (i) => `  v${i} = tanh(h + ${i})`)}\n  output ${range(300)
          .map((i) => `v${i}`)
          .join(", ")}`,
      ),
      "either",
    ),
    one("5000 unknown names", cell(lines(5000, (i) => `  a${i} = zz${i} + yy${i}`))),
    one("1000 unused names", cell(lines(1000, (i) => `  a${i} = h`)), "either"),
    one("1000 statements that cannot be read", cell(lines(1000, (i) => `  a${i} = = 3`))),
    one("1000 names twice", cell(lines(1000, () => "  a = h"))),
    one(
      "2000 sites with batch norm",
      cell(
        `${lines(2000, (i) => `  site s${i} = tanh(${i === 0 ? "x @ W" : `s${i - 1}`} + h)\n  place s${i} : batch`)}`,
        "s1999",
      ),
    ),
    one(
      "200 states",
      `cell c(H = 4) {\n  input x : [H]\n${lines(200, (i) => `  state h${i} : [H] = 0\n  h${i}' = h${i} + x`)}\n  output h0'\n}`,
      "compiled",
    ),
    one("2000 parameters", cell(lines(2000, (i) => `  param p${i} : [H] = 0`)), "either"),
    one(
      "2000 dimensions",
      `cell c(${range(2000)
        .map((i) => `D${i} = 2`)
        .join(", ")}) { input x : [D0]; output x }`,
      "either",
    ),
    one(
      "500 places of one site",
      cell(`  site s = x @ W\n${lines(500, () => "  place s : layer")}`, "s + h"),
      "either",
    ),
    one("places of what is not there", cell(lines(2000, (i) => `  place s${i} : batch`))),
    one(
      "2000 cells",
      lines(300, (i) => `cell c${i}(H = 2) { input x : [H]; output x }`),
      "either",
    ),
    one(
      "a cell scanned 300 times",
      model(`${lines(300, (i) => `  h${i} = scan c over x`)}\n  output h299`, cell("").replace("D = 3", "D = 2")),
      "either",
    ),
    one(
      "2000 arguments",
      cell(
        `  a = concat(${range(950)
          .map(() => "h")
          .join(", ")})`,
      ),
      "either",
    ),
    one("blank lines in an equation", cell(`  a = h +${"\n".repeat(50_000)}  h`), "either"),
    one("commas", cell(`  ${"a, ".repeat(10_000)}a = h`)),
    one("semicolons", cell(";".repeat(20_000)), "either"),
    one("comments", cell("/* a */ ".repeat(10_000)), "either"),
    one("comments in comments", cell("/*".repeat(50_000))),
    one("quotes", cell('"'.repeat(20_000))),
    one("quotes on lines", cell('"\n'.repeat(2000))),
    one("dollars", cell("$ ".repeat(10_000))),
    one("dollars on one line", cell("a$ ".repeat(10_000))),
    one("a text of a megabyte and one", `${cell("")}//${"x".repeat(2 ** 20)}`),
    one("fifty megabytes", " ".repeat(50_000_000)),
    one("a long name", cell(`  ${"n".repeat(500_000)} = h`)),
    one("a long number", cell(`  a = 0.${"1".repeat(500_000)} * h`), "either"),
    one("many wide characters", cell(`// ${"重".repeat(100_000)}\n  a = zz // ${"重".repeat(100_000)}`)),
    ...[
      "(",
      "[",
      "{",
      "}",
      ")",
      "]",
      "-",
      "f(",
      "2^",
      "a+",
      "f(scan a over ",
      "import {",
      "cell a(D) {",
      "(((^",
      "norm n(x) {",
      "place s : ",
      "with {",
      "fn f(x) {",
    ].map((piece) => one(`endless ${piece}`, cell(`  y = ${piece.repeat(3000)}`))),
    ...["", "fn f(x) {\n y = "].map((head) => one(`endless mixture after "${head}"`, head + "([{)]}".repeat(1500))),
  ];
}

function numbers(): readonly HostileText[] {
  const values = [
    "log(-1)",
    "0/0",
    "1/0",
    "1e999",
    "-1e999",
    "1e39",
    "1e-60",
    "sqrt(-1)",
    "(-8)^0.5",
    "0^-1",
    "log(0)",
    "rsqrt(0)",
    "1e200 * 1e200",
    "exp(1000)",
    "1/(H - 4)",
    "log(H - 4)",
    "1/(sqrt(4) - 2)",
    "stop(log(-1))",
    "max(1, 1e999)",
  ];
  return [
    ...values.flatMap((v) => [
      one(`${v} in an equation`, cell("", `tanh(x @ W + h) * (${v})`)),
      one(`${v} added`, cell("", `tanh(x @ W + h + ${v})`)),
      one(`${v} as a state's beginning`, cell(`  state k : [H] = ${v}\n  k' = k + h`, "k + x @ W")),
      one(`${v} in a function`, cell("", "f(x @ W + h)", `fn f(x) { x + (${v.replaceAll("H - 4", "size(x) - 4")}) }`)),
    ]),
    ...values
      .filter((v) => !/H|stop|max|rsqrt/.test(v))
      .flatMap((v) => [
        one(
          `${v} as ε`,
          cell(`  site s = x @ W\n  place s : batch(eps = ${v})`, "s + h"),
          v === "1e-60" ? "refused" : "refused",
        ),
        one(`${v} as an initial value`, cell(`  param b : [H] = ${v}`, "x @ W + h + b")),
        one(`${v} as a spread`, cell(`  param b : [H] = normal(${v})`, "x @ W + h + b")),
      ]),
    ...["0", "-1", "1/3", "1e999", "1e300", "0.5", "9007199254740993"].flatMap((v) => [
      one(`a dimension of ${v}`, cell("").replace("H = 4", `H = ${v}`)),
      one(
        `an extent of ${v}`,
        cell(`  param p : [${v}] = 0`, "x @ W + h + sum(p, over feature)"),
        v === "1e300" ? "refused" : "refused",
      ),
    ]),
    one("a huge shape", cell("  param p : [1000000000, 1000000000] = 0", "x @ W + h + sum(p, over feature)")),
    one("a huge dimension", cell("").replace("H = 4", "H = 1000000000")),
    one(
      "a huge product of dimensions",
      cell(`  param p : [${Array(40).fill("H").join(" * ")}] = 0`, "x @ W + h + sum(p, over feature)"),
    ),
    one(
      "a huge polynomial",
      cell(`  param p : [${Array(30).fill("(D + H + 1)").join(" * ")}] = 0`, "x @ W + h + sum(p, over feature)"),
    ),
    one(
      "a dimension divided to nothing",
      cell(`  param p : [H${" / 3".repeat(60)}] = 0`, "x @ W + h + sum(p, over feature)"),
    ),
    one("a dimension of itself", cell("").replace("H = 4", "H = H")),
    one("an index of too many", model("  output one_hot(w, 3)", "").replace("V = 10", "V = 20000000")),
    one("2000 axes", cell(`  a = reshape(h, [${Array(900).fill("1").join(", ")}, H])`), "either"),
  ];
}

function indices(): readonly HostileText[] {
  const bag =
    "cell bag(N = 5, E = 3) {\n  param T : [N, E] = 1\n  input w : index(N)\n  state h : [E] = 0\n  h' = h + embed(w, T)\n  output h'\n}\n";
  const wrong: readonly (readonly [name: string, statements: string, before?: string])[] = [
    ["a table of fewer rows", "  param T : [5, D] = 1\n  output embed(w, T)"],
    ["a table of fewer rows by a dimension", "  param T : [K, D] = 1\n  output embed(w, T)"],
    ["a table of fewer rows in a function", "  param T : [5, D] = 1\n  output f(w, T)", "fn f(i, T) { embed(i, T) }"],
    ["fewer classes", "  output one_hot(w, 9)"],
    ["fewer classes of a loss", "  loss cross_entropy(last(x), y)"],
    ["fewer classes of a metric", "  metric a = correct(last(x), y)"],
    ["a cell's input of fewer", "  output scan bag(5) over w", bag],
    ["a cell's input of fewer by default", "  output scan bag over w", bag],
    ["two indices that are not of a kind", "  output (w == y) * 1"],
    ["what `where` chooses by them", "  output where(w == y, x, 2 * x)"],
    ["a place among more", "  param T : [3, D] = 1\n  output embed(argmax(logits), T)"],
    ["places among different many", "  output (argmax(logits) == argmax(x)) * 1"],
  ];
  return [
    ...wrong.map(([name, statements, before]) => one(`an index meets ${name}`, model(statements, before))),
    one("an index in a larger table", model("  param T : [12, D] = 1\n  output embed(w, T)"), "compiled"),
    one("an index in a cell's larger input", model("  output scan bag(12) over w", bag), "compiled"),
    one(
      "a class among more",
      model("  loss cross_entropy(concat(logits, logits), y)\n  metric a = correct(concat(logits, logits), y)"),
      "compiled",
    ),
    one("a place in a table", model("  param T : [K, D] = 1\n  output embed(argmax(logits), T)"), "compiled"),
  ];
}

function names(): readonly HostileText[] {
  const strange = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "then",
    "prototype",
    "batch",
    "time",
    "NaN",
    "undefined",
  ];
  return strange.flatMap((name) => {
    const outcome = name === "__proto__" ? "refused" : "compiled";
    const text = (what: string): string => `
norm ${what === "norm" ? name : "n"}(x) { stat m = mean(x, over batch); x - m }
fn ${what === "function" ? name : "f"}(x) { x }
cell ${what === "cell" ? name : "c"}(${what === "dimension" ? name : "D"} = 2) {
  param ${what === "parameter" ? name : "p"} : [${what === "dimension" ? name : "D"}] = 0
  state ${what === "state" ? name : "h"} : [${what === "dimension" ? name : "D"}] = 0
  input ${what === "input" ? name : "x"} : [${what === "dimension" ? name : "D"}]
  site ${what === "site" ? name : "s"} = ${what === "state" ? name : "h"} + ${what === "input" ? name : "x"} + ${what === "parameter" ? name : "p"}
  ${what === "state" ? name : "h"}' = ${what === "function" ? name : "f"}(${what === "site" ? name : "s"})
  ${what === "output" ? name : "o"} = ${what === "state" ? name : "h"}'
  output ${what === "output" ? name : "o"}
  place ${what === "site" ? name : "s"} : ${what === "norm" ? name : "n"}
}`;
    const roles = ["norm", "function", "cell", "dimension", "parameter", "state", "input", "site", "output"];
    return roles.map((what) => {
      // The compiler itself calls its axes so.
      const isAxis = what === "dimension" && (name === "batch" || name === "time");
      return one(`a ${what} called ${name}`, text(what), isAxis ? "refused" : outcome);
    });
  });
}

function characters(): readonly HostileText[] {
  const hidden = [
    "\u0000",
    "\u001b[31m",
    "\u001b]0;t\u0007",
    "\u0008",
    "\u007f",
    "\u0085",
    "\u009b2J",
    "\u202e",
    "\u2066",
    "\u2028",
  ];
  return [
    ...hidden.flatMap((c) => [
      one(`${JSON.stringify(c)} in a comment`, cell(`  // ${c} here`)),
      one(
        `${JSON.stringify(c)} in an equation`,
        cell(`  a = h ${c} + h`),
        c === "\u0085" || c === "\u2028" ? "either" : "refused",
      ),
      one(`${JSON.stringify(c)} in an import`, `import { a } from "./${c}.cell"\n${cell("")}`),
    ]),
    one("carriage returns", cell("").replaceAll("\n", "\r"), "compiled"),
    one("line ends of Windows", cell("").replaceAll("\n", "\r\n"), "compiled"),
    one("a byte order mark", `\ufeff${cell("")}`, "compiled"),
    one("two byte order marks", `\ufeff\ufeff${cell("")}`, "either"),
    one("half a character", cell("  a = \ud800")),
    one("half a character in a comment", cell("  // \ud800"), "either"),
    one("Greek", cell("  γ = h")),
    one("a file of zero bytes", "\u0000".repeat(1000)),
    one("nothing", "", "refused"),
    one("spaces", " \n\t\n", "refused"),
    one("an open comment", `${cell("")}/* and on`),
    one("an open quote", `import { a } from "b\n${cell("")}`),
    one(
      "binary",
      range(5000)
        .map((i) => String.fromCharCode((i * 7919) % 256))
        .join(""),
    ),
  ];
}

function imports(): readonly HostileText[] {
  const chain = (n: number): Readonly<Record<string, string>> => ({
    "main.cell": `import { c } from "f0.cell"\ncell d = c with {}`,
    ...Object.fromEntries(
      range(n).map((i) => [
        `f${i}.cell`,
        i === n - 1 ? cell("") : `import { c } from "f${i + 1}.cell"\ncell c2 = c with {}`,
      ]),
    ),
  });
  return [
    one("a file that imports itself", `import { c } from "main.cell"\n${cell("")}`),
    one("a file that imports itself often", `${'import { c } from "main.cell"\n'.repeat(1000)}${cell("")}`),
    {
      name: "two files in a circle",
      files: {
        "main.cell": `import { a } from "b.cell"\n${cell("")}`,
        "b.cell": 'import { c } from "main.cell"\ncell a = c with {}',
      },
      outcome: "refused",
    },
    { name: "60 files in a row", files: chain(60), outcome: "refused" },
    { name: "5000 files in a row", files: chain(5000), outcome: "refused" },
    one("a file that is not there", `import { a } from "nowhere.cell"\n${cell("")}`),
    one("a folder", `import { a } from "."\n${cell("")}`),
    one("the root", `import { a } from "/"\n${cell("")}`),
    one("a device", `import { a } from "/dev/full"\n${cell("")}`),
  ];
}

/** Initial values: deep, long, of nothing, of themselves. */
function initialValues(): readonly HostileText[] {
  const begin = (value: string, before = "", shape = "[H]"): string =>
    cell(`  const a : ${shape} = ${value}`, "tanh(x @ W + h) + sum(a, over feature)", before);
  const chain = (n: number, line: (before: string) => string): string =>
    `fn f(y0) {\n${lines(n, (i) => `  y${i + 1} = ${line(`y${i}`)}`)}\n  y${n}\n}`;
  return [
    ...[60, 3000].map((n) => one(`an initial value of ${n} brackets`, begin(nested("(", ")", n, "range")), "either")),
    ...[60, 3000].map((n) => one(`lists inside each other, ${n} deep`, begin(nested("[", "]", n, "1")))),
    ...[30, 3000].map((n) => one(`blocks inside each other, ${n} deep`, begin(nested("blocks(", ", 1)", n, "range")))),
    one(
      "an initial value in a chain of 7000",
      begin(
        "f(range)",
        chain(7000, (y) => `${y} * 0.5 + 1`),
      ),
      "either",
    ),
    one(
      "an initial value that doubles 2000 times",
      begin(
        "f(range)",
        chain(2000, (y) => `0.25 * (${y} + ${y})`),
      ),
      "either",
    ),
    one(
      "a long chain of a huge initial value",
      begin(
        "f(range)",
        chain(3000, (y) => `0.5 * ${y}`),
        "[1000000]",
      ),
      "either",
    ),
    one("a list of 1500 numbers", begin(`[${range(1500).join(", ")}]`, "", "[1500]"), "either"),
    one("a list of nothing", begin("[]")),
    one("lists of nothing", begin("[[], []]", "", "[2, 2]")),
    one("a list in a number", begin("[1]", "", "[]")),
    one("a range in a number", begin("range", "", "[]")),
    one("a range of a negative number", begin("range(-1)")),
    one("a range of no number", begin("range(h)")),
    one("a constant of itself", begin("2 * a")),
    one("a constant of a huge power", begin("range ^ 1e300")),
    one("a constant that divides by zero", begin("1 / range")),
    one("a constant of an output", begin("h'")),
    one("a constant of a call of nothing", begin("nothing(range)")),
    one("a constant of a scan", begin("scan c over x")),
    one("a constant of noise", begin("noise(0.1)")),
    one("a constant of a ramp", begin("ramp(0, 1, 2, 3)")),
    one("a constant of none", begin("none"), "either"),
    one("a constant of blocks of none", begin("blocks(none, 1)")),
    one("a function called like an initialiser", begin("uniform(range)", "fn uniform(x) { x }"), "either"),
  ];
}

/** All of them, the same each time. */
export function hostileTexts(): readonly HostileText[] {
  return [
    ...deep(),
    ...many(),
    ...numbers(),
    ...initialValues(),
    ...indices(),
    ...names(),
    ...characters(),
    ...imports(),
  ];
}
