/** What is found of recurrences: which are linear, by which coefficient, and what keeps others from it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { type Recurrence, recurrences } from "../../compiler/proofs/linear-recurrence.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { compile } from "../semantics/sources.ts";

const example = (file: string, entry: string, place = ""): readonly Recurrence[] => {
  const options = { entry, place: place === "" ? [] : parsePlacements(place) };
  return recurrences(elaborate(`examples/cells/${file}.cell`, fileHost, options).graph).flat();
};

/** A cell of one state `h`, whose next value is an expression. */
const cell = (next: string, more = ""): readonly Recurrence[] =>
  recurrences(
    compile(`cell c(H = 4) {
  input x : [H]
  param a : [H] = 0.5
  param W : [H, H] = orthogonal
  state h : [H] = 0
${more}
  h' = ${next}
  output h'
}`).graph,
  ).flat();

describe("an example is linear in its states, times a coefficient:", () => {
  it.each([
    ["minrnn", "mingru", "1 - sigmoid(z)"],
    ["minrnn", "minlstm", "f * (1 / (f + i))"],
    ["retnet", "retnet", "gamma"],
    ["retnet", "gla", "alpha"],
  ])("%s, %s", (file, entry, coefficient) => {
    expect(example(file, entry)).toMatchObject([{ kind: "linear", coefficient }]);
  });

  it("the normaliser of mlstm, and its memory, but not the running maximum", () => {
    expect(example("xlstm", "mlstm")).toEqual([
      { states: ["C"], kind: "linear", coefficient: "forget" },
      { states: ["n"], kind: "linear", coefficient: "forget" },
      { states: ["m"], kind: "elementwise", because: "`max(a, i)` is not linear in m" },
    ]);
  });

  it("complex numbers of two states, which are linear together", () => {
    expect(example("lru", "lru")).toEqual([{ states: ["re", "im"], kind: "linear" }]);
  });
});

describe("what ends linearity is named:", () => {
  it.each([
    ["a * relu(h) + x", "elementwise", "`relu(h)` is not linear in h"],
    ["h * h + x", "elementwise", "`h * h` is not linear in h"],
    ["x / (1 + h^2)", "elementwise", "`square(h)` is not linear in h"],
    ["where(h > 0, x, h)", "elementwise", "`h > 0` is not linear in h"],
    ["floor(h) + x", "elementwise", "`floor(h)` is not linear in h"],
    ["h @ W + x", "neither", "`h @ W` reads other units of h"],
    ["h - sum(h, over feature)", "neither", "`sum(h)` reads other units of h"],
  ])("h' = %s", (next, kind, because) => {
    expect(cell(next)).toMatchObject([{ kind, because }]);
  });

  it("units that are exchanged", () => {
    expect(cell("concat(q, p)", "  p, q = split(h, 2)")).toMatchObject([
      { kind: "neither", because: "`split(h)` reads other units of h" },
    ]);
  });

  it.each([
    ["a norm at a state's site", "indrnn", "indrnn", "hh=batch", ["hh"], "elementwise"],
    ["one of two", "indrnn", "indrnn", "hh=layer,xh=batch", ["hh"], "elementwise"],
  ])("%s", (_, file, entry, place, sites, was) => {
    expect(example(file, entry, place)).toMatchObject([{ kind: "neither", ended: { sites, was } }]);
  });

  it("a norm of an input or of a readout ends nothing", () => {
    expect(example("minrnn", "mingru", "xh=batch")).toEqual(example("minrnn", "mingru"));
    expect(example("lru", "lru", "y=layer")).toEqual(example("lru", "lru"));
  });
});

describe("states are taken together if they read each other, and apart otherwise:", () => {
  const two = (g: string, h: string) => cell(h, `  state g : [H] = 0\n  g' = ${g}`);

  it("one that a linear state is multiplied by may be anything", () => {
    expect(two("tanh(g) + x", "sigmoid(g) * h + g")).toEqual([
      { states: ["h"], kind: "linear", coefficient: "sigmoid(g)" },
      { states: ["g"], kind: "elementwise", because: "`tanh(g)` is not linear in g" },
    ]);
  });

  it("two that read each other are linear if neither is multiplied by the other", () => {
    expect(two("a * h", "h - g")).toEqual([{ states: ["h", "g"], kind: "linear" }]);
    expect(two("a * h", "h * g")).toMatchObject([{ states: ["h", "g"], kind: "elementwise" }]);
  });

  it("a state that only takes a value on is linear, times 0", () => {
    expect(two("x", "a * h + g")).toEqual([
      { states: ["h"], kind: "linear", coefficient: "a" },
      { states: ["g"], kind: "linear", coefficient: "0" },
    ]);
  });
});

/** Expressions of h and x, and whether they are linear in h. */
const term = fc.letrec<{ e: readonly [string, boolean, boolean] }>((tie) => ({
  /** Text, whether it reads h, whether it is affine in it. */
  e: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<readonly [string, boolean, boolean]>(["h", true, true], ["x", false, true], ["a", false, true]),
    fc
      .tuple(fc.constantFrom("+", "-", "*"), tie("e"), tie("e"))
      .map(([op, [s, r, l], [t, q, m]]): readonly [string, boolean, boolean] => [
        `(${s} ${op} ${t})`,
        r || q,
        l && m && (op !== "*" || !(r && q)),
      ]),
    tie("e").map(([s, r, l]): readonly [string, boolean, boolean] => [`sigmoid(${s})`, r, l && !r]),
  ),
}));

it("a sum of products is linear in a state if no product has it twice, and nothing curves it", () => {
  fc.assert(
    fc.property(term.e, ([text, reads, affine]) => {
      fc.pre(reads);
      // Sums may cancel: then the compiler knows better.
      const [{ kind }] = cell(`${text} + x`);
      if (affine) expect(kind).toBe("linear");
      else expect(["elementwise", "linear"]).toContain(kind);
    }),
    { numRuns: 60 },
  );
});
