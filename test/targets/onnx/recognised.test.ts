/** Loops that are ops of ONNX, however they are written, and loops that only look like it. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { relativeError } from "../../../compiler/ir/finite-differences.ts";
import type { ElaborateOptions } from "../../../compiler/semantics/elaborate.ts";
import type { NodeProto } from "../../../targets/onnx/proto.ts";
import { floor, tolerance } from "../../compile/tolerances.ts";
import { gatedText } from "../../proofs/gated-texts.ts";
import { compile } from "../../semantics/sources.ts";
import { computed, type Exported, exportedFrom, inferenceStudy } from "./exported.ts";
import { runOnnx } from "./runtime.ts";

/** A model of a text with random numbers, after comparing what it computes with the reference. */
async function exported(text: string, options: ElaborateOptions = {}, lengths?: readonly number[]): Promise<Exported> {
  const { graph, dims } = compile(text, options);
  const study = { dims, batch: 3, time: 7, nearInitial: 0.3, ...(lengths && { lengths }) };
  const numbers = inferenceStudy(graph, study);
  const made = exportedFrom(graph, numbers, study);
  for (const [key, found] of await computed(graph, numbers, study, made, runOnnx)) {
    const error = relativeError(numbers.reference("infer").get(key)!, found, floor.tensor);
    expect(error, key).toBeLessThan(tolerance.forward);
  }
  return made;
}

const ops = ({ loops }: Exported): readonly string[] => loops.map(({ op }) => op);

const nodesOf = ({ model }: Exported, op: string): readonly NodeProto[] =>
  model.graph.node.filter(({ opType }) => opType === op);

/** The shape of the constant that a node reads. */
function shapeOf({ model }: Exported, { input }: NodeProto, place: number): readonly number[] | undefined {
  return model.graph.initializer.find(({ name }) => name === input[place])?.dims;
}

const attribute = ({ attribute: all }: NodeProto, name: string) =>
  all.find((one) => (one as { readonly name: string }).name === name);

/** An LSTM of D = 3, H = 4 whose gates are `order`, a permutation of f, i, o and g. */
const lstm = (order: readonly string[], { c, h, site = "" }: { c: string; h: string; site?: string }): string => `
cell lstm(D = 3, H = 4) {
  param Wx : [D, 4H] = xavier
  param Wh : [H, 4H] = xavier
  param b  : [4H]    = 0
  param h0 : [H]     = 0
  input x : [D]
  state h : [H] = h0
  state c : [H] = 0
  site hh = h @ Wh
  site xh = x @ Wx
  ${order.join(", ")} = split(hh + xh + b, 4)
  c' = ${c}
  h' = ${h}
  output h'
  ${site}
}`;

const C = "sigmoid(f) * c + sigmoid(i) * tanh(g)";
const H = "sigmoid(o) * tanh(c')";
const ORDER = ["f", "i", "o", "g"];

it.each(["lstm", "gru", "rnn"] as const)(
  "an %s is recognised with any matrices and biases, joined, transposed and split",
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(gatedText(kind), async ({ text }) => {
        const made = await exported(text);
        expect(ops(made)).toEqual([kind.toUpperCase()]);
        expect(shapeOf(made, nodesOf(made, kind.toUpperCase())[0], 1)?.[2]).toBe(3);
        expect(nodesOf(made, "MatMul")).toEqual([]);
      }),
      { seed: 5, numRuns: 15 },
    );
  },
);

describe("an LSTM is recognised", () => {
  const permutations = fc.shuffledSubarray(ORDER, { minLength: 4, maxLength: 4 });
  const updates = fc.constantFrom(
    C,
    "tanh(g) * sigmoid(i) + c * sigmoid(f)",
    "sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)",
    "c + sigmoid(i) * (tanh(g) - c)",
    "sigmoid(f) * c - (sigmoid(f) - 1) * relu(g)",
    "sigmoid(f) * c + sigmoid(i) * sigmoid(g)",
  );
  const shown = fc.constantFrom(H, "tanh(c') * sigmoid(o)", "relu(c') * sigmoid(o)");

  it("with its gates in any order, and however its equations are written", async () => {
    await fc.assert(
      fc.asyncProperty(permutations, updates, shown, fc.boolean(), async (order, c, h, ragged) => {
        const made = await exported(lstm(order, { c, h }), {}, ragged ? [7, 1, 4] : undefined);
        expect(ops(made)).toEqual(["LSTM"]);
        const [node] = nodesOf(made, "LSTM");
        // The product with x is in W, not before the loop.
        expect([1, 2, 3].map((place) => shapeOf(made, node, place))).toEqual([
          [1, 16, 3],
          [1, 16, 4],
          [1, 32],
        ]);
        expect(nodesOf(made, "MatMul")).toEqual([]);
      }),
      { seed: 5, numRuns: 30 },
    );
  });

  it("with a weight for each gate, and peepholes", async () => {
    const made = await exported(`cell lstm(D = 3, H = 4) {
  ${["f", "i", "o", "g"].map((g) => `param W${g} : [D, H] = xavier\n  param U${g} : [H, H] = xavier\n  param b${g} : [H] = 0.1`).join("\n  ")}
  param pf : [H] = 0.1
  param pi : [H] = 0.2
  param po : [H] = 0.3
  input x : [D]
  state h : [H] = 0
  state c : [H] = 0
  f = sigmoid(x @ Wf + h @ Uf + pf * c + bf)
  i = sigmoid(bi + pi * c - (0 - h) @ Ui + x @ Wi)
  c' = f * c + i * tanh(x @ Wg + h @ Ug + bg)
  o = sigmoid(x @ Wo + h @ Uo + c' * po + bo)
  h' = o * tanh(c')
  output h'
}`);
    expect(ops(made)).toEqual(["LSTM"]);
    const [node] = nodesOf(made, "LSTM");
    expect(shapeOf(made, node, 7)).toEqual([1, 12]);
  });

  it("with norms whose statistics all steps share, which are folded into its weights", async () => {
    const site = "place hh, xh : batch(stats = shared)";
    const made = await exported(lstm(ORDER, { c: C, h: H, site }));
    expect(ops(made)).toEqual(["LSTM"]);
    expect(shapeOf(made, nodesOf(made, "LSTM")[0], 1)).toEqual([1, 16, 3]);
  });

  it("with a norm of its own at each step before the loop, whose result it takes as it is", async () => {
    const made = await exported(lstm(ORDER, { c: C, h: H, site: "place xh : batch" }), {}, [7, 3, 1]);
    expect(ops(made)).toEqual(["LSTM"]);
    expect(shapeOf(made, nodesOf(made, "LSTM")[0], 1)).toEqual([1, 16, 16]);
    expect(nodesOf(made, "MatMul").length).toBe(1);
  });

  it("whose last state is the first one where an example has no step", async () => {
    const model = `${lstm(ORDER, { c: C, h: H })}
model last_of(D = 3, H = 4) {
  input x : [D] over time
  h = last(scan lstm(D, H) over x)
  output h
}`;
    const made = await exported(model, {}, [0, 7, 3]);
    expect(ops(made)).toEqual(["LSTM"]);
  });

  it("from the end, in layers, and in both directions", async () => {
    const made = await exported(
      `${lstm(ORDER, { c: C, h: H })}
model deep(D = 3, H = 4) {
  input x : [D] over time
  one = scan lstm(D, H) over x
  back = scan lstm(H, H) over one reverse
  forth = scan lstm(H, H) over one
  output concat(back, forth) as both
}`.replace("output concat(back, forth) as both", "both = concat(back, forth)\n  output both"),
      {},
      [7, 2, 1],
    );
    expect(ops(made)).toEqual(["LSTM", "LSTM", "LSTM"]);
  });
});

describe("it is no LSTM", () => {
  it.each([
    ["if a norm at the recurrent product has statistics for each step", { c: C, h: H, site: "place hh : batch" }],
    ["if each example is normalized on its own", { c: C, h: H, site: "place hh : layer" }],
    ["if what is kept is scaled", { c: "0.5 * sigmoid(f) * c + sigmoid(i) * tanh(g)", h: H }],
    ["if something is added", { c: `${C} + 0.1`, h: H }],
    ["if the cell is shown as it was", { c: C, h: "sigmoid(o) * tanh(c)" }],
    ["if the output gate is none", { c: C, h: "tanh(o) * tanh(c')" }],
    ["if three things are added", { c: `${C} + sigmoid(o) * tanh(g)`, h: H }],
    ["if a gate sees something else of the cell", { c: "sigmoid(f + tanh(c)) * c + sigmoid(i) * tanh(g)", h: H }],
    ["if what is kept is of the hidden state", { c: "sigmoid(f) * h + sigmoid(i) * tanh(g)", h: H }],
  ])("%s", async (_, equations) => {
    const made = await exported(lstm(ORDER, equations));
    expect(ops(made)).toEqual(["Scan"]);
    expect(made.loops[0].why).toBeTruthy();
  });

  it("if it reads no input, nor anything else at each step", async () => {
    const made = await exported(`cell alone(D = 3, H = 4) {
  param Wh : [H, H] = xavier
  param h0 : [H] = 0.5
  input x : [D]
  state h : [H] = h0
  h' = tanh(h @ Wh)
  output h'
}`);
    expect(ops(made)).toEqual(["Scan"]);
  });

  it("if it gives its cell at each step, too", async () => {
    const made = await exported(lstm(ORDER, { c: C, h: H }).replace("output h'", "output h', c'"));
    expect(made.loops).toEqual([
      { states: ["h", "c"], op: "Scan", why: expect.stringContaining("also gives"), perStep: [] },
    ]);
  });

  it("and says which norms have statistics for each step", async () => {
    const made = await exported(lstm(ORDER, { c: C, h: H, site: "place hh, xh : batch" }));
    expect(made.loops[0].perStep).toEqual(["hh"]);
  });
});

const gru = (next: string, n: string): string => `cell gru(D = 3, H = 4) {
  param Wx : [D, 3H] = xavier
  param Wh : [H, 2H] = xavier
  param Wn : [H, H] = xavier
  param b  : [3H] = 0.1
  param bn : [H] = 0.2
  input x : [D]
  state h : [H] = 0
  xz, xn, xr = split(x @ Wx + b, 3)
  hr, hz = split(h @ Wh, 2)
  r = sigmoid(xr + hr)
  z = sigmoid(xz + hz)
  n = ${n}
  h' = ${next}
  output h'
}`;

describe("a GRU is recognised", () => {
  const BEFORE = "tanh(xn + (r * h) @ Wn + bn)";
  const AFTER = "tanh(xn + r * (h @ Wn + bn))";
  it.each([
    ["(1 - z) * n + z * h", BEFORE, 0],
    ["(1 - z) * n + z * h", AFTER, 1],
    ["n + z * (h - n)", AFTER, 1],
    ["z * n + (1 - z) * h", BEFORE, 0],
    ["h - z * (h - n)", AFTER, 1],
    ["h * z - n * z + n", "relu(xn + r * (h @ Wn))", 1],
  ])("%s, n = %s", async (next, n, after) => {
    for (const lengths of [undefined, [2, 7, 5]]) {
      const made = await exported(gru(next, n), {}, lengths);
      expect(ops(made)).toEqual(["GRU"]);
      expect(attribute(nodesOf(made, "GRU")[0], "linear_before_reset")).toMatchObject({ i: after });
    }
  });

  it.each([
    ["(1 - z) * n + z * n", BEFORE],
    ["(1 - z) * n + r * h", BEFORE],
    ["(1 - z) * n + z * h", "tanh(xn + r * (h @ Wn + bn) * h)"],
    ["(1 - z) * n + z * h", "tanh(xn + (r * r) @ Wn)"],
    ["2 * z * n + (1 - z) * h", BEFORE],
  ])("and %s, n = %s is none", async (next, n) => {
    expect(ops(await exported(gru(next, n)))).toEqual(["Scan"]);
  });
});

describe("a plain RNN is recognised", () => {
  const rnn = (next: string): string => `cell rnn(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = xavier
  param u  : [H] = 0.1
  input x : [D]
  state h : [H] = u
  h' = ${next}
  output h'
}`;
  it.each([
    ["tanh(h @ Wh + x @ Wx)", undefined],
    ["relu(x @ Wx - u - h @ Wh / 2)", ["Relu"]],
    ["sigmoid(u * h + x @ Wx)", ["Sigmoid"]],
    ["tanh(h @ Wh - x[2] * u + x @ Wx)", undefined],
    ["tanh(x @ Wx / (u + 1) + (h * u) @ Wh)", undefined],
    ["tanh(x @ Wx + (h - u) @ Wh - h / (u - 2))", undefined],
  ])("%s", async (next, activations) => {
    const made = await exported(rnn(next), {}, [7, 2, 3]);
    expect(ops(made)).toEqual(["RNN"]);
    const found = attribute(nodesOf(made, "RNN")[0], "activations") as { strings: Uint8Array[] } | undefined;
    expect(found?.strings.map((text) => new TextDecoder().decode(text))).toEqual(activations);
  });

  it("of a single feature, but not of a single unit", async () => {
    const one = await exported(rnn("tanh(h @ Wh + x @ Wx)").replace("D = 3", "D = 1"));
    expect(ops(one)).toEqual(["RNN"]);
    expect(shapeOf(one, nodesOf(one, "RNN")[0], 1)).toEqual([1, 4, 1]);
    const unit = await exported(rnn("tanh(h @ Wh + x @ Wx)").replace("H = 4", "H = 1"));
    expect(ops(unit)).toEqual(["Scan"]);
  });

  it("whose input is scaled and shifted before, which is folded into its weights", async () => {
    const made = await exported(
      rnn("tanh(h @ Wh + (x * s - 1) @ Wx)").replace("input x", "param s : [D] = 0.3\n  input x"),
    );
    expect(ops(made)).toEqual(["RNN"]);
    expect(nodesOf(made, "Mul")).toEqual([]);
  });

  it.each(["tanh(h @ Wh + x @ Wx) + h", "tanh((h * h) @ Wh + x @ Wx)", "tanh(h[0] + x @ Wx)", "h @ Wh + x @ Wx"])(
    "and %s is none",
    async (next) => {
      expect(ops(await exported(rnn(next)))).toEqual(["Scan"]);
    },
  );
});
