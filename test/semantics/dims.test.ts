/** Dimensions that divide each other, names for extents, and defaults that are formulas. */
import { describe, expect, it } from "vitest";
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { showType } from "../../compiler/ir/type.ts";
import { lower } from "../../compiler/lower.ts";
import { type ElaborateOptions, examine } from "../../compiler/semantics/elaborate.ts";
import { codes, compile, files, opsNamed, problemsOf, refusal, valueNamed } from "./sources.ts";

/** A cell of N heads around `statements` and the next state. */
const heads = (statements: string, next = "h + q", header = "H = 6, N = 2"): string => `cell c(${header}) {
  input x : [H]
  state h : [H] = 0
  ${statements}
  h' = ${next}
  output h'
}`;

const said = (text: string, options?: ElaborateOptions): readonly string[] =>
  (options ? refusal(text, options) : problemsOf(text)).map(
    ({ code, message, help }) => `${code} ${message}${help ? `: ${help}` : ""}`,
  );

/** The output of one step from h = 0, with parameters of 1. */
function step(text: string, dims: Readonly<Record<string, number>>, x: readonly number[]): readonly number[] {
  const made = compile(text, { dims });
  const bound = { ...made.dims, batch: 1, time: 1, steps: 1 };
  const sizes = new Map(
    opsNamed(made.graph, "leaf").flatMap((op) =>
      op.op === "leaf" ? [[op.attrs.leaf.name, dim.evaluate(dim.product(op.attrs.type.shape), bound)]] : [],
    ),
  );
  const leaf = (name: string): Float64Array =>
    name === "x" ? Float64Array.from(x) : new Float64Array(sizes.get(name)!).fill(1);
  return [...interpret(lower(made.graph).entries.infer, { dims: bound, leaf }).get("output:h")!.data];
}

describe("a dimension divided by a dimension", () => {
  it("is an extent in shapes, and exact", () => {
    const { graph } = compile(heads("q = reshape(tanh(reshape(x, [N, H / N])), [N * (H / N)])"));
    expect(showType(valueNamed(graph, "q").type)).toBe("f32[batch, H]");
  });

  it("is a number in values, which need not be whole", () => {
    const text = heads("q = x * (H / N) + 1 / N");
    expect(step(text, { H: 3, N: 2 }, [1, 2, 4])).toEqual([2, 3.5, 6.5]);
  });

  it("splits in as many parts as its number says", () => {
    const text = heads("a = split(x, N)\n  q = concat(a[N - 1], x[:H - H / N])");
    expect(step(text, { H: 6, N: 3 }, [1, 2, 3, 4, 5, 6])).toEqual([5, 6, 1, 2, 3, 4]);
    expect(step(text, { H: 6, N: 2 }, [1, 2, 3, 4, 5, 6])).toEqual([4, 5, 6, 1, 2, 3]);
    expect(step(heads("q = sum(split(x, N), over last)", "h + q", "H = 2, N = 1"), {}, [1, 2])).toEqual([3, 3]);
  });

  it("bounds parts of values, which may end where the value does by the numbers alone", () => {
    const rotated = heads(
      "dim P = H / N\n  q = reshape(concat(x[P:2P], x[H - 2P:H - P]) * 1, [2, P])[1]",
      "h + sum(q, over last)",
    );
    expect(step(rotated, {}, [1, 2, 3, 4, 5, 6])).toEqual([6, 6, 6, 6, 6, 6]);
    expect(step(heads("q = sum(x[:P], over last)", "h + q", "H = 3, P = 3"), {}, [1, 2, 3])).toEqual([6, 6, 6]);
    const text = heads("q = concat(x[H / N:], x[:H / N])");
    expect(step(text, { H: 6, N: 3 }, [1, 2, 3, 4, 5, 6])).toEqual([3, 4, 5, 6, 1, 2]);
  });

  it("counts rounds and divides again", () => {
    const text = `fn double(y, k) { y + y }\n${heads("q = iterate(double, H / N / 2, x)", "q", "H = 8, N = 2")}`;
    expect(step(text, {}, [1, 1, 1, 1, 1, 1, 1, 2])).toEqual([4, 4, 4, 4, 4, 4, 4, 8]);
  });

  it("must be whole and positive once the numbers are known, and is reported once", () => {
    const text = heads(
      "param W : [N, H / N] = 0\n  q = reshape(reshape(x, [N, H / N]) * W, [H]) + 0 * sum(x[:H / N], over last)",
    );
    expect(codes(problemsOf(text))).toEqual([]);
    expect(said(text, { dims: { N: 4 } })).toEqual([
      "C0217 the extent H/N is 1.5 with H = 6, N = 4: choose other numbers, such as H = 4 or 8, or N = 3 or 6",
    ]);
    expect(said(heads("q = sum(split(x, N)[0], over last)"), { dims: { H: 100, N: 3 } })).toEqual([
      "C0217 the extent H/N is 33.3333 with H = 100, N = 3: choose other numbers, such as H = 99 or 102, or N = 2 or 4",
    ]);
    expect(said(heads("q = sum(x[:H / N - 3], over last)"))).toEqual([
      "C0222 from 0 to -3 + H/N = 0 there is no entry",
    ]);
  });

  it("may be without numbers while a file is only checked", () => {
    const text = heads("a = split(x, N)\n  q = a[3] * 0", "h + x + sum(q, over last)", "H, N");
    expect(problemsOf(text).filter(({ severity }) => severity === "error")).toEqual([]);
    // Nothing is proven about a cell of which a part is unknown.
    expect(examine("main.cell", files({ "main.cell": text })).elaborated).toEqual([]);
    expect(compile(text, { dims: { H: 8, N: 4 } }).graph.results.length).toBe(2);
  });

  it.each([
    ["q = split(x, 2 - N)", "C0222 `split` cannot make 2 + -1N = 0 parts"],
    ["q = split(x, 2000N)", "C0222 `split` cannot make 2000N = 4000 parts"],
    ["q = reshape(x, [N, H / (N + H)])", "C0222 a value of shape [] is not an extent"],
  ])("%s is refused: %s", (statement, message) => {
    expect(said(heads(statement))[0]).toContain(message);
  });

  it("says when extents are equal by their numbers alone", () => {
    const [found] = said(heads("q = reshape(reshape(x, [N, P]), [H])", "h + q", "H = 6, N = 2, P = 3"));
    expect(found).toContain("H and N*P are both 6 now, but not with other numbers");
    expect(said(heads("q = x + reshape(x, [P])", "h + q", "H = 6, P = 6"))[0]).toContain("both 6 now");
    expect(said(heads("q = x + reshape(x, [P])", "h + q", "H = 6, P = 5"))[0]).not.toContain("now");
  });
});

describe("`dim`", () => {
  it("names an extent, before parameters and after", () => {
    const text = `cell c(H = 6, N = 2) {
  dim P = H / N
  param W : [N, P] = 1
  dim Q = P * P
  input x : [H]
  state h : [H] = 0
  state C : [N, Q] = 0
  C' = C + reshape(x, [N, P])[0, 0]
  h' = reshape(reshape(x, [N, P]) * W, [H]) * P + Q
  output h', C'
}`;
    const { graph, dims } = compile(text);
    expect(dims).toEqual({ H: 6, N: 2 });
    expect(graph.results.map(({ value }) => showType(value.type))).toContain("f32[time, batch, N, H*H/N/N]");
    expect(step(text, {}, [1, 2, 3, 4, 5, 6])).toEqual([12, 15, 18, 21, 24, 27]);
  });

  it("is a name wherever no name follows", () => {
    expect(step(heads("dim = 2\n  q = dim * x"), { H: 1, N: 1 }, [3])).toEqual([6]);
    expect(codes(problemsOf(heads("q = x * dim", "h + q", "H = 6, dim = 3")))).toEqual([]);
  });

  it("is known in models, and in what they scan", () => {
    const { graph } = compile(`cell c(D, H, N = 2) {
  dim P = H / N
  param W : [D, P] = 0.1
  input x : [D]
  state h : [P] = 0
  h' = h + x @ W
  output h'
}
model m(N = 2, P = 3) {
  dim H = N * P
  input x : [2] over time
  hs = scan c(2, H, N) over x
  output hs
  loss sum(hs^2, over feature)
}`);
    expect(graph.results.map(({ value }) => showType(value.type))[0]).toBe("f32[time, batch, P]");
  });

  it.each([
    ["dim P = 2.5", "C0222 the number 2.5 is not an extent"],
    ["dim P = x", "C0222 a value of shape [H] is not an extent"],
    ["dim P = 1 - H", "C0217 the extent 1 + -1H is -5 with H = 6"],
    ["dim H = N", "C0202 `H` already has a meaning"],
    ["dim x' = N", "C0120 `x'` cannot be primed here"],
    ["dim P", "C0107 expected `=`, found the end of the statement"],
  ])("%s is refused: %s", (statement, message) => {
    expect(said(heads(statement, "h + x"))[0]).toContain(message);
  });

  it("does not belong in norms and functions, where an equation does", () => {
    expect(said("fn f(x) { dim P = 3; x * P }")[0]).toContain("C0223 `dim` is not allowed in a function");
    expect(
      codes(
        problemsOf(`fn f(x, N) { P = size(x) / N; reshape(x, [N, P]) }
${heads("q = reshape(f(x, N), [H])")}`),
      ),
    ).toEqual([]);
  });
});

describe("a default that is a formula", () => {
  const text = heads("q = reshape(tanh(reshape(x, [N, P])), [H])", "h + q", "N = 2, P = 3, H = N * P");

  it("is what shapes are compared by", () => {
    expect(compile(text).dims).toEqual({ N: 2, P: 3, H: 6 });
    expect(compile(text, { dims: { N: 5 } }).dims).toEqual({ N: 5, P: 3, H: 15 });
    expect(compile(text, { dims: { N: 5, H: 15 } }).dims).toEqual({ N: 5, P: 3, H: 15 });
    expect(said(text, { dims: { N: 5, H: 14 } })[0]).toContain("[H] does not have the elements of [N, P]");
  });

  it("holds in a scan that leaves it out", () => {
    const model = (args: string): string => `${text}
model m(N = 4, E = 12) { input x : [E] over time; hs = scan c(${args}) over x; loss sum(hs, over feature) }`;
    expect(codes(problemsOf(model("N, E / N")))).toEqual([]);
    expect(said(model("N"))[0]).toContain("C0204 `x` of `c` is [3N], and this is [E]");
  });
});

it("has every extent checked that numbers from outside could break", () => {
  const text = heads("param W : [H, P] = 0\n  q = (x @ W) @ transpose(W)", "h + q", "H = 6, N = 2, P = H / N");
  expect(opsNamed(compile(text).graph, "leaf").length).toBeGreaterThan(0);
  expect(said(text, { dims: { N: 4 } })[0]).toContain("C0217 the dimension `P` cannot be 1.5");
});

describe("a parameter that is a number", () => {
  const text = heads("q = scale * x + shift", "h + q", "H = 2, scale = 0.5, shift = -1, gain = 2.0");

  it("stands in values, and is no dimension", () => {
    expect(step(text, {}, [1, 4])).toEqual([-0.5, 1]);
    expect(compile(text).dims).toEqual({ H: 2 });
    expect(compile(text).numbers).toEqual({ scale: 0.5, shift: -1, gain: 2 });
    expect(said(heads("q = x", "h + q", "H = 2, P = 0"))).toEqual([]);
    expect(said(heads("param W : [P, H] = 0\n  q = x", "h + q", "H = 2, P = 0.5"))[0]).toContain(
      "C0222 the number 0.5 is not an extent",
    );
  });

  it("is given from outside as dimensions are", () => {
    expect(step(text, { scale: 3, shift: 0.25 }, [1, 4])).toEqual([3.25, 12.25]);
    expect(compile(text, { dims: { H: 5, scale: -1e-3 } })).toMatchObject({
      dims: { H: 5 },
      numbers: { scale: -1e-3 },
    });
    expect(said(text, { dims: { scale: Number.NaN } })[0]).toContain("C0302 `scale` cannot be NaN");
    expect(said(text, { dims: { scale: 1e300 } })[0]).toContain("C0302 `scale` cannot be 1e+300");
    expect(said(text, { dims: { H: 0.5 } })[0]).toContain("C0302 the dimension `H` cannot be 0.5");
    expect(said(text, { dims: { scales: 2 } })[0]).toContain("C0302 `c` has no dimension or number `scales`");
  });

  it("stands in initialisers and first states", () => {
    const { graph } = compile(`cell c(H = 2, std = 0.5, h0 = 0.25) {
  param W : [H, H] = normal(2 * std)
  input x : [H]
  state h : [H] = h0
  h' = h + x @ W
  output h'
}`);
    const [init] = opsNamed(graph, "leaf").flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "param" ? [op.attrs.leaf.init] : [],
    );
    expect(init).toEqual({ kind: "normal", mean: 0, std: 1 });
  });

  it("is what a scan gives, and of others what the cell says", () => {
    const outputs = (args: string): readonly number[] => {
      const made = compile(`${text}
model m(H = 2, rate = 0.25) { input x : [H] over time; hs = scan c(${args}) over x; output last(hs) }`);
      const leaf = (): readonly number[] => [1, 4];
      const bound = { ...made.dims, batch: 1, time: 1, steps: 1 };
      return [...interpret(lower(made.graph).entries.infer, { dims: bound, leaf }).values()].flatMap(({ data }) => [
        ...data,
      ]);
    };
    expect(outputs("H")).toEqual([-0.5, 1]);
    expect(outputs("H, scale = rate")).toEqual([-0.75, 0]);
    expect(outputs("H, 3, shift = 0.5")).toEqual([3.5, 12.5]);
    expect(outputs("H, shift = H")).toEqual([2.5, 4]);
  });

  it("is what an outlier among dimensions is told to become", () => {
    expect(said(heads("q = x", "h + q", "H = 2, tau = H / 4"))[0]).toContain(
      "C0217 the dimension `tau` cannot be 0.5: a number that is no dimension is written out: tau = 0.5",
    );
  });
});
