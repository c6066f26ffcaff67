import { describe, expect, it } from "vitest";
import { meaningMessages } from "../../compiler/diagnostics/catalogue-meaning.ts";
import { check } from "../../compiler/semantics/elaborate.ts";
import { cellWith, codes, files, problemsOf, refusal } from "./sources.ts";

const withNorm = (body: string, place = "s"): string =>
  `norm n(x, gamma = 1) {\n${body}\n}\n${cellWith(`site s = x @ Wx\nsite r = h @ Wh\nplace ${place} : n`, "tanh(s + r)")}`;

/** `f1(x) = f2(x)`, and so on. */
function nestedFunctions(count: number): string {
  const names = Array.from({ length: count }, (_, i) => `f${count - i}`);
  const calls = names.map((name, i) => `fn ${name}(x) { ${i === 0 ? "tanh" : names[i - 1]}(x) }`);
  return `${calls.join("\n")}\n${cellWith("", "f1(h @ Wh + x @ Wx)")}`;
}

/** A model of words below 10 and a table of them. */
const indexed = (shape: string): string => `model m(H = 3) {
  input w : index(10) over time
  param T : [${shape}] = 1
  output embed(w, T)
}`;

/** A model of 4 classes and labels below 10. */
const classes = (loss: string): string => `model m(D = 2, K = 4, L = 10) {
  input x : [D] over time
  target y : index(L)
  param V : [D, K] = xavier
  logits = last(x) @ V
  loss ${loss}
}`;

/** A text for each code, with that mistake and no other. */
const samples: readonly (readonly [code: string, claim: string, text: string])[] = [
  ["C0201", "an unknown name", cellWith("", "tanh(h @ Wh + x @ Wx + bias)")],
  ["C0201", "an unknown function", cellWith("", "tanhh(h @ Wh + x @ Wx)")],
  [
    "C0201",
    "a cell called like a function",
    `${cellWith("")}fn f(x) { x }\ncell d = c with { state h : [H] = f(c(1)) }`,
  ],
  ["C0201", "an unknown name in a norm that nobody places", "norm n(x) { x - mu }"],
  ["C0201", "an unknown name in a function that nobody calls", "fn f(x) { x + y }"],
  ["C0201", "a replaced parameter that is not there", `${cellWith("")}cell d = c with { param Wz : [H, H] = 0 }`],
  ["C0202", "a name defined twice", cellWith("a = h\na = x @ Wx", "a @ Wh")],
  ["C0202", "two declarations of one name", "fn f(x) { x }\nfn f(y) { y }"],
  ["C0202", "two next values", cellWith("h' = h", "tanh(h @ Wh + x @ Wx)")],
  [
    "C0202",
    "a dimension called like an axis",
    "cell c(batch = 3) { input x : [batch]\nstate h : [batch] = 0\nh' = x + h\noutput h' }",
  ],
  ["C0202", "two outputs of one name", cellWith("output h", "tanh(h @ Wh + x @ Wx)")],
  ["C0203", "a value used above its definition", cellWith("b = a\na = h @ Wh + x @ Wx", "b")],
  ["C0203", "a next value used above its equation", cellWith("b = h'", "tanh(h @ Wh + x @ Wx)")],
  ["C0204", "a product of the wrong matrix", cellWith("", "h @ Wx + x @ Wx")],
  ["C0204", "a sum of unlike shapes", cellWith("", "h @ Wh + x @ Wx + x")],
  [
    "C0204",
    "an initial value of another shape",
    `${cellWith("")}cell d(D = 3, H = 4) { param a : [D] = 0\nstate h : [H] = a\nh' = h\noutput h' }`,
  ],
  ["C0204", "a replacement of another shape", `${cellWith("")}cell d = c with { param Wh : [H, 2H] = 0 }`],
  [
    "C0204",
    "an uneven split",
    cellWith("param V : [5] = 0\ng, j = split(V, 2)", "h @ Wh + x @ Wx + sum(g * j, over feature)"),
  ],
  ["C0205", "too few names", cellWith("f = h\na, b = split(h @ Wh + x @ Wx, 4)", "f")],
  ["C0205", "too many arguments", cellWith("", "tanh(h @ Wh, x @ Wx)")],
  ["C0205", "a reduction of a number", cellWith("", "h @ Wh + mean(sum(x @ Wx))")],
  ["C0206", "an argument a norm does not have", cellWith("site s = h @ Wh\nplace s : batch(gama = 1)", "s + x @ Wx")],
  [
    "C0206",
    "statistics kept in a way there is not",
    cellWith("site s = h @ Wh\nplace s : batch(stats = often)", "s + x @ Wx"),
  ],
  [
    "C0207",
    "statistics over time inside the recurrence",
    withNorm("stat m = mean(x, over (batch, time))\ngamma * (x - m)", "r"),
  ],
  ["C0208", "an unknown site", cellWith("place hh : batch")],
  ["C0209", "an unknown norm", cellWith("site s = h @ Wh\nplace s : bach", "s + x @ Wx")],
  ["C0210", "an unknown base", "cell d = lstn with { }"],
  [
    "C0210",
    "a model in place of a cell",
    `${cellWith("")}model m(D = 2) { input x : [D] over time\noutput x }\ncell d = m with { }`,
  ],
  ["C0211", "a state without a next value", cellWith("state s : [H] = 0\na = s", "tanh(h @ Wh + x @ Wx + a)")],
  ["C0212", "a prime on a value", cellWith("a' = h")],
  ["C0212", "a prime read from a value", cellWith("a = h", "a' @ Wh + x @ Wx")],
  ["C0213", "a cell without output", "cell c(H = 3) { state h : [H] = 0\nh' = h }"],
  ["C0214", "a stat over features", withNorm("stat m = mean(x, over feature)\ngamma * (x - m)")],
  ["C0215", "a reduction over time in a cell", cellWith("", "h @ Wh + x @ Wx + mean(h, over time)")],
  ["C0215", "the last step of what has no steps", "model m(D = 2) { input x : [D]\ny = last(x)\noutput y }"],
  ["C0216", "a matrix initialiser for a vector", cellWith("param b : [H] = orthogonal", "h @ Wh + x @ Wx + b")],
  [
    "C0216",
    "blocks that do not divide",
    cellWith("param b : [3] = blocks(1, 0)", "h @ Wh + x @ Wx + sum(b, over feature)"),
  ],
  ["C0216", "`none` where a value is needed", withNorm("param g : like x = none\nx * tanh(g)")],
  [
    "C0217",
    "an extent that is not whole",
    cellWith("param V : [H, H / 3] = 0", "h @ Wh + x @ Wx + sum(V, over feature)"),
  ],
  ["C0219", "a missing file", 'import { a } from "./nowhere.cell"'],
  ["C0220", "a function that calls itself", `fn f(x) { f(x) + 1 }\n${cellWith("", "f(h) @ Wh + x @ Wx")}`],
  ["C0220", "cells derived from each other", "cell a = b with { }\ncell b = a with { }"],
  ["C0222", "a number of parts that varies", cellWith("a, b = split(h, h)", "h @ Wh + x @ Wx + a + b")],
  ["C0222", "a shape made of a value", cellWith("param V : [h, H] = 0", "h @ Wh + x @ Wx + V")],
  ["C0222", "an initial value made of an input", cellWith("state s : [D] = x\ns' = x", "h @ Wh + x @ Wx + s @ Wx")],
  ["C0223", "a scan inside a cell", cellWith("a = scan c(D, H) over x", "h @ Wh + x @ Wx + a")],
  ["C0223", "dropout in a norm", withNorm("dropout(x, 0.1) * gamma")],
  ["C0222", "dropout of all", cellWith("", "h @ Wh + dropout(x @ Wx, 1)")],
  ["C0222", "a learned amount of noise", cellWith("param p : [] = 0.5", "h @ Wh + x @ Wx + noise(p, [H])")],
  ["C0233", "text where a value is needed", cellWith("", 'h @ Wh + x @ Wx + "one"')],
  ["C0234", "labels without a result", cellWith("", 'h @ Wh + dot(x, Wx, "d,dh")')],
  ["C0223", "a reduction over examples outside a stat", cellWith("", "h @ Wh + mean(x @ Wx, over batch)")],
  ["C0242", "a norm with a state on a parameter", cellWith("place Wh : atn")],
  [
    "C0242",
    "a statistic beside a state",
    withNorm("state p : like x = 0\np' = x\nstat m = mean(x, over batch)\nx - m"),
  ],
  ["C0223", "a site in a function that a norm calls", `fn f(x) {\nsite a = x\na\n}\n${withNorm("gamma * f(x)")}`],
  ["C0224", "arithmetic on an index", "model m(V = 5) { input w : index(V) over time\ny = w + 1\noutput y }"],
  ["C0224", "an embedding of numbers", cellWith("", "h @ Wh + x @ Wx + embed(h, Wh)")],
  ["C0225", "a next value of another shape", cellWith("", "x")],
  [
    "C0226",
    "the population's value of what is no statistic",
    withNorm("m = mean(x, over feature)\ngamma * (x - population(m))"),
  ],
  ["C0227", "functions inside functions", nestedFunctions(101)],
  ["C0228", "an index beyond a table", indexed("5, H")],
  ["C0228", "a class that is not there", classes("cross_entropy(logits, y)")],
  ["C0228", "a label that is never predicted", classes("-correct(logits, y)")],
  ["C0229", "a constant that is not a number", cellWith("", "h @ Wh + log(-1) * (x @ Wx)")],
  ["C0229", "an infinite number", cellWith("", "h @ Wh + 1e999 * (x @ Wx)")],
  ["C0229", "a division by zero", cellWith("", "h @ Wh + (x @ Wx) / (H - 4)")],
  ["C0229", "a number beyond 32 bits", cellWith("", "h @ Wh + 1e39 * (x @ Wx)")],
  ["C0229", "a number that is 0 in 32 bits", cellWith("", "h @ Wh + log(1e-60) * (x @ Wx)")],
  [
    "C0238",
    "statistics over examples of all steps at once",
    cellWith(
      "input s : [H] over time\nsite u = s\nplace u : batch",
      "h @ Wh + x @ Wx + sum(softmax(u @ h, over time) * s, over time)",
    ),
  ],
  ["C0229", "an ε that is none", cellWith("site s = h @ Wh\nplace s : batch(eps = 0/0)", "s + x @ Wx")],
  ["C0229", "an infinite initial value", cellWith("param b : [H] = 1e400", "h @ Wh + x @ Wx + b")],
  [
    "C0235",
    "a state that begins with a sequence",
    `${cellWith("")}model m(D = 3) { input x : [D] over time\noutput scan c(D, 3) over x from h = x }`,
  ],
  [
    "C0236",
    "dimensions of a scan that shares weights",
    `${cellWith("")}model m(D = 3) { input x : [D] over time\nhs = scan c(D, D) as enc over x\noutput scan enc(D) over hs }`,
  ],
  [
    "C0229",
    "an initial value that is infinite where range is 0",
    cellWith("const b : [H] = log(range)", "h @ Wh + x @ Wx + b"),
  ],
  ["C0230", "a list that is too short", cellWith("const b : [H] = [1, 2, 3]", "h @ Wh + x @ Wx + b")],
  ["C0230", "rows of a list that differ", cellWith("const B : [2, H] = [[1, 2, 3, 4], [5]]", "h @ Wh + x @ Wx + B[0]")],
  ["C0230", "a list of more levels than dimensions", cellWith("const b : [H] = [[1, 2, 3, 4]]", "h @ Wh + x @ Wx + b")],
  ["C0216", "a draw in a list", cellWith("const b : [H] = [1, 2, 3, uniform(1)]", "h @ Wh + x @ Wx + b")],
  ["C0216", "a sum in an initial value", cellWith("const b : [H] = sum(range, over feature)", "h @ Wh + x @ Wx + b")],
  ["C0216", "a range of another length", cellWith("const b : [H] = log(1 + range(D))", "h @ Wh + x @ Wx + b")],
  ["C0216", "identities that do not fill a matrix", cellWith("const B : [D, H] = identity", "h @ Wh + x @ (B + Wx)")],
  [
    "C0204",
    "the initial value of a parameter of another shape",
    cellWith("const b : [H] = 2 * Wx", "h @ Wh + x @ Wx + b"),
  ],
  ["C0222", "an initial value made of a step's value", cellWith("const b : [H] = 2 * h", "h @ Wh + x @ Wx + b")],
  [
    "C0203",
    "an initial value made of a later parameter",
    cellWith("const b : [H] = 2 * a\nparam a : [H] = 1", "h @ Wh + x @ Wx + a + b"),
  ],
  ["C0201", "a constant that `with` does not find", `${cellWith("")}cell d = c with { const Wz : [H, H] = 0 }`],
  [
    "C0223",
    "a constant in a function",
    `fn f(x) {\n  const a : [3] = 1\n  x\n}\n${cellWith("", "f(h) @ Wh + x @ Wx")}`,
  ],
  [
    "C0240",
    "steps of two time axes",
    "model m(D = 2) {\n  input a : [D] over time s\n  input b : [D] over time\n  output a + b\n}",
  ],
  ["C0222", "a ramp that begins after its end", withNorm("gamma * ramp(0, 1, 20, 10) * x")],
];

describe("messages", () => {
  it.each(samples)("%s alone for %s", (code, _claim, text) => {
    const errors = problemsOf(text).filter((d) => d.severity === "error");
    expect(codes(errors), errors.map((d) => `${d.code} ${d.message}`).join("\n")).toEqual([code]);
  });

  it("cover every code of this stage", () => {
    // C0218 needs the numbers of an elaboration; C0221 is for what trains a model.
    const covered = new Set(samples.map(([code]) => code).concat("C0218", "C0221"));
    expect(Object.keys(meaningMessages).filter((code) => !covered.has(code))).toEqual([]);
  });

  it("C0218 for a dimension without a number, where one is needed", () => {
    const text = cellWith("").replace("D = 3", "D");
    expect(codes(problemsOf(text))).toEqual([]);
    expect(codes(refusal(text))).toEqual(["C0218"]);
  });

  it("point at the source and say what to do", () => {
    const text = cellWith("", "h @ Wh + x @ Wz");
    const [d] = problemsOf(text);
    expect(text.slice(d.span.start, d.span.end)).toBe("Wz");
    expect(d.help).toBe("did you mean `Wx`?");
  });

  it("of C0207 name the state, its line and the reduction", () => {
    const text = withNorm("stat m = mean(x, over (batch, time))\ngamma * (x - m)", "r");
    const [d] = problemsOf(text);
    expect(text.slice(d.span.start, d.span.end)).toBe("r");
    expect(d.label).toContain("`r` depends on the previous state `h` (line 9)");
    expect(d.notes?.map((n) => text.slice(n.span.start, n.span.end))).toEqual(["h", "time"]);
  });

  it("about the use of a function point at the call, with a note inside", () => {
    const text = `fn twice(a, b) { 2 * (a + b) }\n${cellWith("", "twice(h, x)")}`;
    const [d] = problemsOf(text);
    expect(text.slice(d.span.start, d.span.end)).toBe("twice(h, x)");
    expect(d.notes?.map((n) => text.slice(n.span.start, n.span.end))).toContain("(a + b)");
  });

  it("are ten for ten mistakes, in source order", () => {
    const text = `fn loop(x) { loop(x) }
norm sequence(x) {
  stat m = mean(x, over (batch, time))
  x - m
}
cell c(D = 3, H = 4) {
  param Wx : [D, H] = xaviar
  param Wh : [H, H] = orthogonal(gian = 2)
  param V  : [D, 4H] = orthogonal
  input x : [D]
  state h : [H] = 0
  state k : [H] = 0
  site hh = h @ V
  site rr = h
  a = hh + x @ Wx
  f, i = split(x @ V, 4)
  b = a + unknwn + f
  b = loop(h)
  k' = x
  h' = tanh(b + k)
  output h', rr
  place hx : batch
  place rr : sequence
}
`;
    const found = problemsOf(text);
    expect(codes(found)).toEqual([
      "C0220",
      "C0201",
      "C0206",
      "C0204",
      "C0205",
      "C0201",
      "C0202",
      "C0225",
      "C0208",
      "C0207",
    ]);
    expect(codes(refusal(text))).toEqual(codes(found));
  });

  it("of a statement that cannot be read do not come with complaints about what it would have declared", () => {
    const text = cellWith("a = (h @ Wh\nb = a + x @ Wx", "tanh(b)");
    expect(problemsOf(text).map((d) => d.code.slice(0, 3))).toEqual(["C01"]);
  });

  it("come from several files, the entry's first", () => {
    const host = files({
      "main.cell": `import { a, missing } from "./b.cell"\n${cellWith("", "nope")}`,
      "b.cell": `cell a(H = 2) {\n state h : [H] = ) \n}`,
    });
    const found = check("main.cell", host).filter((d) => d.severity === "error");
    // What a damaged file declares is not known.
    expect(found.map((d) => [d.span.file, d.code.slice(0, 3)])).toEqual([
      ["main.cell", "C02"],
      ["b.cell", "C01"],
    ]);
  });

  const user = `cell c(D = 3, H = 4) {
  input x : [D]
  state h : [H] = 0
  h' = tanh(gate(x) + h)
  output h'
}
cell d = lstm with { state h : [H] = 0.1 }
model m(D = 3, H = 4) {
  input x : [D] over time
  es = scan lstm(D, H) as enc over x
  ds = scan lstm(D, H) over x from h = enc.h
  site s = gate(ds)
  output es, s
  loss sum(enc.Wh, over feature)
  place s : own
}`;
  const whole =
    "cell lstm(D = 3, H = 4) {\n  param Wh : [H, H] = 0\n  input x : [D]\n  state h : [H] = 0\n  h' = h @ Wh + sum(x, over feature)\n  output h'\n}\n";
  it.each([
    ["a file that is not there", 'import { lstm, gate, own } from "./other.cell"', "C0219"],
    ["a file with an error", 'import { lstm, gate, own } from "./damaged.cell"', "C0107"],
    ["no brackets", 'import lstm, gate, own from "./damaged.cell"', "C0119"],
    ["no quotes", "import { lstm, gate, own } from ./lstm.cell", "C0119"],
    ["no file", "import { lstm, gate, own }", "C0119"],
  ])("of an import that fails, with %s, are one: its names are not unknown besides", (_, line, code) => {
    const host = files({ "main.cell": `${line}\n${user}`, "damaged.cell": `${whole}fn gate(x) {\n  x +\n}\n` });
    const found = check("main.cell", host);
    expect([...new Set(codes(found))]).toEqual([code]);
  });

  it("say of a function's name that it is to be called, and what else was nearly said", () => {
    const helpOf = (next: string): string | undefined => problemsOf(cellWith("", next))[0].help;
    expect(helpOf("where(step == 0, h @ Wh, x @ Wx)")).toBe("it is a function: step()");
    expect(helpOf("h @ Wh + sum(concat(Wx[1:], x @ Wx, over first), over first) + x @ Wx")).toBe(
      "[x] has one more axis than x; a window is push(past, x)",
    );
    expect(helpOf("h @ Wh + h @ transpose(h) + x @ Wx")).toBe("products of two vectors are outer(a, b) and dot(a, b)");
    expect(problemsOf(cellWith("const k : [H] = zeros([H])", "tanh(h @ Wh + x @ Wx + k)"))[0].help).toBe(
      "write zeros: the shape is the declared one",
    );
  });

  it("list what a file declares if it does not declare what is imported", () => {
    const host = files({
      "main.cell": 'import { gru } from "./gru.cell"\nfn a(x) { x }',
      "gru.cell": "fn gru_before(x) { x }\nfn gru_after(x) { x }",
    });
    expect(check("main.cell", host).map((d) => d.help)).toEqual(["it declares gru_before, gru_after"]);
  });

  it("tell of a circle of imports once", () => {
    const host = files({
      "main.cell": 'import { b } from "./b.cell"\nfn a(x) { b(x) }',
      "b.cell": 'import { a } from "./main.cell"\nfn b(x) { x }',
    });
    expect(codes(check("main.cell", host))).toEqual(["C0219"]);
  });

  it("warn of what nothing uses, unless its name begins with _", () => {
    const text = cellWith("param b : [H] = 0\nsite s = h\n_t = h\nu = h");
    const found = problemsOf(text);
    expect(codes(found)).toEqual(["W0601", "W0601", "W0601"]);
    expect(found.map((d) => text.slice(d.span.start, d.span.end))).toEqual(["b", "s", "u"]);
  });

  it("stay few when functions call each other many times over", () => {
    const chain = Array.from({ length: 40 }, (_, i) => `fn f${i + 1}(x) { f${i}(x) + f${i}(x) }`).join("\n");
    const text = `fn f0(x) { x }\n${chain}\n${cellWith("", "f40(h) @ Wh + x @ Wx")}`;
    expect(new Set(codes(problemsOf(text)))).toEqual(new Set(["C0220"]));
  });
});
