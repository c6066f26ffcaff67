import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { format } from "../../compiler/syntax/format.ts";
import { allOps, cellWith, compile, problemsOf } from "./sources.ts";

const model = (value: string): string => `model m(H = 4, K = 2) {
  input x : [H]
  input i : index(H)
  input j : index(H)
  target z : [H]
  y = ${value}
  output y
  loss mse(sum(y, over feature) + x + one_hot(i, H) + one_hot(j, H), z)
}
`;

/** What `value` is of x = 2, −1, 0, 3, i = 1 and j = 2. */
function numbers(value: string): readonly number[] {
  const { graph, dims } = compile(model(value));
  const leaves: Readonly<Record<string, readonly number[]>> = { x: [2, -1, 0, 3], z: [0, 0, 0, 0], i: [1], j: [2] };
  const made = interpret(graph, { dims: { ...dims, batch: 1, time: 1 }, leaf: (name) => leaves[name] });
  return [...made.get("output:y")!.data];
}

describe("and, or and not", () => {
  it.each([
    ["x > 0 and x < 3", [1, 0, 0, 0]],
    ["x < 0 or x > 2", [0, 1, 0, 1]],
    ["not x", [0, 0, 1, 0]],
    ["not x > 0", [0, 1, 1, 0]],
    ["x and x + 1", [1, 0, 0, 1]],
    ["x == 0 or x == 2 and x == 3", [0, 0, 1, 0]],
    ["not (x == 0 or x == 2) and x", [0, 1, 0, 1]],
    ["and(x > -2, x < 3, x != 0)", [1, 1, 0, 0]],
    ["or(x < 0, x > 2) * x", [0, -1, 0, 3]],
    ["x * not(x < 2)", [2, -0, 0, 3]],
    ["where(i == 1 and j == 2, x, 0)", [2, -1, 0, 3]],
    ["where(i == 2 or j == 1, x, 0)", [0, 0, 0, 0]],
    ["x + (1 and 2) + (0 or 3) + not(5)", [4, 1, 2, 5]],
    ["x + (H and K)", [3, 0, 1, 4]],
    ["(x > 0 and 1) + (x < 0 or 0)", [1, 1, 0, 1]],
  ])("%s", (text, data) => {
    expect(numbers(text)).toEqual(data);
  });

  it("are constants where their operands are", () => {
    const { graph } = compile(
      cellWith("param w : [H] = uniform((2 and 0) + 1)\n  q = 1 and not 0", "h @ Wh + x @ Wx + w * q"),
    );
    expect(allOps(graph).filter(({ op }) => op === "ne" || op === "eq")).toEqual([]);
    expect(printGraph(graph)).toContain('param "w" uniform(-1, 1)');
  });

  it("compare with 0 only what is not 1 or 0 already", () => {
    const { graph } = compile(cellWith("a = h > 0 and h < 1 or not (h > 2 and x @ Wx)", "a + h @ Wh"));
    expect(allOps(graph).filter((op) => op.op === "ne")).toHaveLength(1);
  });

  it("have shapes that fit, and values that are numbers", () => {
    expect(problemsOf(model("x and [1, 2]")).map((d) => d.code)).not.toEqual([]);
    const [misfit] = problemsOf(model("x > 0 and concat(x, x) > 0"));
    expect(misfit.code).toBe("C0204");
    const [index] = problemsOf(model("x and i"));
    expect([index.code, index.label]).toEqual(["C0224", "an index"]);
  });
});

const fn = (body: string): string => `fn f(a, b, x) { ${body} }\n`;

describe("the formatter", () => {
  it.each([
    ["(a and b) or (not (x > 0))", "a and b or not x > 0"],
    ["(a or b) and x", "(a or b) and x"],
    ["and(a, or(b, x))", "a and (b or x)"],
    ["a * not(b)", "a * (not b)"],
    ["not ((a + b) * x)", "not ((a + b) * x)"],
    ["not(a)", "not a"],
    ["a and\n b", "a and b"],
  ])("writes %s as %s", (text, written) => {
    expect(format(fn(text), "f.cell").text).toBe(fn(written));
  });
});

describe("a message", () => {
  it.each<[string, string, string, string | undefined]>([
    ["0 < x < 1", "C0109", "comparisons do not chain", "write `0 < x and x < 1`"],
    [
      "tanh(a + 1 <= x[1:] * 2 < b)",
      "C0109",
      "comparisons do not chain",
      "write `a + 1 <= x[1:] * 2 and x[1:] * 2 < b`",
    ],
    ["a == b == x and b", "C0109", "comparisons do not chain", "write `a == b and b == x`"],
    ["a && b", "C0101", "`&&` has no meaning here", "write `and`: a < b and b < c"],
    ["a || b", "C0101", "`||` has no meaning here", "write `or`: a < b or b < c"],
    ["!a", "C0101", "`!` has no meaning here", "write `not a`, or compare with !="],
    ["a % b", "C0101", "`%` has no meaning here", "write mod(a, b)"],
    ["a and", "C0107", "a value is missing after `and`", undefined],
    ["and b", "C0108", "`and` is an operator", "write `a and b`; a value of your own needs another name"],
    ["a and or b", "C0108", "`or` is an operator", "write `a or b`; a value of your own needs another name"],
    ["a + not b", "C0107", "`not` needs brackets after another operator", "write `(not a)`"],
    [
      "not (a) * b",
      "C0107",
      "this `not` may belong to less or more",
      "put brackets around what `not` belongs to: (not a) * b, or not (a * b)",
    ],
    ["and(a)", "C0107", "`and` takes two values or more", "write `a and b`"],
    ["a * not(a, b)", "C0107", "`not` takes one value", "write `not a`"],
    ["or(a, x = b)", "C0107", "`or` takes two values or more", "write `a or b`"],
  ])("to %s", (text, code, message, help) => {
    const found = problemsOf(fn(text)).filter((d) => d.severity === "error");
    expect(found.map((d) => [d.code, d.message, d.help])).toEqual([[code, message, help]]);
  });

  it.each([
    ["input and : [3]", "`and` is a reserved word"],
    ["or = x + 1", "`or` is a reserved word"],
    ["not, b = split(x, 2)", "`not` is a reserved word"],
    ["param not : [3] = 0", "`not` is a reserved word"],
  ])("to %s says that the name is taken", (statement, message) => {
    const [found] = problemsOf(`cell c() {\n  input x : [4]\n  ${statement}\n  output x\n}\n`);
    expect([found.code, found.message, found.help]).toEqual(["C0108", message, "choose another name"]);
  });
});

describe("of hostile length", () => {
  it.each([
    [`${"not ".repeat(600)}x`, ["C0121"]],
    [`${"not(".repeat(100)}x${")".repeat(100)}`, ["C0121"]],
    [`${"and(x, ".repeat(100)}x${")".repeat(100)}`, ["C0121"]],
    [`and(${Array(1500).fill("x").join(", ")})`, ["C0121"]],
    [Array(200).fill("x > 0").join(" and "), []],
    [`${"not ".repeat(400)}x`, []],
  ])("%.20s …", (text, codes) => {
    const found = problemsOf(fn(text).replace("a, b, x", "x")).filter((d) => d.severity === "error");
    expect(found.map((d) => d.code)).toEqual(codes);
    if (codes.length === 0) expect(numbers(text)).toHaveLength(4);
  });

  it("a line that begins with an operator is refused where it begins", () => {
    const [found] = problemsOf("fn f(a, b) {\n  c = a\n  and b\n  c\n}\n");
    expect([found.code, found.message]).toEqual(["C0108", "`and` is an operator"]);
  });
});
