import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { showType } from "../../compiler/ir/type.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { cellWith, codes, compile, leafNames, opsNamed, refusal, valueNamed } from "./sources.ts";

const disk: SourceHost = {
  read: (path) => readFileSync(path, "utf8"),
  resolve: (from, specifier) => posix.join(posix.dirname(from), specifier),
};

const scanOf = (graph: ReturnType<typeof compile>["graph"]): OpOf<"scan"> => opsNamed(graph, "scan")[0] as OpOf<"scan">;

/** Small numbers that differ from leaf to leaf and from element to element. */
function numbers(name: string, length: number): number[] {
  const seed = [...name].reduce((s, ch) => s + ch.charCodeAt(0), 0);
  return Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i) / 2);
}

describe("the example cells", () => {
  const lstmSites = ["hh f32[batch, 4H] true", "xh f32[batch, 4H] false", "cc f32[batch, H] true"];
  const examples: readonly (readonly [
    file: string,
    entry: string,
    sites: readonly string[],
    norms: readonly string[],
  ])[] = [
    ["lstm", "lstm", lstmSites, []],
    ["bnlstm", "bnlstm", lstmSites, ["batch", "batch", "batch"]],
    ["lnlstm", "lnlstm", lstmSites, ["layer", "layer", "layer"]],
    ["rnn", "rnn", ["hh f32[batch, H] true", "xh f32[batch, H] false"], []],
    ["gru", "gru_before", ["hh f32[batch, 2H] true", "xh f32[batch, 3H] false", "rh f32[batch, H] true"], []],
    ["gru", "gru_after", ["hh f32[batch, 3H] true", "xh f32[batch, 3H] false"], []],
  ];

  it.each(examples)("%s.cell: %s has its sites and its output h over time", (file, entry, sites, norms) => {
    const { graph, sites: found, dims, warnings } = elaborate(`examples/cells/${file}.cell`, disk, { entry });
    expect(found.map((s) => `${s.name} ${showType(s.type)} ${s.recurrent}`)).toEqual(sites);
    expect(found.flatMap((s) => s.norm?.name ?? [])).toEqual(norms);
    expect(graph.results.map((r) => `${r.kind} ${r.name} ${showType(r.value.type)}`)).toEqual([
      "output h f32[time, batch, H]",
      "loss loss f32[]",
    ]);
    expect(dims).toEqual({ D: 28, H: 100 });
    expect(warnings).toEqual([]);
  });
});

describe("a cell", () => {
  it("is one scan, with all leaves outside of it", () => {
    const { graph } = elaborate("examples/cells/lstm.cell", disk);
    expect(graph.ops.map((op) => op.op).filter((op) => op === "scan")).toHaveLength(1);
    expect(scanOf(graph).body!.ops.every((op) => op.op !== "leaf")).toBe(true);
    expect(leafNames(graph)).toEqual(["Wx", "Wh", "b", "x", "d_h"]);
  });

  it("computes what its equations say: an LSTM against one written by hand", () => {
    const { graph } = elaborate("examples/cells/lstm.cell", disk);
    const [T, B, D, H] = [3, 2, 3, 4];
    const given: Record<string, number[]> = {};
    const results = interpret(graph, {
      dims: { D, H, batch: B, time: T },
      leaf: (name, _leaf, type) => {
        const n =
          type.shape.length === 2
            ? (name === "Wx" ? D : H) * 4 * H
            : name === "b"
              ? 4 * H
              : T * B * (name === "x" ? D : H);
        given[name] = numbers(name, n);
        return given[name];
      },
    });
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const expected: number[] = [];
    const h = Array.from({ length: B }, () => new Array<number>(H).fill(0));
    const c = Array.from({ length: B }, () => new Array<number>(H).fill(0));
    for (let t = 0; t < T; t++) {
      for (let b = 0; b < B; b++) {
        const x = given.x.slice((t * B + b) * D, (t * B + b + 1) * D);
        const a = given.b.map(
          (bias, j) =>
            bias +
            x.reduce((s, v, k) => s + v * given.Wx[k * 4 * H + j], 0) +
            h[b].reduce((s, v, k) => s + v * given.Wh[k * 4 * H + j], 0),
        );
        for (let u = 0; u < H; u++) {
          c[b][u] = sigmoid(a[u]) * c[b][u] + sigmoid(a[H + u]) * Math.tanh(a[3 * H + u]);
          h[b][u] = sigmoid(a[2 * H + u]) * Math.tanh(c[b][u]);
        }
        expected.push(...h[b]);
      }
    }
    const hs = results.get("output:h")!.data;
    expect(hs).toHaveLength(expected.length);
    expected.forEach((v, i) => {
      expect(hs[i]).toBeCloseTo(v, 12);
    });
    const pairing = expected.reduce((s, v, i) => s + v * given.d_h[i], 0) / (T * B);
    expect(results.get("loss:loss")!.data[0]).toBeCloseTo(pairing, 12);
  });

  it("starts from an expression of parameters and noise", () => {
    const text = cellWith("param s0 : [H] = 0.5\nstate s : [H] = s0 + noise(0.1)\ns' = s", "tanh(h @ Wh + x @ Wx + s)");
    const { graph } = compile(text);
    const noise = opsNamed(graph, "leaf").find(
      (op) => op.op === "leaf" && op.attrs.leaf.kind === "noise",
    ) as OpOf<"leaf">;
    expect(noise.attrs.leaf).toEqual({ kind: "noise", name: "noise/s", distribution: "normal", scale: 0.1 });
    expect(showType(noise.attrs.type)).toBe("f32[batch, H]");
    expect(showType(scanOf(graph).operands[1].type)).toBe("f32[batch, H]");
  });

  it("draws the noise of its steps outside, one of the scan's inputs", () => {
    const { graph } = compile(cellWith("n = noise(0.5, [H])", "tanh(h @ Wh + x @ Wx + n)"));
    const scan = scanOf(graph);
    expect(scan.operands.map((v) => showType(v.type))).toEqual([
      "f32[batch, H]",
      "f32[time, batch, D]",
      "f32[time, batch, H]",
    ]);
  });

  it("draws a mask for whatever its value varies over: examples and steps, examples, or neither", () => {
    const { graph } = compile(
      cellWith(
        "a = mask(0.5, h)\nb = mask(0.5, [H])\nd = sequence_mask(0.9, h)\ne = mask(0.8, Wh)",
        "tanh((a * b * d * h) @ (e * Wh) + x @ Wx)",
      ),
    );
    const masks = opsNamed(graph, "leaf").flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "noise" ? [[op.attrs.leaf, showType(op.attrs.type)]] : [],
    );
    const leaf = (name: string, keep: number) => ({ kind: "noise", name, distribution: "bernoulli", keep });
    expect(masks).toEqual([
      [leaf("mask/step", 0.5), "f32[time, batch, H]"],
      [leaf("mask/step_2", 0.5), "f32[time, batch, H]"],
      [leaf("mask/sequence", 0.9), "f32[batch, H]"],
      [leaf("mask/sequence_2", 0.8), "f32[H, H]"],
    ]);
  });

  it("has an input d_… for each output, whatever the cell itself calls its inputs", () => {
    const text = `cell c(H = 2) {
  input d_h : [H]
  state h : [H] = 0
  state k : [2H] = 0
  h' = h + d_h
  k' = k
  output h', k'
}`;
    const { graph } = compile(text);
    expect(leafNames(graph)).toEqual(["d_h", "d_h_2", "d_k"]);
    expect(graph.results.map((r) => r.name)).toEqual(["h", "k", "loss"]);
  });

  it("takes hostile names for what they are: names", () => {
    const text = `cell main(T = 2, constructor = 3, hasOwnProperty = 4) {
  param batch : [T, T] = identity
  param main : [constructor, T] = 0
  param toString : [hasOwnProperty] = 0
  input time : [T]
  input x : [constructor]
  state none : [T] = 0
  site loop = none @ batch
  none' = tanh(loop + time + x @ main + sum(toString, over feature))
  output none'
  place loop : batch
}`;
    const { graph, dims, sites } = compile(text);
    expect(Object.keys(dims)).toEqual(["T", "constructor", "hasOwnProperty"]);
    expect(leafNames(graph)).toEqual(["batch", "main", "toString", "time", "x", "d_none"]);
    expect(sites.map((s) => s.norm?.name)).toEqual(["batch"]);
  });

  it.each(["dimension", "param", "state", "input", "site", "cell", "norm"])(
    "refuses to call a %s __proto__",
    (what) => {
      const name = (of: string): string => (of === what ? "__proto__" : `a_${of}`);
      const text = `norm ${name("norm")}(x) { x }
cell ${name("cell")}(${name("dimension")} = 2) {
  param ${name("param")} : [${name("dimension")}] = 0
  state ${name("state")} : [${name("dimension")}] = 0
  input ${name("input")} : [${name("dimension")}]
  site ${name("site")} = ${name("state")} + ${name("input")} + ${name("param")}
  ${name("state")}' = ${name("site")}
  output ${name("state")}'
}`;
      expect(codes(refusal(text))).toContain("C0108");
    },
  );
});

describe("expressions", () => {
  const body = (expression: string): readonly string[] =>
    scanOf(compile(cellWith(`y = ${expression}`, "h @ Wh + x @ Wx + y")).graph).body!.ops.map((op) => op.op);

  it.each([
    ["h ^ 2", ["square"]],
    ["h ^ 0.5", ["sqrt"]],
    ["h ^ -0.5", ["rsqrt"]],
    ["h ^ -1", ["recip"]],
    ["h ^ 3", ["square", "mul"]],
    ["h ^ 4", ["square", "square"]],
    ["h ^ h", ["log", "mul", "exp"]],
    ["h ^ 1.5", ["const", "log", "mul", "exp"]],
    ["2 * 3 * h", ["const", "mul"]],
    ["h / sqrt(H)", ["const", "sqrt", "div"]],
    ["-h", ["neg"]],
    ["where(h > 0, h, stop(h))", ["const", "gt", "stop", "select"]],
    ["mean(h, over feature)", ["sum", "const", "div"]],
    ["h - max(h, over last)", ["maximum", "sub"]],
    ["reshape(reshape(h, [2, H / 2]), [H])", ["reshape", "reshape"]],
    ["h @ transpose(Wh)", ["transpose", "dot"]],
    ["one_hot(argmax(h), size(h))", ["argmax", "onehot"]],
  ])("%s becomes %j", (expression, ops) => {
    const whole = body(expression);
    expect(whole.slice(0, ops.length)).toEqual(ops);
  });

  it("keep `over last` as an axis of extent 1 and drop all features for `over feature`", () => {
    const { graph } = compile(
      cellWith(
        "p = reshape(h, [2, H / 2])\na = sum(p, over last)\nb = sum(p, over feature)",
        "h @ Wh + x @ Wx + b + sum(a, over feature)",
      ),
    );
    expect(showType(valueNamed(graph, "a").type)).toBe("f32[batch, 2, 1]");
    expect(showType(valueNamed(graph, "b").type)).toBe("f32[batch]");
  });

  it("multiply per head: [k, n] @ [n, m]", () => {
    const { graph } = compile(
      cellWith(
        "param V : [H / 2, 3] = xavier\nq = reshape(h, [2, H / 2]) @ V",
        "h @ Wh + x @ Wx + sum(q, over feature)",
      ),
    );
    expect(showType(valueNamed(graph, "q").type)).toBe("f32[batch, 2, 3]");
  });

  it("fold arithmetic of dimensions into extents", () => {
    const { graph } = compile(
      cellWith("param V : [2H - H + D * 2, (H + H) / 2] = 0", "h @ Wh + x @ Wx + sum(V, over feature)"),
    );
    expect(showType(valueNamed(graph, "V").type)).toBe("f32[2D + H, H]");
  });

  it("let a file's own function take the place of the prelude's and of a builtin", () => {
    const { graph } = compile(
      `fn mse(a, b) { abs(a - b) }\nfn tanh(x) { sin(x) }\n${cellWith("", "tanh(mse(h @ Wh, x @ Wx))")}`,
    );
    expect(scanOf(graph).body!.ops.map((op) => op.op)).toEqual(["dot", "dot", "sub", "abs", "sin"]);
  });

  it("pass a function's arguments by place, by name and by default", () => {
    const { graph } = compile(`fn f(a, b = 2, k = b + 1) { a * b + k }\n${cellWith("", "f(h @ Wh + x @ Wx, k = 7)")}`);
    const consts = opsNamed(graph, "const").map((op) => (op.op === "const" ? op.attrs.value : 0));
    expect(consts).toEqual(expect.arrayContaining([2, 7]));
  });
});

describe("initialisers", () => {
  const init = (text: string, shape = "[H, 4H]"): unknown => {
    const { graph } = compile(cellWith(`param V : ${shape} = ${text}`, "h @ Wh + x @ Wx + sum(V, over feature)"));
    const found = opsNamed(graph, "leaf").find((op) => op.op === "leaf" && op.attrs.leaf.name === "V") as OpOf<"leaf">;
    return found.attrs.leaf.kind === "param" ? found.attrs.leaf.init : undefined;
  };

  it.each([
    ["0.5", { kind: "constant", value: 0.5 }],
    ["-1 / 4", { kind: "constant", value: -0.25 }],
    ["zeros", { kind: "constant", value: 0 }],
    ["ones", { kind: "constant", value: 1 }],
    ["uniform(0.1)", { kind: "uniform", low: -0.1, high: 0.1 }],
    ["uniform(-1, 2)", { kind: "uniform", low: -1, high: 2 }],
    ["uniform(1 / sqrt(H))", { kind: "uniform", low: -0.5, high: 0.5 }],
    ["normal(0.1)", { kind: "normal", mean: 0, std: 0.1 }],
    ["normal(std = 0.1)", { kind: "normal", mean: 0, std: 0.1 }],
    ["normal(1, 0.1)", { kind: "normal", mean: 1, std: 0.1 }],
    ["normal(std = 0.1, mean = 1)", { kind: "normal", mean: 1, std: 0.1 }],
    ["xavier", { kind: "xavier", gain: 1 }],
    ["orthogonal(gain = 2)", { kind: "orthogonal", gain: 2 }],
    ["identity(blocks = 2)", { kind: "blocks", parts: Array(2).fill({ kind: "identity", gain: 1 }) }],
    [
      "blocks(1, orthogonal)",
      {
        kind: "blocks",
        parts: [
          { kind: "constant", value: 1 },
          { kind: "orthogonal", gain: 1 },
        ],
      },
    ],
  ])("%s", (text, expected) => {
    expect(init(text)).toEqual(expected);
  });
});
