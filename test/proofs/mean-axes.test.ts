import { describe, expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { withMeanAxes } from "../../compiler/proofs/mean-axes.ts";
import { cellWith, compile } from "../semantics/sources.ts";

const cell = cellWith("site s = h @ Wh\nplace s : batch", "tanh(s + x @ Wx)");
const overs = (graph: Parameters<typeof withMeanAxes>[0]): readonly string[] =>
  withMeanAxes(graph).results.flatMap(({ kind, name, over }) =>
    kind === "output" ? [] : [`${kind} ${name} ${over ?? "?"}`],
  );
const model = (body: string): readonly string[] =>
  overs(
    compile(`${cell}
model m(D = 3, H = 4) {
  param W : [H, H] = xavier
  input x : [D] over time
  target y : index(H) over time
  target z : index(H)
  input w : [1] over time
  hs = scan c(D, H) over x
  output hs
  ${body}
}`).graph,
  );

describe("a loss or metric", () => {
  it.each([
    [
      "of each step is a mean over steps",
      "loss cross_entropy(hs, y)\nmetric a = correct(hs, y)",
      ["metric a steps", "loss loss steps"],
    ],
    ["of the last step is one over examples", "loss cross_entropy(last(hs), z)", ["loss loss examples"]],
    [
      "of an example's own mean over time is one over examples",
      "loss cross_entropy(mean(hs, over time), z)",
      ["loss loss examples"],
    ],
    [
      "of a mean that each example weighs its steps by is one over examples",
      "loss sum(cross_entropy(hs, y) * sum(w, over feature), over time) / sum(sum(w, over feature), over time)",
      ["loss loss examples"],
    ],
    [
      "of what is largest in time is one over examples",
      "loss sum(max(hs, over time), over feature)",
      ["loss loss examples"],
    ],
    [
      "of a step and a whole sequence at once is one over steps",
      "loss cross_entropy(hs, y) + cross_entropy(last(hs), z)",
      ["loss loss steps"],
    ],
    [
      "of parameters alone is the same for all batches",
      "loss cross_entropy(hs, y)\nmetric size = sum(sum(W^2, over feature), over feature)",
      ["metric size examples", "loss loss steps"],
    ],
  ])("%s", (_, body, expected) => {
    expect(model(body)).toEqual(expected);
  });

  it("that adds up means over different things is taken apart", () => {
    const both = "loss cross_entropy(hs, y)\nloss cross_entropy(last(hs), z)\nloss 0.1 * mean(W^2, over feature)";
    expect(model(both)).toEqual([
      "loss loss ?",
      "loss_term loss/1 steps",
      "loss_term loss/2 examples",
      "loss_term loss/3 examples",
    ]);
  });

  it("that adds up means over one thing stays whole, whatever is the same for all batches beside it", () => {
    const each = "loss cross_entropy(hs, y)\nloss sum(hs, over feature)\nloss 0.1 * mean(W^2, over feature)";
    expect(model(each)).toEqual(["loss loss steps"]);
  });

  it("of a value that is the same for all examples at a step counts once for each example that has the step", () => {
    const shared = `cell same(D = 2) {
  input x : [D]
  state n : [D] = 0
  n' = n + x
  output n', tanh(x)
}
model m(D = 2) {
  param e : [D] = 0.5
  input x : [D] over time
  _ns, shared = scan same(D) over e
  output x
  loss sum(shared, over feature)
  loss sum(x, over feature)
}`;
    expect(overs(compile(shared).graph)).toEqual(["loss loss steps"]);
  });

  const graph = (ops: string): string => `graph g {
  %x = leaf input "x" : f32[time, batch]
${ops}
}`;
  /** Σ x and Σ x². */
  const sums =
    "  %1 = sum %x {batch, time} : f32[]\n  %2 = square %x : f32[time, batch]\n  %3 = sum %2 {batch, time} : f32[]\n";
  it("that is a ratio of two sums is a mean by the weights of the second", () => {
    const found = overs(parseGraph(graph(`${sums}  %4 = div %1, %3 : f32[]\n  result loss "loss" %4`)));
    expect(found).toEqual(["loss loss weights", "weight loss ?"]);
  });

  it.each([
    ["a largest of all examples", '  %1 = maximum %x {batch, time} : f32[]\n  result loss "loss" %1'],
    ["a sum", '  %1 = sum %x {batch, time} : f32[]\n  result loss "loss" %1'],
    [
      "a sum divided by a sum and a number",
      `${sums}  %5 = const 2 : f32[]\n  %4 = add %3, %5 : f32[]\n  %6 = div %1, %4 : f32[]\n  result loss "loss" %6`,
    ],
    [
      "a mean of distances from the batch's own mean",
      '  %1 = sum %x {batch, time} : f32[]\n  %2 = sub %x, %1 : f32[time, batch]\n  %3 = square %2 : f32[time, batch]\n  %4 = sum %3 {batch, time} : f32[]\n  %5 = const 1 * [batch, time] : f32[]\n  %6 = div %4, %5 : f32[]\n  result loss "loss" %6',
    ],
  ])("that is %s is of one batch only", (_, ops) => {
    expect(overs(parseGraph(graph(ops)))).toEqual(["loss loss ?"]);
  });
});
