import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { type InterpretOptions, interpret } from "../../compiler/ir/interpret.ts";
import { showType } from "../../compiler/ir/type.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { check, declarations, elaborate } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { cellWith, codes, compile, files, leafNames, opsNamed, problemsOf, refusal } from "./sources.ts";

const disk: SourceHost = {
  read: (path) => readFileSync(path, "utf8"),
  resolve: (from, specifier) => posix.join(posix.dirname(from), specifier),
};

const model = (body: string, params = "D = 3, H = 4"): string => `${cellWith("site s = h @ Wh", "tanh(s + x @ Wx)")}
model m(${params}) {
  input x : [D] over time
  ${body}
}
`;

describe("sequential MNIST", () => {
  const { graph, dims, sites, warnings } = elaborate("examples/smnist.cell", disk);

  it("names the readout's parameters by themselves and the cell's by its parameter", () => {
    expect(leafNames(graph)).toEqual(["V", "a", "x", "y", "rnn/Wx", "rnn/Wh", "rnn/b", "noise/rnn/h"]);
    expect([...graph.norms.keys()]).toEqual(["rnn/hh", "rnn/xh", "rnn/cc"]);
    expect(leafNames(graph.norms.get("rnn/cc")!)).toEqual(["x", "rnn/cc/g", "rnn/cc/k"]);
    expect(sites.map((s) => [s.name, s.recurrent])).toEqual([
      ["rnn/hh", true],
      ["rnn/xh", false],
      ["rnn/cc", true],
    ]);
  });

  it("has an output, a metric and a scalar loss", () => {
    expect(graph.results.map((r) => `${r.kind} ${r.name} ${showType(r.value.type)}`)).toEqual([
      "output logits f32[batch, K]",
      "metric accuracy f32[]",
      "loss loss f32[]",
    ]);
    expect(dims).toEqual({ D: 28, H: 100, K: 10 });
    expect(warnings).toEqual([]);
  });

  it("scans another cell if the caller asks for it, and refuses what is not a cell", () => {
    const other = elaborate("examples/smnist.cell", disk, { cells: { rnn: "lstm" } });
    expect(other.graph.norms.size).toBe(0);
    const refused = (cells: Record<string, string>): string => {
      try {
        elaborate("examples/smnist.cell", disk, { cells });
        return "accepted";
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect(refused({ rnn: "lstn" })).toMatch(/C0210/);
    const [{ help }] = check("examples/smnist.cell", disk, { cells: { rnn: "gru" } });
    expect(help).toMatch(/cells of this file are .*lstm.*import \{ gru \} from "\.\/gru\.cell"/);
    expect(refused({ cell: "lstm" })).toMatch(/C0301/);
  });

  it("loses what cross entropy says, averaged over the batch", () => {
    const given: Record<string, (n: number) => number[]> = { y: () => [1, 0] };
    const results = interpret(graph, {
      dims: { D: 1, H: 2, K: 2, batch: 2, time: 2 },
      leaf: (name, _leaf, type) => {
        const n =
          type.shape.reduce((p, d) => p * ({ D: 1, H: 2, K: 2 }[d[0].vars[0] as "D"] * d[0].num), 1) *
          (type.batch ? 2 : 1) *
          (type.time ? 2 : 1);
        return given[name]?.(n) ?? Array.from({ length: n }, (_, i) => Math.sin(name.length + i));
      },
    });
    const l = results.get("output:logits")!.data;
    const entropy = (a: number, b: number): number => Math.log(Math.exp(a) + Math.exp(b)) - a;
    expect(results.get("loss:loss")!.data[0]).toBeCloseTo((entropy(l[1], l[0]) + entropy(l[2], l[3])) / 2, 12);
    const right = (l[1] > l[0] ? 1 : 0) + (l[2] >= l[3] ? 1 : 0);
    expect(results.get("metric:accuracy")!.data[0]).toBe(right / 2);
  });
});

describe("a model", () => {
  it("gives a second scan of a cell a scope of its own", () => {
    const { graph, sites } = compile(
      model("f = scan c(D, H) over x\nb = scan c(D, H) over x reverse\noutput concat(f, b)"),
    );
    expect(leafNames(graph)).toEqual(["x", "c/Wx", "c/Wh", "c_2/Wx", "c_2/Wh"]);
    expect(sites.map((s) => s.name)).toEqual(["c/s", "c_2/s"]);
    const scans = opsNamed(graph, "scan") as readonly OpOf<"scan">[];
    expect(scans.map((s) => s.attrs.reverse)).toEqual([false, true]);
    expect(graph.results.map((r) => showType(r.value.type))).toEqual(["f32[time, batch, 2H]"]);
  });

  it("keeps a scanned cell's names apart from its own sites'", () => {
    const { graph } = compile(
      `norm w(x) { param Wx : [2] = 1\nx * sum(Wx, over feature) }\n${model("site c = x\nhs = scan c(D, H) over c\noutput hs\nplace c : w")}`,
    );
    expect(leafNames(graph)).toEqual(["x", "c_2/Wx", "c_2/Wh"]);
    expect(leafNames(graph.norms.get("c")!)).toEqual(["x", "c/Wx"]);
  });

  it("draws a mask for each step of what varies over time, and one for each example of what does not", () => {
    const { graph } = compile(
      model(`hs = scan c(D, H) over dropout(x, 0.2)
  a = dropout(last(hs), 0.5)
  b = variational_dropout(hs, 0.5)
  output a, b`),
    );
    const masks = opsNamed(graph, "leaf").flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "noise" ? [`${op.attrs.leaf.name} ${showType(op.attrs.type)}`] : [],
    );
    expect(masks).toEqual([
      "mask/model f32[time, batch, D]",
      "mask/model_2 f32[batch, H]",
      "mask/model_3 f32[batch, H]",
    ]);
  });

  it("gives a cell its dimensions in its own terms, defaults included", () => {
    const { graph } = compile(model("hs = scan c(H = 2H, D = D) over x\nk = scan c(2H) over hs\noutput k"));
    const types = opsNamed(graph, "leaf").map((op) =>
      op.op === "leaf" ? `${op.attrs.leaf.name} ${showType(op.attrs.type)}` : "",
    );
    expect(types).toEqual([
      "x f32[time, batch, D]",
      "c/Wx f32[D, 2H]",
      "c/Wh f32[2H, 2H]",
      "c_2/Wx f32[2H, 4]",
      "c_2/Wh f32[4, 4]",
    ]);
  });

  it("feeds a scan the same value at each step when it has no time", () => {
    const { graph } = compile(model("input z : [D]\nhs = scan c(D, H) over z\nuse = x\noutput hs, use"));
    const scan = opsNamed(graph, "scan")[0];
    expect(showType(scan.operands[1].type)).toBe("f32[time, batch, D]");
    expect(opsNamed(graph, "broadcast").map((op) => op.results[0])).toContain(scan.operands[1]);
  });

  it("adds up its losses, each a mean over all it has", () => {
    const { graph } = compile(
      model(
        "hs = scan c(D, H) over x\nloss square(hs)\nloss mean(last(hs), over feature)\nmetric big = max(hs, over feature)",
      ),
    );
    const [hs] = opsNamed(graph, "scan")[0].results.slice(1);
    const options: InterpretOptions = {
      dims: { D: 3, H: 4, batch: 2, time: 3 },
      leaf: (name) => Array.from({ length: { x: 18, "c/Wx": 12, "c/Wh": 16 }[name]! }, (_, i) => Math.cos(i)),
    };
    const results = interpret(
      { ...graph, results: [...graph.results, { kind: "output", name: "hs", value: hs }] },
      options,
    );
    expect(results.get("loss:loss")!.shape).toEqual([]);
    const h = results.get("output:hs")!.data;
    const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
    const all = [...h];
    expect(results.get("loss:loss")!.data[0]).toBeCloseTo(mean(all.map((v) => v * v)) + mean(all.slice(16)), 12);
    const maxima = [0, 1, 2, 3, 4, 5].map((i) => Math.max(...all.slice(4 * i, 4 * i + 4)));
    expect(results.get("metric:big")!.data[0]).toBeCloseTo(mean(maxima), 12);
  });

  it("attends over time", () => {
    const { graph } = compile(
      model(
        "param q : [H, 1] = xavier\nhs = scan c(D, H) over x\ne = exp(hs @ q)\nw = e / sum(e, over time)\ny = sum(w * hs, over time)\noutput y",
      ),
    );
    expect(graph.results.map((r) => showType(r.value.type))).toEqual(["f32[batch, H]"]);
  });

  it("embeds words and hands indices to cells that read them", () => {
    const { graph } = compile(
      `cell bag(V, H) {
  param E : [V, H] = normal(0.1)
  input w : index(V)
  state h : [H] = 0
  h' = h + embed(w, E)
  output h'
}
model words(V = 50, H = 4) {
  input w : index(V) over time
  output scan bag(V, H) over w
}`,
      { entry: "words" },
    );
    expect(
      opsNamed(graph, "leaf").map((op) => (op.op === "leaf" ? `${op.attrs.leaf.kind} ${showType(op.attrs.type)}` : "")),
    ).toEqual(["index index(V)[time, batch]", "param f32[V, H]"]);
  });

  it("changes by derivation how a cell inside it is normalized and a parameter begins", () => {
    const text = `${model("param q : [H] = 0\nhs = scan c(D, H) over x\noutput hs * q")}model m2 = m with {
  param q : [H] = 1
  place c.s : layer
}`;
    const { graph, sites } = compile(text);
    expect(graph.name).toBe("m2");
    expect(sites.map((s) => s.norm?.name)).toEqual(["layer"]);
    const q = opsNamed(graph, "leaf").find((op) => op.op === "leaf" && op.attrs.leaf.name === "q") as OpOf<"leaf">;
    expect(q.attrs.leaf).toMatchObject({ init: { kind: "constant", value: 1 } });
  });

  it.each([
    ["C0204", "hs = scan c(H, H) over x\noutput hs"],
    ["C0205", "hs = scan c(D, H) over x, x\noutput hs"],
    ["C0205", "hs = scan c(D, H, 3) over x\noutput hs"],
    ["C0205", "a, b = scan c(D, H) over x\noutput a, b"],
    ["C0206", "hs = scan c(E = 3) over x\noutput hs"],
    ["C0210", "hs = scan d(D, H) over x\noutput hs"],
    ["C0208", "hs = scan c(D, H) over x\noutput hs\nplace c.t : layer"],
    ["C0224", "input w : index(D) over time\nhs = scan c(D, H) over w\noutput hs, x"],
  ])("%s for %s", (code, body) => {
    expect(codes(problemsOf(model(body)).filter((d) => d.severity === "error"))).toEqual([code]);
  });
});

describe("options", () => {
  const text = `${cellWith("")}cell other(H = 7, N = 2H) { state h : [N] = 0\nh' = h\noutput h' }\n`;

  it("choose the last model, else the last cell, unless one is named", () => {
    expect(compile(text).graph.name).toBe("other");
    expect(compile(text, { entry: "c" }).graph.name).toBe("c");
    expect(compile(`${model("output x")}${text.replace("cell c", "cell e")}`).graph.name).toBe("m");
    expect(codes(refusal(text, { entry: "othr" }))).toEqual(["C0303"]);
    expect(codes(refusal("fn f(x) { x }"))).toEqual(["C0303"]);
  });

  it("give dimensions other numbers, on which defaults build", () => {
    expect(compile(text, { dims: { H: 5 } }).dims).toEqual({ H: 5, N: 10 });
    expect(codes(refusal(text, { dims: { H: 5, hidden: 3 } }))).toEqual(["C0302"]);
    expect(codes(refusal(text, { dims: { H: 2.5 } }))).toEqual(["C0302"]);
    expect(codes(refusal(text, { dims: { H: 0 } }))).toEqual(["C0302"]);
  });

  it("are checked against the extents the text asks for", () => {
    const halves = cellWith("a, b = split(h, 2)", "concat(a, b)");
    expect(compile(halves).warnings.length).toBeGreaterThan(0);
    expect(codes(refusal(halves, { dims: { H: 5 } }))).toContain("C0217");
  });

  it("of a file that is not there end in one message", () => {
    expect(() => elaborate("nowhere.cell", files({}))).toThrow(/C0401/);
    expect(codes(check("nowhere.cell", files({})))).toEqual(["C0401"]);
  });
});

describe("declarations", () => {
  it("are listed in source order, derived ones with their base", () => {
    const text = `norm n(x, gamma = 1) { gamma * x }\n${cellWith("")}cell d = c with { }\nfn f(a, b) { a + b }`;
    const listed = declarations("main.cell", files({ "main.cell": text }));
    expect(listed.map(({ span: _, ...rest }) => rest)).toEqual([
      { name: "n", kind: "norm", params: ["gamma"] },
      { name: "c", kind: "cell", params: ["D", "H"] },
      { name: "d", kind: "cell", base: "c", params: ["D", "H"] },
      { name: "f", kind: "fn", params: ["a", "b"] },
    ]);
  });
});
