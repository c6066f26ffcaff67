import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { showType } from "../../compiler/ir/type.ts";
import type { Graph, OpOf } from "../../compiler/ir/types.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { cellWith, codes, compile, leafNames, opsNamed, problemsOf, refusal } from "./sources.ts";

/** A cell with a recurrent site r and one that only the input reaches, s. */
const twoSites = (placements: string, before = ""): string =>
  before + cellWith(`site s = x @ Wx\nsite r = h @ Wh\n${placements}`, "tanh(s + r)");

const leafOf = (graph: Graph, name: string): OpOf<"leaf"> =>
  opsNamed(graph, "leaf").find((op) => op.op === "leaf" && op.attrs.leaf.name === name) as OpOf<"leaf">;
const stats = (graph: Graph): readonly OpOf<"stat">[] => opsNamed(graph, "stat") as readonly OpOf<"stat">[];

describe("a norm's template", () => {
  it("has one input x of the site's type, with time where the site does not depend on the recurrence", () => {
    const { graph } = compile(twoSites("place s, r : batch"));
    expect(showType(leafOf(graph.norms.get("s")!, "x").attrs.type)).toBe("f32[time, batch, H]");
    expect(showType(leafOf(graph.norms.get("r")!, "x").attrs.type)).toBe("f32[batch, H]");
    for (const norm of graph.norms.values())
      expect(norm.results.map((r) => [r.kind, r.name])).toEqual([["output", "y"]]);
  });

  it("carries parameters and statistics under the site's name", () => {
    const norm = compile(twoSites("place r : batch(gamma = 0.5)")).graph.norms.get("r")!;
    expect(leafNames(norm)).toEqual(["x", "r/g", "r/k"]);
    expect(leafOf(norm, "r/g").attrs).toEqual({
      leaf: { kind: "param", name: "r/g", init: { kind: "constant", value: 0.5 } },
      type: expect.objectContaining({ time: false, batch: false }),
    });
    expect(stats(norm).map((op) => op.attrs)).toEqual([
      { name: "r/m", policy: { kind: "per_step", steps: "steps" } },
      { name: "r/v", policy: { kind: "per_step", steps: "steps" } },
    ]);
  });

  it("computes batch normalization", () => {
    const norm = compile(twoSites("place r : batch(gamma = 2, beta = 1, eps = 0)")).graph.norms.get("r")!;
    const given: Record<string, number[]> = { x: [1, 10, 3, 30], "r/g": [2, 2], "r/k": [1, 1] };
    const y = interpret(norm, { dims: { H: 2, batch: 2, time: 1 }, leaf: (name) => given[name] }).get("output:y")!;
    // Two examples are one standard deviation below and above their mean.
    [-1, -1, 3, 3].forEach((v, i) => {
      expect(y.data[i]).toBeCloseTo(v, 12);
    });
  });

  it("leaves out what `none` would have brought: a shift of 0, a factor of 1", () => {
    const both = compile(twoSites("place r : batch(gamma = none, beta = none, eps = 0)")).graph.norms.get("r")!;
    expect(leafNames(both)).toEqual(["x"]);
    const y = interpret(both, { dims: { H: 1, batch: 2, time: 1 }, leaf: () => [1, 3] }).get("output:y")!;
    expect([...y.data]).toEqual([-1, 1]);
  });

  it("takes initialisers and dimensions as arguments", () => {
    const before =
      "norm scaled(x, gamma = 1, k = 1) { param g : [k, size(x) / k] = gamma\nreshape(g * reshape(x, [k, size(x) / k]), [size(x)]) }\n";
    const norm = compile(twoSites("place r : scaled(gamma = uniform(0, 1), k = H / 2)", before)).graph.norms.get("r")!;
    expect(leafOf(norm, "r/g").attrs.leaf).toMatchObject({ init: { kind: "uniform", low: 0, high: 1 } });
    expect(showType(leafOf(norm, "r/g").attrs.type)).toBe("f32[H/2, 2]");
  });

  it("must keep the shape of its operand", () => {
    const text = twoSites("place r : halved", "norm halved(x) { a, b = split(x, 2)\na + b }\n");
    const found = problemsOf(text);
    expect(codes(found)).toEqual(["C0204"]);
    expect(text.slice(found[0].span.start, found[0].span.end)).toBe("r");
  });
});

describe("statistics", () => {
  const policies = (placement: string): unknown[] => {
    const { graph } = compile(twoSites(placement));
    return [...graph.norms.values()].flatMap((norm) => stats(norm).map((op) => op.attrs.policy));
  };
  const [perStep, shared] = [{ kind: "per_step", steps: "steps" }, { kind: "shared" }];

  it.each([
    ["place r : batch", [perStep, perStep]],
    ["place s : batch", [perStep, perStep]],
    ["place r : batch(stats = per_step)", [perStep, perStep]],
    ["place r : batch(stats = per_step(100))", Array(2).fill({ kind: "per_step", steps: "100" })],
    ["place r : batch(stats = per_step(2H))", Array(2).fill({ kind: "per_step", steps: "2H" })],
    ["place r : batch(stats = shared)", [shared, shared]],
    ["place s : sequence", [shared, shared]],
  ])("%s keeps %j", (placement, expected) => {
    expect(policies(placement)).toEqual(expected);
  });

  it("over all steps cannot be kept for each step", () => {
    expect(codes(problemsOf(twoSites("place s : sequence(stats = per_step)")))).toEqual(["C0215"]);
  });

  it("over time are refused wherever a state reaches, through any number of equations", () => {
    const text = cellWith(
      "site s = x @ Wx\na = s + 1\nb = a * h\nsite t = b\nsite u = a\nplace t, u, s : sequence",
      "t + u",
    );
    const found = problemsOf(text);
    expect(found.map((d) => [d.code, text.slice(d.span.start, d.span.end)])).toEqual([["C0207", "t"]]);
  });

  it("of a model's site are shared when it has no time, per step when it has", () => {
    const { graph } = compile(`model m(D = 2) {
  input x : [D]
  input xs : [D] over time
  site a = x
  site b = xs
  output a, b
  place a, b : batch
}`);
    expect(stats(graph.norms.get("a")!)[0].attrs.policy).toEqual(shared);
    expect(stats(graph.norms.get("b")!)[0].attrs.policy).toEqual(perStep);
  });
});

describe("a norm on a parameter", () => {
  const scaled = `${twoSites("place Wh : weight")}model m(D = 3, H = 4) {
  param V : [H, 2] = xavier
  input x : [D] over time
  a = scan c(D, H) over x
  output a @ V
}`;

  it("is computed once before all steps, with its parameters under the parameter's name", () => {
    const { graph, parameters } = compile(twoSites("place Wh : weight"));
    expect(leafNames(graph.norms.get("Wh")!)).toEqual(["x", "Wh/g"]);
    expect(graph.ops.filter((op) => op.op === "site").map((op) => op.attrs)).toEqual([{ name: "Wh" }]);
    expect(parameters.map((p) => [p.name, p.norm?.name])).toEqual([
      ["Wx", undefined],
      ["Wh", "weight"],
    ]);
  });

  it("gives each column of a matrix the length g", () => {
    const norm = compile(twoSites("place Wh : weight(gamma = 2, eps = 0)")).graph.norms.get("Wh")!;
    const given: Record<string, number[]> = { x: [3, 1, 4, -1], "Wh/g": [2, 2] };
    const y = interpret(norm, { dims: { H: 2, batch: 1, time: 1 }, leaf: (name) => given[name] }).get("output:y")!;
    [6 / 5, Math.SQRT2, 8 / 5, -Math.SQRT2].forEach((v, i) => {
      expect(y.data[i]).toBeCloseTo(v, 12);
    });
  });

  it("is placed in a model with or without the scan's name, and on the model's own", () => {
    const placed = (place: string): readonly string[] =>
      compile(scaled, { place: parsePlacements(place) }).parameters.flatMap((p) => (p.norm ? [p.name] : []));
    expect(placed("c.Wx=rms")).toEqual(["c/Wx", "c/Wh"]);
    expect(placed("Wx=rms,V=weight")).toEqual(["V", "c/Wx", "c/Wh"]);
    expect(placed("Wh=none")).toEqual([]);
  });

  it("may begin with the lengths of the parameter's columns; there are none elsewhere", () => {
    const norm = compile(twoSites("place Wh : weight(gamma = lengths)")).graph.norms.get("Wh")!;
    expect(leafOf(norm, "Wh/g").attrs.leaf).toMatchObject({ init: { kind: "lengths", of: "Wh" } });
    expect(codes(problemsOf(twoSites("place r : cosine(gamma = lengths)")))).toEqual(["C0216"]);
    expect(codes(problemsOf(twoSites("place Wh : rms(gamma = lengths)")))).toEqual(["C0216"]);
  });

  it.each(["batch", "batch(stats = shared)"])("cannot be %s: a parameter is the same for all examples", (norm) => {
    const text = twoSites(`place Wh : ${norm}`);
    const [d, ...others] = problemsOf(text);
    expect([d.code, others.length, text.slice(d.span.start, d.span.end)]).toEqual(["C0215", 0, "Wh"]);
    expect(d.label).toContain("it is a parameter");
  });
});

describe("blocks of units", () => {
  it("are normalized each by itself: group with a gain a unit, instance with a gain a block", () => {
    const of = (norm: string) => compile(twoSites(`place r : ${norm}`)).graph.norms.get("r")!;
    const x = [1, 3, 10, 30];
    const read = (g: number[], s: number[]) => (name: string) => (name === "x" ? x : name === "r/g" ? g : s);
    const dims = { H: 4, batch: 1, time: 1 };
    const group = interpret(of("group(2, eps = 0)"), { dims, leaf: read([1, 2, 3, 4], [0, 0, 0, 1]) });
    expect([...group.get("output:y")!.data]).toEqual([-1, 2, -3, 5]);
    const instance = interpret(of("instance(2, eps = 0)"), { dims, leaf: read([1, 2], [0, 1]) });
    expect([...instance.get("output:y")!.data]).toEqual([-1, 1, -1, 3]);
  });

  it("are of whole numbers of units; else the placement is what is wrong", () => {
    const text = twoSites("place r : group(3)");
    const [d] = problemsOf(text);
    expect([d.code, text.slice(d.span.start, d.span.end)]).toEqual(["C0217", "r"]);
    expect(codes(problemsOf(twoSites("place Wh : group(3)")))).toEqual(["C0217"]);
    expect(codes(problemsOf(twoSites("place Wh : group(2)")))).toEqual([]);
  });
});

describe("placements", () => {
  const norms = (text: string, place?: string): Record<string, string | undefined> => {
    const { sites } = compile(text, { place: place === undefined ? [] : parsePlacements(place) });
    return Object.fromEntries(sites.map((s) => [s.name, s.norm && `${s.norm.name} ${JSON.stringify(s.norm.args)}`]));
  };

  it("list their arguments as written, defaults included", () => {
    expect(norms(twoSites("place r : batch(beta = none, stats = shared)"))).toEqual({
      s: undefined,
      r: 'batch {"gamma":"0.1","beta":"none","eps":"1e-5","stats":"shared"}',
    });
  });

  it("count last to first: the caller's, the derived cell's, the base's", () => {
    const text = `${twoSites("place s, r : batch")}cell d = c with { place r : rms }\n`;
    expect(norms(text)).toMatchObject({ s: expect.stringMatching(/^batch/), r: expect.stringMatching(/^rms/) });
    expect(norms(text, "r=none,s=layer(gamma=0.2)")).toEqual({
      s: 'layer {"gamma":"0.2","beta":"0","eps":"1e-5"}',
      r: undefined,
    });
  });

  it("of the caller reach a model's cells with or without their scope", () => {
    const text = `${twoSites("")}model m(D = 3, H = 4) {
  input x : [D] over time
  a = scan c(D, H) over x
  b = scan c(H, H) over a
  output b
}`;
    expect(Object.keys(norms(text, "r=layer")).filter((k) => norms(text, "r=layer")[k])).toEqual(["c/r", "c_2/r"]);
    expect(Object.keys(norms(text, "c_2.r=layer")).filter((k) => norms(text, "c_2.r=layer")[k])).toEqual(["c_2/r"]);
  });

  it("of the caller take the place of those that a model's cell has of its own", () => {
    const text = `${twoSites("place s, r : batch")}model m(D = 3, H = 4) {
  input x : [D] over time
  a = scan c(D, H) over x
  output a
}`;
    expect(norms(text, "r=rms")).toMatchObject({
      "c/s": expect.stringMatching(/^batch/),
      "c/r": expect.stringMatching(/^rms/),
    });
    expect(norms(text, "c.s=none")).toMatchObject({ "c/s": undefined, "c/r": expect.stringMatching(/^batch/) });
  });

  it("of the caller are checked like the file's", () => {
    const text = twoSites("");
    expect(codes(refusal(text, { place: parsePlacements("q=layer") }))).toEqual(["C0208"]);
    expect(codes(refusal(text, { place: parsePlacements("r=leyer") }))).toEqual(["C0209"]);
    expect(codes(refusal(text, { place: parsePlacements("r=layer(gama=1)") }))).toEqual(["C0206"]);
  });

  it.each(["", "r", "=layer", "r=", "r=layer,,s=rms", "r=layer) } fn f(x) { x", "r : layer"])(
    "refuses the option %j",
    (text) => {
      expect(() => parsePlacements(text)).toThrow(/C0301/);
    },
  );
});

describe("a norm that goes by another name", () => {
  it.each([
    ["layernorm", "layer"],
    ["LayerNorm", "layer"],
    ["ln", "layer"],
    ["batch_norm", "batch"],
    ["bn", "batch"],
    ["rmsnorm", "rms"],
    ["groupnorm", "group"],
    ["instancenorm", "instance"],
    ["weightnorm", "weight"],
  ])("%s is found as %s, with a list of all", (name, usual) => {
    const [found] = refusal(twoSites(""), { place: parsePlacements(`r=${name}`) });
    expect(found.code).toBe("C0209");
    expect(found.help).toMatch(`did you mean \`${usual}\`? norms are `);
    expect(found.help).toContain("batch, ");
  });
});

/** The template of `norm` at a recurrent site, with these numbers. */
function normalized(norm: string, x: readonly number[], H: number, more: Record<string, number[]> = {}): number[] {
  const template = compile(twoSites(`place r : ${norm}`)).graph.norms.get("r")!;
  const dims = { H, batch: x.length / H, time: 1 };
  const init = (name: string): number[] | undefined => more[name.slice(2)];
  const leaf = (name: string): number[] => (name === "x" ? [...x] : (init(name) ?? Array(H).fill(0)));
  return [...interpret(template, { dims, leaf }).get("output:y")!.data];
}

const near = (found: readonly number[], wanted: readonly number[]): void => {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((v, i) => {
    expect(found[i]).toBeCloseTo(v, 12);
  });
};

describe("norms by their formulas:", () => {
  const x = [0.5, -2, 1.5, 3, -1, 0.25];

  it("dyt is γ tanh(αx) + β with one α for all units, 0.5 at first", () => {
    const template = compile(twoSites("place r : dyt")).graph.norms.get("r")!;
    expect(leafOf(template, "r/a").attrs).toMatchObject({
      leaf: { init: { kind: "constant", value: 0.5 } },
      type: { shape: [] },
    });
    const y = normalized("dyt", x, 2, { a: [0.7], g: [2, 3], k: [0.1, 0.2] });
    near(
      y,
      x.map((v, i) => [2, 3][i % 2] * Math.tanh(0.7 * v) + [0.1, 0.2][i % 2]),
    );
  });

  it("l1 divides by the mean absolute deviation of the examples", () => {
    const y = normalized("l1(beta = none, eps = 0.25)", x, 1, { g: [2] });
    const m = x.reduce((a, b) => a + b) / 6;
    const d = x.reduce((a, v) => a + Math.abs(v - m), 0) / 6;
    near(
      y,
      x.map((v) => (2 * (v - m)) / (d + 0.25)),
    );
  });

  it("streaming keeps one statistic for all steps, unless the placement says otherwise", () => {
    const policies = (place: string) =>
      stats(compile(twoSites(place)).graph.norms.get("r")!).map((op) => op.attrs.policy.kind);
    expect(policies("place r : streaming")).toEqual(["shared", "shared"]);
    expect(policies("place r : streaming(stats = per_step)")).toEqual(["per_step", "per_step"]);
    const { sites } = compile(twoSites("place r : streaming"));
    expect(sites.find(({ name }) => name === "r")!.norm!.args.stats).toBe("shared");
  });
});
