/** Sites in functions, once for each call and each round. */
import { describe, expect, it } from "vitest";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { format } from "../../compiler/syntax/format.ts";
import { cellWith, codes, compile, leafNames, problemsOf, refusal } from "./sources.ts";

const layerFn = "fn layer_of(s, l, R) {\n  site a = s @ row(R, l)\n  tanh(a)\n}\n";
const rounds = (more = "", n = 3): string =>
  `${layerFn}${cellWith(`param R : [3, H, H] = uniform(0.5)\ns = iterate(layer_of, ${n}, h, R)\n${more}`, "tanh(s @ Wh + x @ Wx)")}`;

const placed = (text: string, place?: string): Record<string, string | undefined> => {
  const { sites } = compile(text, place === undefined ? {} : { place: parsePlacements(place) });
  return Object.fromEntries(sites.map(({ name, norm }) => [name, norm?.name]));
};

describe("a site in a function", () => {
  it("is one for each round", () => {
    expect(placed(rounds())).toEqual({ "a/0": undefined, "a/1": undefined, "a/2": undefined });
  });

  it("is placed in all rounds, or in one; the last placement counts", () => {
    expect(placed(rounds("place a : batch\nplace a/1 : none"))).toEqual({
      ...{ "a/0": "batch", "a/1": undefined, "a/2": "batch" },
    });
    expect(placed(rounds("place a : batch"), "a/2=layer")).toEqual({ "a/0": "batch", "a/1": "batch", "a/2": "layer" });
    expect(placed(rounds("place a/1 : batch"), "a=layer")).toEqual({ "a/0": "layer", "a/1": "layer", "a/2": "layer" });
  });

  it("has parameters and statistics in each round", () => {
    const { graph } = compile(rounds("place a : batch"));
    expect([...graph.norms].map(([name, norm]) => [name, leafNames(norm)])).toEqual(
      [0, 1, 2].map((i) => [`a/${i}`, ["x", `a/${i}/g`, `a/${i}/k`]]),
    );
  });

  it("outside of rounds is one for each call, beside the names of the cell", () => {
    const body = "param R : [3, H, H] = uniform(0.5)\nsite a = x @ Wx\nu = layer_of(h, 0, R)\nv = layer_of(u, 1, R)";
    const text = layerFn + cellWith(body, "tanh(v @ Wh + a)");
    expect(Object.keys(placed(text))).toEqual(["a", "a_2", "a_3"]);
    expect(placed(text, "a_3=layer")).toEqual({ a: undefined, a_2: undefined, a_3: "layer" });
  });

  it("is named alike in all rounds if a function has or calls several", () => {
    const twice = `${layerFn}fn two(s, l, R) { layer_of(layer_of(s, l, R), l, R) }\n`;
    const text = (n: number): string =>
      twice +
      cellWith(
        `param R : [3, H, H] = uniform(0.5)\ns = iterate(two, ${n}, h, R)\nt = iterate(layer_of, 3, s, R)`,
        "tanh(t @ Wh + x @ Wx)",
      );
    expect(Object.keys(placed(text(2)))).toEqual(["a/0", "a_2/0", "a/1", "a_2/1", "a_3/0", "a_3/1", "a_3/2"]);
  });

  it("is a site of the scan, and a model's own", () => {
    const text = `${rounds()}model m(D = 3, H = 4) {
  input x : [D] over time
  param R : [1, H, H] = uniform(0.5)
  hs = scan c(D, H) over x
  ys = iterate(layer_of, 1, hs, R)
  output ys
}`;
    expect(placed(text, "a/0=batch,c.a=layer,c.a/1=none")).toEqual({
      ...{ "c/a/0": "layer", "c/a/1": undefined, "c/a/2": "layer", "a/0": "batch" },
    });
    expect(placed(text, "a=rms")).toEqual({ "c/a/0": "rms", "c/a/1": "rms", "c/a/2": "rms", "a/0": "rms" });
  });

  it("is refused by name if there is none in such a round", () => {
    const [found] = refusal(rounds(), { place: parsePlacements("a/7=batch") });
    expect([found.code, found.message]).toEqual(["C0208", "there is no site or parameter `a/7`"]);
    expect(refusal(rounds(), { place: parsePlacements("b=batch") })[0].help).toContain("a/0, a/1, a/2");
  });

  it("may not depend on the recurrence for a norm over time, which the placement is blamed for", () => {
    const text = rounds("place a : sequence");
    const found = problemsOf(text);
    expect(new Set(codes(found))).toEqual(new Set(["C0207"]));
    expect(text.slice(found[0].span.start, found[0].span.end)).toBe("a");
  });

  it("is refused in norms and in initial values", () => {
    const norm = `fn f(x) {\nsite a = 2 * x\na\n}\nnorm n(x) { f(x) }\n${cellWith("site s = h @ Wh\nplace s : n", "tanh(s + x @ Wx)")}`;
    expect(codes(problemsOf(norm))).toEqual(["C0223"]);
    const initial = `fn f(x) {\nsite a = 2 * x\na\n}\n${cellWith("param p : [H] = 0\nstate k : [H] = f(p)\nk' = k")}`;
    expect(codes(problemsOf(initial))).toEqual(["C0223"]);
  });
});

it("the formatter knows rounds", () => {
  expect(format(rounds("place a/1,a/2:none"), "main.cell").text).toContain("  place a/1, a/2 : none\n");
});
