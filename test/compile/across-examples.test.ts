/** Losses and metrics that reduce over the examples of a batch: weighted means, and losses that compare examples. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";
import { withLengths } from "./with-lengths.ts";

const [D, H, K, T, B] = [2, 4, 3, 5, 6];
const dims = { D, H, K };

const model = (body: string): string => `cell c(D = 2, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx)
  output h'
  place hh : layer
}
model m(D = 2, H = 4, K = 3) {
  input x : [D] over time
  target y : index(K)
  target z : index(K) over time
  target w : [] over time
  param V : [H, K] = xavier
  hs = scan c(D, H) over x
  logits = last(hs) @ V
  output logits
  share = sum(one_hot(y, K) * exp(logits) / (1 + exp(logits)), over feature)
  ${body}
}`;

const texts = {
  "a class-weighted mean": "loss sum((1 + share) * cross_entropy(logits, y), over batch) / sum(1 + share, over batch)",
  "a masked mean over examples and steps":
    "m = square(w)\nloss sum(m * cross_entropy(hs @ V, z), over (batch, time)) / sum(m, over (batch, time))",
  "a distance from the batch's mean": "d = logits - mean(logits, over batch)\nloss sum(d^2, over feature) + mse(hs, 0)",
  "examples against the largest of the batch": "loss square(share - max(share, over batch))",
  "a function of a batch at each step": "loss square(mean(sum(hs, over feature), over batch))",
};
type Name = keyof typeof texts;
const names = Object.keys(texts) as Name[];
const graphs = Object.fromEntries(names.map((name) => [name, compile(model(texts[name])).graph])) as Record<
  Name,
  Graph
>;

const lengths = [5, 1, 4, 2, 5, 3];
const study = (name: Name, more: Partial<ConstructorParameters<typeof Study>[1]> = {}): Study =>
  new Study(graphs[name], { dims, batch: B, time: T, ...more });

describe.each(names)("%s", (name) => {
  withLengths((more) => study(name, more), lengths, [{ parts: 2, batch: 7 }]);
});

describe.each([places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);
  it.each(names.slice(0, 3))("%s is the reference's", async (name) => {
    const errors = await study(name, { lengths }).targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

it("padding counts in no sum over a batch", () => {
  const checked = study("a masked mean over examples and steps", { lengths });
  const other = new Study(graphs["a masked mean over examples and steps"], {
    ...{ dims, batch: B, time: T, lengths },
    numbers: {
      ...checked.numbers,
      w: Float64Array.from(checked.numbers.w, (v, i) => (Math.floor(i / B) < lengths[i % B] ? v : 7)),
    },
  });
  expect(other.numbers.w).not.toEqual(checked.numbers.w);
  expect(other.reference("train")).toEqual(checked.reference("train"));
});

describe("an evaluation over several batches", () => {
  const backend = opened(places.wasm);
  const examples = 6;
  const value = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));
  const classes = (n: number): number[] => Array.from({ length: n }, (_, i) => (i * i + 1) % K);
  const whole = {
    x: value(T * examples * D, 1),
    y: classes(examples),
    z: classes(T * examples),
    w: value(T * examples, 4),
  };
  /** Examples `from` to `to`. */
  const part = (from: number, to: number): Batch => {
    const of = (v: number[], width: number, steps: number): number[] =>
      Array.from({ length: steps }, (_, t) =>
        v.slice((t * examples + from) * width, (t * examples + to) * width),
      ).flat();
    const { x, y, z, w } = whole;
    const inputs = { x: of(x, D, T), y: of(y, 1, 1), z: of(z, 1, T), w: of(w, 1, T) };
    return { inputs, steps: T, examples: to - from, lengths: lengths.slice(from, to) };
  };

  const evaluated = async (body: string) => {
    const { graph } = compile(model(body));
    const open = (batch: number) =>
      compileGraph(graph, { dims, batch, time: T, path: "", ragged: true, entries: ["infer"] }, places.wasm.target);
    const one = await Session.open(open(6), backend(), { seed: 2 });
    const two = await Session.open(open(2), backend(), { seed: 2 });
    await two.attach(open(4));
    const results = [await one.evaluate([part(0, 6)]), await two.evaluate([part(0, 2), part(2, 6)])];
    one.close();
    two.close();
    return results;
  };

  it.each([
    ["a class-weighted mean", texts["a class-weighted mean"]],
    ["a masked mean", texts["a masked mean over examples and steps"]],
    [
      "multiples and sums",
      `n = sum(share * cross_entropy(logits, y), over batch)\nloss -0.5 * (-n - n) / sum(share + 1, over batch)`,
    ],
    [
      "several terms",
      `${texts["a class-weighted mean"]}\n${texts["a masked mean over examples and steps"]}\nloss mse(hs, 0)`,
    ],
    ["a metric", `loss mse(hs, 0)\nmetric a = sum(share * correct(logits, y), over batch) / sum(share, over batch)`],
  ])("weights %s by the sums of its weights", async (_, body) => {
    const [one, two] = await evaluated(body);
    expect(two.loss).toBeCloseTo(one.loss, 6);
    expect(Object.keys(two.metrics)).toEqual(Object.keys(one.metrics));
    for (const [name, v] of Object.entries(one.metrics)) expect(two.metrics[name]).toBeCloseTo(v, 6);
  });

  it("is refused where a loss is no such mean", async () => {
    await expect(evaluated(texts["examples against the largest of the batch"])).rejects.toThrow(/C0406|not a mean/);
    await expect(evaluated("loss sum(share, over batch) / (1 + sum(share, over batch))")).rejects.toThrow(/not a mean/);
  });
});

describe("what may not depend on the other examples", () => {
  it.each([
    ["an output", "loss 0 * share\ncentred = logits - mean(logits, over batch)\noutput centred"],
    ["an output after a scan", "loss 0 * share\ns = scan c(D, H) over x - mean(x, over batch)\noutput s"],
    ["an output of a function", "loss 0 * share\noutput softmax(logits) / sum(logits, over batch)"],
  ])("%s is refused, with both places", (_, body) => {
    const found = problemsOf(model(body));
    expect(codes(found)).toEqual(["C0223"]);
    expect(found[0].message).toContain("depends on the other examples of the batch");
    expect(found[0].notes?.map((n) => n.message)).toEqual(["reduced over the batch here"]);
  });

  it("a cell's step, with advice for models and norms", () => {
    const [found] = problemsOf(
      "cell c(H = 2) { input x : [H]\nstate h : [H] = 0\nh' = h + mean(x, over batch)\noutput h' }",
    );
    expect(found.code).toBe("C0223");
    expect(found.help).toMatch(/a loss or a metric/);
  });
});
