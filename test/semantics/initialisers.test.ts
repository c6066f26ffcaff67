/** What initial values are written as, and which numbers they are. */
import { describe, expect, it } from "vitest";
import { initText } from "../../cli/report/init-text.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { prove } from "../../compiler/proofs/prove.ts";
import { format } from "../../compiler/syntax/format.ts";
import { initialise } from "../../runtime/initialise.ts";
import { keyOf } from "../../runtime/random.ts";
import { allOps, cellWith, compile, problemsOf, refusal } from "./sources.ts";

/** A cell whose dimensions are D = 3, H = 4 and N = 6, with these statements; every one of its parameters is used. */
const cell = (statements: string, others = ""): string => `${others}cell c(D = 3, H = 4, N = 6) {
${statements}
  input x : [D]
  state h : [H] = 0
  h' = h + sum(x, over feature)${[...statements.matchAll(/^\s*(?:param|const) (\w+)/gm)].map(([, name]) => ` + sum(${name}, over feature)`).join("")}
  output h'
}
`;

function leavesOf(text: string) {
  const { graph, dims } = compile(text, { entry: "c" });
  const leaves = new Map(
    allOps(graph).flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "param"
        ? [[op.attrs.leaf.name, { leaf: op.attrs.leaf, type: op.attrs.type }] as const]
        : [],
    ),
  );
  const first = (name: string): Float32Array => {
    const { leaf, type } = leaves.get(name)!;
    return initialise(
      leaf.init,
      type.shape.map((d) => dim.evaluate(d, dims)),
      keyOf(1, name),
      first,
    );
  };
  return { leaves, first };
}

/** The numbers of `a` in a cell with these statements. */
const numbers = (statements: string, others = ""): Float32Array => leavesOf(cell(statements, others)).first("a");

const near = (found: Float32Array, expected: readonly number[]): void => {
  expect(found.length).toBe(expected.length);
  for (const [i, v] of expected.entries())
    expect(Math.abs(found[i] - v)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(v)));
};

const table = <T>(rows: number, columns: number, f: (i: number, j: number) => T): T[] =>
  Array.from({ length: rows * columns }, (_, k) => f(Math.floor(k / columns), k % columns));

describe("an initial value that is the same for every seed", () => {
  it.each<readonly [text: string, expected: readonly number[]]>([
    ["const a : [H] = [1, 2, 4, 8]", [1, 2, 4, 8]],
    ["param a : [2] = [1, 2]", [1, 2]],
    ["param a : [2, 2] = [[0, 1], [1, 0]]", [0, 1, 1, 0]],
    ["param a : [D, 2] = [1, 2 * H]", [1, 8, 1, 8, 1, 8]],
    ["param a : [H] = 2 ^ range", [1, 2, 4, 8]],
    ["param a : [H] = range(4)", [0, 1, 2, 3]],
    ["param a : [H] = range(1, 0.5)", [1, 1.5, 2, 2.5]],
    ["param a : [H] = log(1 + range(H))", [0, Math.log(2), Math.log(3), Math.log(4)]],
    ["param a : [2, D] = rows", [0, 0, 0, 1, 1, 1]],
    ["param a : [D] = [1, 2, 3] * 2 - 1", [1, 3, 5]],
    ["param a : [D] = -[1, 2, 3]", [-1, -2, -3]],
    ["param a : [D] = pi / 2", [Math.PI / 2, Math.PI / 2, Math.PI / 2]],
    ["param a : [] = sqrt(pi)", [Math.sqrt(Math.PI)]],
    ["param a : [D] = tanh(1)", [Math.tanh(1), Math.tanh(1), Math.tanh(1)]],
    ["param a : [4] = blocks(range, 5)", [0, 1, 5, 5]],
    ["param a : [4] = blocks([1, 2], -[3, 4])", [1, 2, -3, -4]],
    ["param b : [D] = [5, 6, 7]\nparam a : [2, D] = 10 * b", [50, 60, 70, 50, 60, 70]],
    ["param b : [D] = [5, 6, 7]\nparam a : [2, D] = b", [5, 6, 7, 5, 6, 7]],
    ["const b : [D] = range\nparam a : [D] = min(b, 1) + max(range, 1)", [1, 2, 3]],
    ["param a : [D] = 0.5 * ones + zeros", [0.5, 0.5, 0.5]],
    ["param a : [3, 2] = identity", [1, 0, 0, 1, 0, 0]],
    // Mamba: A_log = log(1 … N) in each row.
    ["param a : [2, N] = log(1 + range)", table(2, 6, (_, j) => Math.log(1 + j))],
    // S4D-Lin, S4D-Real and S4D-Inv (Gu et al. 2022): the imaginary or real parts.
    ["param a : [N] = pi * range", table(1, 6, (_, j) => Math.PI * j)],
    ["param a : [N] = -(1 + range)", table(1, 6, (_, j) => -(1 + j))],
    [
      "param a : [N] = N / pi * (N / (2 * range + 1) - 1)",
      table(1, 6, (_, j) => (6 / Math.PI) * (6 / (2 * j + 1) - 1)),
    ],
    // HiPPO-LegS (Gu et al. 2020).
    [
      "const a : [N, N] = -where(rows > range, sqrt((2 * rows + 1) * (2 * range + 1)), where(rows == range, rows + 1, 0))",
      table(6, 6, (i, j) => -(i > j ? Math.sqrt((2 * i + 1) * (2 * j + 1)) : i === j ? i + 1 : 0)),
    ],
    // LMU, HiPPO-LegT (Voelker et al. 2019).
    [
      "const a : [N, N] = (2 * rows + 1) * where(rows < range, -1, (-1)^(rows - range + 1))",
      table(6, 6, (i, j) => (2 * i + 1) * (i < j ? -1 : (-1) ** (i - j + 1))),
    ],
    ["const a : [N] = (-0.5)^(range - 2)", table(1, 6, (_, j) => (-0.5) ** (j - 2))],
    ["const a : [N] = sqrt(2 * range + 1)", table(1, 6, (_, j) => Math.sqrt(2 * j + 1))],
  ])("%s", (text, expected) => {
    near(numbers(text), expected);
  });

  it("calls functions of the file and of the prelude", () => {
    near(numbers("param a : [D] = halved(1 + range)", "fn halved(x, by = 2) {\n  y = x / by\n  y\n}\n"), [0.5, 1, 1.5]);
  });
});

describe("an initial value that is drawn", () => {
  const between = (found: Float32Array, low: number, high: number): void => {
    for (const v of found) expect(v >= low && v <= high, `${v}`).toBe(true);
    expect(new Set(found).size).toBeGreaterThan(found.length / 2);
  };

  it("LRU (Orvieto et al. 2023): |λ| within the ring, phases within π / 10", () => {
    const nu = numbers("param a : [100] = log(-0.5 * log(uniform(0.9^2, 0.999^2)))");
    between(
      nu.map((v) => Math.exp(-Math.exp(v))),
      0.9 - 1e-6,
      0.999 + 1e-6,
    );
    between(numbers("param a : [100] = log(uniform(0, pi / 10))").map(Math.exp), 0, Math.PI / 10 + 1e-6);
  });

  it("Mamba's step sizes are log-uniform from 0.001 to 0.1 after softplus", () => {
    const bias = numbers("param a : [100] = log(exp(exp(uniform(log(1e-3), log(1e-1)))) - 1)");
    between(
      bias.map((v) => Math.log1p(Math.exp(v))),
      1e-3 - 1e-6,
      0.1 + 1e-6,
    );
  });

  it("phased LSTM (Neil et al. 2016): shifts lie within periods, which are drawn themselves", () => {
    const { first } = leavesOf(cell("param tau : [100] = exp(uniform(0, 6))\nparam a : [100] = uniform(0, tau)"));
    const tau = first("tau");
    between(tau, 1, Math.exp(6));
    const parts = first("a").map((v, i) => v / tau[i]);
    between(parts, 0, 1);
    // Independent of the period: a mean of 100 uniform numbers.
    expect(Math.abs(parts.reduce((s, v) => s + v, 0) / 100 - 0.5)).toBeLessThan(4 / Math.sqrt(1200));
  });

  it("two draws of an expression are independent, and a draw with a name is one", () => {
    const differ = numbers("param a : [50] = uniform(1) - uniform(1)");
    expect(new Set(differ).size).toBeGreaterThan(40);
    near(numbers("param a : [50] = none0(uniform(1))", "fn none0(x) { x - x }\n"), Array(50).fill(0));
  });

  it("one alone is what it was, and a gain may stand in front", () => {
    const { first } = leavesOf(cell("param a : [H, H] = (orthogonal)"));
    expect(first("a")).toEqual(initialise({ kind: "orthogonal", gain: 1 }, [4, 4], keyOf(1, "a")));
    expect(numbers("param a : [H] = normal(2, [1, 1, 1, 1] / 1000)").every((v) => Math.abs(v - 2) < 0.01)).toBe(true);
  });
});

describe("`pi`", () => {
  it("is a number, unless the text declares the name", () => {
    expect(problemsOf(cellWith("a = pi * h", "tanh(a @ Wh + x @ Wx)"))).toEqual([]);
    near(numbers("param pi : [D] = 2\nparam a : [D] = 3 * pi"), [6, 6, 6]);
    expect(refusal(cellWith("a = pi * h\npi = 3", "tanh(a @ Wh + x @ Wx + pi)"))[0].code).toBe("C0203");
    expect(problemsOf("fn f(x) { x * pi }\nnorm n(x) { pi * x }\n")).toEqual([]);
  });
});

describe("options of norms", () => {
  it("are initialisers, computed for the shape of the norm's parameter", () => {
    const text = cellWith(
      "site s = h @ Wh\nplace s : layer(gamma = 1 / (1 + range), beta = [1, 2, 3, 4])",
      "tanh(s + x @ Wx)",
    );
    const { first } = leavesOf(text.replace("cell c", "cell c"));
    expect(first).toBeDefined();
    const { graph } = compile(text);
    const params = new Map(
      [...graph.norms.values()].flatMap(({ ops }) =>
        ops.flatMap((op) =>
          op.op === "leaf" && op.attrs.leaf.kind === "param" ? [[op.attrs.leaf.name, op.attrs.leaf.init] as const] : [],
        ),
      ),
    );
    near(initialise(params.get("s/g")!, [4], keyOf(1, "g")), [1, 1 / 2, 1 / 3, 1 / 4]);
    near(initialise(params.get("s/k")!, [4], keyOf(1, "k")), [1, 2, 3, 4]);
  });

  it("that do not fit are refused", () => {
    const text = cellWith("site s = h @ Wh\nplace s : layer(beta = [1, 2, 3])", "tanh(s + x @ Wx)");
    expect(refusal(text).map(({ code }) => code)).toEqual(["C0230"]);
  });
});

describe("messages", () => {
  it("point at the list that has another number of entries", () => {
    const text = cellWith("const B : [2, H] = [[1, 2, 3, 4], [5, 6]]", "h @ Wh + x @ Wx + B[0]");
    const [found] = refusal(text);
    expect(text.slice(found.span.start, found.span.end)).toBe("[5, 6]");
    expect(found.message).toBe("this list has 2 entries, and [H] has 4");
  });

  it("say in a mere check nothing of extents that are not known yet", () => {
    const text = cellWith("const period : [H] = [1, 2, 4, 8]", "h @ Wh + x @ Wx + period");
    expect(problemsOf(text.replace("H = 4", "H"))).toEqual([]);
    expect(refusal(text, { dims: { H: 5 } }).map(({ code }) => code)).toEqual(["C0230"]);
  });

  it("lead from `stop` to `const`, where a parameter is frozen", () => {
    const warnings = prove(compile(cellWith("param A : [H, H] = orthogonal", "tanh(h @ stop(A) + h @ Wh + x @ Wx)")));
    expect(warnings.map(({ code }) => code)).toEqual(["W0604"]);
    expect(warnings[0].message).toBe("no gradient reaches `A`, because of `stop`");
    expect(warnings[0].help).toBe("if it is not to be trained, declare it `const`, without `stop`: const A");
    const constant = cellWith("const A : [H, H] = orthogonal", "tanh(h @ A + h @ Wh + x @ Wx)");
    expect(prove(compile(constant))).toEqual([]);
    const unstopped = prove(compile(cellWith("site s = h @ Wh + b0\nplace s : batch\n".replace("b0", "x @ Wx"), "s")));
    expect(unstopped).toEqual([]);
  });

  it("warn of a constant that nothing uses", () => {
    const [found] = problemsOf(cellWith("const A : [H] = 1"));
    expect([found.code, found.message]).toEqual(["W0601", "the constant `A` is not used"]);
  });
});

describe("derived cells", () => {
  const base = cellWith("const A : [H, H] = orthogonal", "tanh(h @ Wh + h @ A + x @ Wx)");
  const kinds = (body: string) => {
    const { graph } = compile(`${base}cell d = c with { ${body} }\n`, { entry: "d" });
    return Object.fromEntries(
      allOps(graph).flatMap((op) =>
        op.op === "leaf" && op.attrs.leaf.kind === "param"
          ? [[op.attrs.leaf.name, [op.attrs.leaf.constant ?? false, op.attrs.leaf.init.kind]]]
          : [],
      ),
    );
  };

  it("freeze parameters and train constants", () => {
    expect(kinds("const Wh : [H, H] = orthogonal(gain = 0.9); param A : [H, H] = 0.5 * identity")).toEqual({
      Wx: [false, "xavier"],
      Wh: [true, "orthogonal"],
      A: [false, "formula"],
    });
    expect(kinds("state h : [H] = 0.1")).toMatchObject({ A: [true, "orthogonal"] });
  });
});

describe("texts", () => {
  const text = cell(
    `  const period : [H] = [1, 2, 4, 8]
  param a : [D, H] = blocks(log(1 + range), -2 * uniform(0, 6) + period[0:2])`.replace(" + period[0:2]", ""),
  );

  it("of a graph with formulas and constants are read back", () => {
    const { graph } = compile(text);
    const printed = printGraph(graph);
    expect(printed).toContain("const list([4], 1, 2, 4, 8)");
    expect(printGraph(parseGraph(printed))).toBe(printed);
  });

  it("are formatted with constants among parameters", () => {
    const made = format(
      "cell c(H=4){ const   a:[H]=[1,2,4,8]\nparam long : [H,H] = 0.5*(1+range)\nstate h:[H]=0\nh'=h@long+a\noutput h' }",
      "a.cell",
    );
    expect(made.text).toContain("  const a    : [H] = [1, 2, 4, 8]\n  param long : [H, H] = 0.5 * (1 + range)\n");
    expect(format(made.text, "a.cell").text).toBe(made.text);
  });

  it.each([
    ["[1, 2, 4, 8]", "[H]"],
    ["[[0, 1], [1, 0]]", "[2, 2]"],
    ["exp(uniform(0, 6))", "[H]"],
    ["log(1 + range)", "[H]"],
    ["rows(1, 2) - range", "[H, H]"],
    ["2 * (1 + range) / (3 - uniform(0.1))", "[H]"],
    ["1 - (range - rows)", "[H, H]"],
    ["-range", "[H]"],
    ["where(rows >= range, kaiming, lecun)", "[H, H]"],
    ["blocks(range, orthogonal)", "[H, 2H]"],
  ])("of initialisers are shown as they are written: %s", (init, shape) => {
    const { leaves } = leavesOf(cell(`param a : ${shape} = ${init}`));
    expect(initText(leaves.get("a")!.leaf.init)).toBe(init);
  });
});
