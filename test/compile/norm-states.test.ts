/** Norms with states of their own: they become states of the loop that their site is in. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { cellWith, codes, compile, leafNames, opsNamed, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";
import { withLengths } from "./with-lengths.ts";

const [D, H, B, T] = [3, 4, 3, 6];
const dims = { D, H };
const lengths = [6, 2, 4];

/** A norm whose result and state depend on all earlier steps. */
const averaged = `norm averaged(x, by = 0.5, first = 0.25) {
  param g : like x = by
  state past : like x = first
  past' = g * past + (1 - g) * x
  x - past' + past
}
`;

const texts = {
  "atn at a recurrent site and at one of inputs": cellWith(
    "site s = h @ Wh\nsite t = x @ Wx\nplace s : atn(k = 3)\nplace t : atn(k = 2, beta = none)",
    "tanh(s + t)",
  ),
  "a norm of one's own beside batch norm": `${averaged}${cellWith("site s = h @ Wh\nsite t = x @ Wx\nplace s : averaged\nplace t : batch", "tanh(s + t)")}`,
  "a norm in each round": `${averaged}fn f(s, i) {\nsite a = tanh(s)\na\n}\n${cellWith("r = iterate(f, 2, h)\nplace a : averaged(by = 0.3)", "tanh(r @ Wh + x @ Wx)")}`,
};
type Name = keyof typeof texts;
const study = (name: Name, more: Partial<ConstructorParameters<typeof Study>[1]> = {}): Study =>
  new Study(compile(texts[name]).graph, { dims, batch: B, time: T, ...more });
const names = Object.keys(texts) as Name[];

describe.each(names)("%s", (name) => {
  withLengths((more) => study(name, more), lengths);
});

describe.each([places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);
  it.each(names.slice(0, 2))("%s is the reference's", async (name) => {
    const errors = await study(name).targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

/** Layer norm of each step of xs [steps][units], whose mean and variance are over the units of the last k steps, in one go. */
function assorted(xs: readonly (readonly number[])[], k: number, eps: number): number[][] {
  return xs.map((x, t) => {
    const all = xs.slice(Math.max(0, t - k + 1), t + 1).flat();
    const m = all.reduce((a, b) => a + b) / all.length;
    const v = all.reduce((a, b) => a + (b - m) ** 2, 0) / all.length;
    return x.map((u) => (u - m) / Math.sqrt(v + eps));
  });
}

const overTime = (place: string): string => `model m(D = 3) {
  input x : [D] over time
  target y : [D] over time
  site s = x
  output s
  loss mse(s, y)
  place s : ${place}
}`;

describe("atn", () => {
  const example = (values: Float64Array, b: number): number[][] =>
    Array.from({ length: T }, (_, t) => [...values.subarray((t * B + b) * D, (t * B + b + 1) * D)]);

  it.each([2, 3, 9])("normalizes by the units of the last %i steps, in a loop of its own at a model's site", (k) => {
    const { graph } = compile(overTime(`atn(k = ${k}, gamma = none, beta = none, eps = 0.1)`));
    const checked = new Study(graph, { dims: { D }, batch: B, time: T });
    const [x, s] = [checked.numbers.x as Float64Array, checked.reference("train").get("output:s")!];
    for (let b = 0; b < B; b++)
      assorted(example(x, b), k, 0.1).forEach((row, t) => {
        row.forEach((v, i) => {
          expect(example(s, b)[t][i]).toBeCloseTo(v, 10);
        });
      });
    expect(checked.directionError()).toBeLessThan(tolerance.differences);
  });

  it("is layer norm in the first step", () => {
    const at = (norm: string) => {
      const { graph } = compile(overTime(`${norm}(gamma = none, beta = none, eps = 0.1)`));
      return new Study(graph, { dims: { D }, batch: B, time: 1 }).reference("infer").get("output:s")!;
    };
    at("atn").forEach((v, i) => {
      expect(v).toBeCloseTo(at("layer")[i], 12);
    });
  });
});

describe("the states of a norm", () => {
  const backend = opened(places.wasm);

  it("are states of the cell's loop, with parameters around it", () => {
    const { graph, sites } = compile(texts["a norm of one's own beside batch norm"]);
    expect(opsNamed(graph, "scan").map((op) => op.op === "scan" && op.attrs.states)).toEqual([2]);
    expect(leafNames(graph)).toContain("s/g");
    expect(sites.map(({ name, norm }) => [name, norm?.name])).toEqual([
      ["s", "averaged"],
      ["t", "batch"],
    ]);
  });

  it("are carried by a stream", async () => {
    const text = `${texts["atn at a recurrent site and at one of inputs"]}model m(D = 3, H = 4) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  site e = hs
  output e
  loss mse(e, y)
  place e : atn(k = 2)
}`;
    const options = { dims, batch: 2, time: T, path: "", entries: ["infer", "start", "step"] as const };
    const session = await Session.open(compileGraph(compile(text).graph, options, places.wasm.target), backend(), {
      seed: 1,
    });
    const x = Float32Array.from({ length: T * 2 * D }, (_, i) => Math.sin(i));
    const batch: Batch = { examples: 2, steps: T, inputs: { x, y: null } };
    const { e } = (await session.infer(batch)).outputs;
    const stream = await session.stream({ examples: 2 });
    for (let t = 0; t < T; t++) {
      const step = await stream.next({ x: x.subarray(t * 2 * D, (t + 1) * 2 * D) });
      step.e.forEach((v, i) => {
        expect(v).toBeCloseTo(e[t * 2 * H + i], 5);
      });
    }
    session.close();
  });

  it("run with a loop that is reversed", () => {
    const text = `${texts["a norm of one's own beside batch norm"]}model m(D = 3, H = 4) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x reverse
  output hs
  loss mse(hs, y)
}`;
    const study = new Study(compile(text).graph, { dims, batch: B, time: T, lengths });
    expect(study.directionError()).toBeLessThan(tolerance.differences);
  });

  it("are each scan's own where two share their weights, also the norm's", () => {
    const text = `${texts["a norm of one's own beside batch norm"].replace("place t : batch", "")}model m(D = 3, H = 4) {
  input x : [D] over time
  target y : [H] over time
  a = scan c(D, H) as enc over x
  b = scan enc over 2 * x
  output a
  loss mse(a + b, y)
}`;
    const { graph } = compile(text);
    expect(opsNamed(graph, "scan").map((op) => op.op === "scan" && op.attrs.states)).toEqual([2, 2]);
    const study = new Study(graph, { dims, batch: B, time: T });
    expect([...study.leaves.keys()].filter((name) => name.endsWith("/g"))).toEqual(["enc/s/g"]);
    expect(study.directionError()).toBeLessThan(tolerance.differences);
  });

  it.each([
    ["on a parameter", cellWith("place Wh : atn"), "a parameter is the same at all steps"],
    [
      "on a value of a whole sequence",
      "model m(D = 3) {\n  input x : [D]\n  site s = x\n  output s\n  place s : atn\n}",
      "this value does not vary over time",
    ],
  ])("are refused %s", (_, text, label) => {
    const found = problemsOf(text);
    expect(codes(found)).toEqual(["C0242"]);
    expect(found[0].label).toBe(label);
  });

  it.each([
    ["C0211", "a state without a next value", "state p : like x = 0\nx - p"],
    ["C0212", "a next value without a state", "state p : like x = 0\np' = x\nq' = x\nx - q'"],
    ["C0225", "a next value of another shape", "state p : [2] = 0\np' = x\nx"],
    ["C0242", "a statistic beside it", "state p : like x = 0\np' = x\nstat m = mean(x, over batch)\nx - m"],
    ["C0222", "a first value that depends on the step", "state p : like x = x\np' = x\nx - p"],
    ["C0204", "a first value of another shape", "param q : [2] = 0\nstate p : like x = q\np' = x\nx - p"],
  ])("%s for %s", (code, _, body) => {
    const text = `norm n(x) {\n${body}\n}\n${cellWith("site s = h @ Wh\nplace s : n", "tanh(s + x @ Wx)")}`;
    expect([...new Set(codes(problemsOf(text)))]).toEqual([code]);
  });
});
