import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { check } from "../../compiler/check.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { deadParameters } from "../../compiler/proofs/dead-parameters.ts";
import { prove } from "../../compiler/proofs/prove.ts";
import { redundantShifts } from "../../compiler/proofs/redundant-shifts.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { parsePlacements } from "../../compiler/semantics/placements.ts";
import { randomPrograms } from "../compile/random-cell.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cellWith, compile, files } from "../semantics/sources.ts";

const dims = { D: 3, H: 4, K: 2, batch: 5, time: 3, steps: 3 };
const placed = (graph: Graph): Graph => place("train").run(hoist.run(graph));
const dead = (text: string): readonly string[] => deadParameters(placed(compile(text).graph)).map((d) => d.name);
const redundant = (text: string): readonly string[] =>
  redundantShifts(placed(compile(text).graph), () => true).map(({ name, beside }) => `${name} ${beside.join()}`);
const warnings = (text: string): readonly string[] => prove(compile(text)).map((d) => d.code);

/** `h' = tanh(…)` of these statements' names, with a learned initial state h0 and a bias b. */
const rnn = (statements: string, next: string, h0 = "h0"): string =>
  `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param b : [H] = 0.1
  param h0 : [H] = 0.2
  input x : [D]
  state h : [H] = ${h0}
  ${statements}
  h' = tanh(${next})
  output h'
}
`;

describe("a parameter is without gradient", () => {
  it.each([
    ["a bias before a batch norm", rnn("site s = h @ Wh + b\nplace s : batch", "s + x @ Wx"), ["b", "h0"]],
    ["a learned initial state behind one", rnn("site s = h @ Wh\nplace s : batch", "s + x @ Wx + b"), ["h0"]],
    ["the same with noise", rnn("site s = h @ Wh\nplace s : batch", "s + x @ Wx + b", "h0 + noise(0.1)"), ["h0"]],
    ["a bias before a sequence-wise norm", rnn("site s = x @ Wx + b\nplace s : sequence", "s + h @ Wh"), ["b"]],
    ["one scaled and negated", rnn("site s = h @ Wh - 2 * b\nplace s : batch", "s + x @ Wx"), ["b", "h0"]],
    [
      "part of a gate",
      rnn("a, _c = split(concat(h, h), 2)\nsite s = a @ Wh\nplace s : batch", "s + x @ Wx + b"),
      ["h0"],
    ],
    [
      "a shift before another batch norm",
      rnn("site r = x @ Wx\nsite s = r\nplace r, s : batch", "s + h @ Wh + b"),
      ["r/k"],
    ],
    ["a bias under batch renormalization", rnn("site s = x @ Wx + b\nplace s : batch_renorm", "s + h @ Wh"), ["b"]],
    ["what only `stop` lets through", rnn("", "x @ Wx + h @ Wh + stop(b)"), ["b"]],
  ])("%s", (_, text, names) => {
    expect(dead(text)).toEqual(names);
  });

  it.each([
    ["a bias behind the norm", rnn("site s = h @ Wh\nplace s : batch", "s + x @ Wx + b", "0")],
    ["a bias before a layer norm", rnn("site s = h @ Wh + b\nplace s : layer", "s + x @ Wx")],
    ["a bias before a norm that subtracts no mean", rnn("site s = h @ Wh + b\nplace s : rms", "s + x @ Wx")],
    ["an initial state that also gates", rnn("site s = h @ Wh\nplace s : batch", "s * h + x @ Wx + b")],
    ["one that goes through a nonlinearity", rnn("site s = tanh(h @ Wh + b)\nplace s : batch", "s + x @ Wx")],
    ["one times what differs by example", rnn("site s = h @ Wh + b * (x @ Wx)\nplace s : batch", "s + x @ Wx + h")],
    ["one that differs by step, under all steps", rnn("site s = x @ Wx + b\nplace s : batch", "s + h @ Wh + b")],
  ])("but not %s", (_, text) => {
    expect(dead(text)).toEqual([]);
  });

  it("and found in a long sum of itself", () => {
    const doubled = Array.from({ length: 40 }, (_, i) => `b${i + 1} = b${i} + b${i}`).join("\n  ");
    expect(dead(rnn(`b0 = b\n  ${doubled}\n  site s = x @ Wx + b40\n  place s : batch`, "s + h @ Wh"))).toEqual(["b"]);
  });

  it("as the reference finds, wherever it is claimed of random programs", () => {
    let claims = 0;
    fc.assert(
      fc.property(randomPrograms({ lines: 7, states: 3 }), ({ text, entry, D, H, batch, time }) => {
        const { graph } = compile(text, { entry, dims: { D, H } });
        const names = deadParameters(placed(graph)).map((d) => d.name);
        claims += names.length;
        if (names.length === 0) return;
        const sizes = { ...dims, D, H, batch, time, steps: time };
        const leaves = numbersFor(placed(graph), sizes);
        const found = interpret(lower(graph).entries.train, { dims: sizes, leaf: (name) => leaves[name] });
        const most = (name: string): number =>
          (found.get(`grad:${name}`)?.data ?? new Float64Array()).reduce((m, g) => Math.max(m, Math.abs(g)), 0);
        for (const name of names) expect(most(name), `${name} of\n${text}`).toBeLessThan(1e-9);
      }),
      { seed: 5, numRuns: 40 },
    );
    expect(claims).toBeGreaterThan(10);
  });
});

describe("a shift stands beside another", () => {
  const two = (norms: string, next: string): string =>
    cellWith(`param b : [H] = 0\nsite s = x @ Wx\nsite r = h @ Wh\n${norms}`, next);

  it.each([
    ["β beside a bias", two("place r : batch", "tanh(s + r + b)"), ["r/k b"]],
    ["two β and a bias", two("place s, r : batch", "tanh(s + b + r)"), ["s/k b,r/k", "r/k b"]],
    ["two β alone", two("place s, r : layer\n_b = b", "tanh(s - r)"), ["s/k r/k"]],
    [
      "in each part",
      two("place r : batch\nr1, r2 = split(r, 2)\nb1, b2 = split(b, 2)", "concat(tanh(r1 + b1), sigmoid(r2 - b2)) + s"),
      ["r/k b"],
    ],
  ])("%s", (_, text, found) => {
    expect(
      redundantShifts(placed(compile(text).graph), (name) => name.endsWith("/k")).map(
        (r) => `${r.name} ${r.beside.join()}`,
      ),
    ).toEqual(found);
  });

  it.each([
    ["a β by itself", two("place r : batch\n_b = b", "tanh(s + r)")],
    ["one that is scaled first", two("place r : batch", "tanh(s + x @ Wx * r + b)")],
    ["one that something else reads", two("place r : batch", "tanh(s + r + b) * r")],
    [
      "one of its parts alone",
      two("place r : batch\nr1, r2 = split(r, 2)\nb1, _b = split(b, 2)", "concat(tanh(r1 + b1), r2) + s"),
    ],
    [
      "one that is the same for all units",
      cellWith("param q : [] = 0\nsite r = h @ Wh\nplace r : batch(beta = none)", "tanh(x @ Wx + r + q)"),
    ],
  ])("but not %s", (_, text) => {
    expect(redundant(text).filter((r) => r.startsWith("r/"))).toEqual([]);
  });

  it("so that the loss knows only what they come to together", () => {
    const { graph } = compile(two("place r : batch", "tanh(s + r + b)"));
    const whole = placed(graph);
    const leaves = numbersFor(whole, dims);
    const loss = (moved: number): number => {
      const numbers: Record<string, Float64Array> = {
        ...leaves,
        "r/k": leaves["r/k"].map((v) => v + moved),
        b: leaves.b.map((v) => v - moved),
      };
      return interpret(whole, { dims, leaf: (name) => numbers[name] }).get("loss:loss")!.data[0];
    };
    expect(loss(0.7)).toBeCloseTo(loss(0), 12);
  });
});

describe("a state is normalized in place", () => {
  it.each([
    ["a sum that is carried on", cellWith("site s = 0.9 * h + x @ Wx\nplace s : layer\n_w = Wh", "s"), ["W0606"]],
    [
      "a gated unit",
      cellWith("z = sigmoid(x @ Wx)\nsite s = (1 - z) * tanh(h @ Wh) + z * h\nplace s : batch", "s"),
      ["W0606"],
    ],
    ["nothing, where no norm is placed", cellWith("site s = 0.9 * h + x @ Wx\n_w = Wh", "s"), []],
    ["nothing, where the state is made anew", cellWith("site s = tanh(h @ Wh + x @ Wx)\nplace s : layer", "s"), []],
    [
      "nothing, where the normalized value goes out only",
      `cell c(H = 4) { input x : [H]; state h : [H] = 0\nh' = 0.9 * h + x; site s = h'; output s; place s : layer }`,
      [],
    ],
  ])("%s", (_, text, codes) => {
    expect(warnings(text)).toEqual(codes);
  });
});

describe("warnings", () => {
  it.each(["cells/rnn", "cells/lstm", "cells/gru", "cells/bnlstm", "cells/lnlstm", "smnist"])(
    "are none for examples/%s.cell",
    (name) => {
      expect(check(`examples/${name}.cell`, fileHost)).toEqual([]);
    },
  );

  it("are the same for a cell and a model that scans it, and reported once", () => {
    const text = `${rnn("site s = h @ Wh\nplace s : batch(beta = none)", "s + x @ Wx + b")}model m(D = 3, H = 4) {
  input x : [D] over time
  target y : [H]
  hs = scan c(D, H) over x
  loss mse(last(hs), y)
}`;
    const found = check("m.cell", files({ "m.cell": text }));
    expect(found.map((d) => [d.code, text.slice(d.span.start, d.span.end)])).toEqual([["W0604", "h0"]]);
    expect(found[0].message).toContain("the norm at `s`");
  });

  it("point at a placement for what it brings, and say what to write", () => {
    const text = cellWith("param b : [H] = 0\nsite s = h @ Wh\nplace s : batch", "tanh(s + x @ Wx + b)");
    const [d] = prove(compile(text));
    expect([d.code, text.slice(d.span.start, d.span.end)]).toEqual(["W0605", "s"]);
    expect(d.message).toBe("`k` of `batch` at `s` is only ever added to `b`");
    expect(d.help).toBe("leave it out: beta = none");
    const own = text.replace("place s : batch", "place s : own(by = 1)");
    const norm = "norm own(x, by = 0) {\n  stat m = mean(x, over batch)\n  param p : like x = by\n  x - m + p\n}\n";
    expect(prove(compile(norm + own))[0].help).toBe("leave it out: by = none");
  });

  it("are of placements of the caller, too", () => {
    const { graph, sources, sites } = elaborate("examples/smnist.cell", fileHost, {
      place: parsePlacements("rnn.hh=batch,rnn.cc=batch(gamma=0.2)"),
    });
    expect(prove({ graph, sources, sites }).map((d) => d.message)).toEqual([
      "`k` of `batch` at `rnn.hh` is only ever added to `rnn/b`",
    ]);
  });
});
