/** What is the same in every ONNX model, and what no model can be. */
import { describe, expect, it } from "vitest";
import { exportable } from "../../../compiler/lower.ts";
import { MOST_BYTES, onnxModel } from "../../../targets/onnx/model.ts";
import { NotInOnnx } from "../../../targets/onnx/refusal.ts";
import { compile } from "../../semantics/sources.ts";
import { check } from "./checker.ts";
import { exportedFrom, inferenceStudy, STEPS } from "./exported.ts";

const text = (inputs: string, outputs: string): string => `
model m(D = 3, K = 5) {
  param E : [K, D] = normal(1)
  ${inputs}
  y = embed(w, E) + x
  z = last(y)
  ${outputs}
}`;
const usual = text("input w : index(K) over time\n  input x : [D]", "output y, z");

function made(source: string, options: { readonly ragged?: boolean } = {}) {
  const { graph, dims } = compile(source);
  const lengths = options.ragged ? [STEPS, 2] : undefined;
  const study = { dims, batch: 2, time: STEPS, ...(lengths && { lengths }) };
  return exportedFrom(graph, inferenceStudy(graph, study), study);
}

describe("a model", () => {
  it("has operator set 17, the examples before the steps, and names for both", async () => {
    const { model, inputs, outputs, encoded } = made(usual, { ragged: true });
    expect([model.irVersion, model.opsetImport]).toEqual([8, [{ domain: "", version: 17 }]]);
    expect([inputs, outputs]).toEqual([
      ["w", "x", "lengths"],
      ["y", "z"],
    ]);
    expect(model.docString).toContain("[batch, time, …]");
    const [checked] = await check([encoded]);
    expect(checked).toEqual({
      outputs: { y: ["batch", "time", 3], z: ["batch", 3] },
    });
  });

  it("is seen through by the checker, if it is wrong", async () => {
    const { graph } = made(usual).model;
    const { encodeOnnx } = await import("../../../cli/export/encode-onnx.ts");
    const { model } = made(usual);
    const wrong = { ...model, graph: { ...graph, node: graph.node.slice(1) } };
    const [checked] = await check([encodeOnnx(wrong)]);
    expect(checked.fault).toBeTruthy();
  });

  it("writes nothing twice, and nothing that no output needs", () => {
    const { model } = made(usual);
    const { node, initializer } = model.graph;
    const read = new Set([...node.flatMap(({ input }) => input), "y", "z"]);
    for (const { output } of node) expect(output.some((name) => read.has(name))).toBe(true);
    for (const { name } of initializer) expect(read.has(name)).toBe(true);
    const written = node.map(({ opType, input, attribute }) => JSON.stringify([opType, input, attribute]));
    expect(new Set(written).size).toBe(written.length);
  });

  it("may have names that nodes would have", () => {
    const { inputs } = made(
      text(
        "input w : index(K) over time\n  input x : [D]\n  input time_steps : [D] over time",
        "t = y * time_steps\n  output t",
      ),
    );
    expect(inputs).toEqual(["w", "x", "time_steps"]);
  });
});

describe("refused is", () => {
  const refusal = (source: string, numbers?: ReadonlyMap<string, ArrayLike<number>>): unknown => {
    const { graph, dims } = compile(source);
    try {
      const given = numbers ?? new Map([["E", new Float32Array(15)]]);
      return onnxModel(exportable(graph, { dims }), { dims: { ...dims, steps: 1 }, numbers: given, version: "test" });
    } catch (error) {
      if (!(error instanceof NotInOnnx)) throw error;
      return error.message;
    }
  };

  it("an output that is called like an input", () => {
    expect(refusal(text("input w : index(K) over time\n  input x : [D]", "output x"))).toContain("are called x");
  });

  it("a model none of whose inputs has steps", () => {
    expect(refusal("model m(D = 3) {\n  input x : [D]\n  y = x * 2\n  output y\n}")).toContain(
      "none of its inputs has steps",
    );
  });

  it("more numbers than a file has room for", () => {
    const large = { length: MOST_BYTES / 4 + 1 } as ArrayLike<number>;
    expect(refusal(usual, new Map([["E", large]]))).toContain(`at most ${MOST_BYTES}`);
  });
});
