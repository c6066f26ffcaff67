/** What a condition or padding cuts off never reaches a gradient, even if it is infinite or NaN. */
import { describe, expect, it } from "vitest";
import type { Graph, Leaf } from "../../compiler/ir/types.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T, B] = [3, 4, 3, 5];
const dims = { D, H };

/** Every fourth number of `x` is 0, where poles are; of `far`, it is 1000: e to that is beyond f32 and f64. */
function draw(leaf: Leaf, n: number, random: () => number): Float64Array | undefined {
  if (leaf.kind === "param") return Float64Array.from({ length: n }, () => 0.3 + random());
  if (leaf.kind !== "input") return undefined;
  const at = (i: number): number => {
    const drawn = 0.2 + random();
    // Two examples that are 0 altogether in the first step.
    if (i % 4 === 0 || i < 2 * D) return leaf.name === "far" ? 1000 : 0;
    return leaf.name === "x" && i % 5 === 1 ? -drawn : drawn;
  };
  return Float64Array.from({ length: n }, (_, i) => at(i));
}

const model = (body: string, before = ""): Graph =>
  compile(`${before}
model m(D = ${D}, H = ${H}) {
  input x : [D] over time
  input far : [D] over time
  param w : [D] = 1
  param V : [D, H] = 1
  u = w * x
  ${body}
}`).graph;

/** A loss in which every element of `z` has a slope of its own. */
const loss = (z: string): string => `loss sum(square(${z} - 0.3), over feature)`;

const cell = (statements: string, next: string): Graph =>
  model(
    `hs = scan c(D, H) over x\n${loss("hs")}`,
    `
cell c(D, H) {
  param Wx : [D, H] = 1
  param Wh : [H, H] = 1
  param g : [H] = 1
  input x : [D]
  state h : [H] = 0
  ${statements}
  h' = ${next}
  output h'
}`,
  );

const graphs: Readonly<Record<string, Graph>> = {
  log: model(loss("where(u > 0, log(u), 0)")),
  reciprocal: model(loss("where(u != 0, 1 / u, 0)")),
  quotient: model(loss("where(u != 0, w / u, w)")),
  root: model(loss("where(u > 0, sqrt(u), 0)")),
  "reciprocal root": model(loss("where(u > 0, rsqrt(u), 0)")),
  powers: model(loss("where(u > 0, u^1.5 + u^(-2) + u^(-0.5), 0)")),
  exponential: model(loss("where(far < 9, exp(w * far), w)")),
  "the other branch": model(loss("where(u <= 0, w, log(u))")),
  "conditions in conditions": model(loss("where(u > 0, where(u > 0.5, log(u), sqrt(u)), 0)")),
  "a maximum": model(loss("max(log(square(u)), -5) + min(1 / square(u), 3) + relu(2 - 1 / square(u))")),
  "used twice": model(`l = log(u)\n${loss("where(u > 0, l, 0) + where(u > 0.6, l * w, w)")}`),
  "one condition for a length": model(`n = sqrt(sum(square(u * (x > 0)), over feature))
  ${loss("where(n > 0, u / n, 0)")}`),
  "a condition each for a length": model(`n = sqrt(sum(square(relu(u)), over feature))
  ${loss("where(u > 0, u / n, w)")}`),
  "a product after it": model(`ok = sum(u > 0, over feature) > 2.5\n${loss("where(ok, log(u), 0) @ V")}`),
  "a product between": model(`ok = sum(u > 0, over feature) > 2.5\n${loss("where(ok, log(u) @ V, 1)")}`),
  parts: model(`a, b = split(concat(log(u), 1 / u), 2)\n${loss("where(u > 0, a * b, 0)")}`),
  "a state": cell("l = where(h > 0, log(h), g)", "relu(x @ Wx - 0.4 + 0.1 * l @ Wh)"),
  "what is outside of the loop": cell("a = relu(x @ Wx)", "tanh(where((a > 0) * (h > -2), log(a), g) + h @ Wh)"),
  "what a loop is given": cell("n = relu(sum(x, over feature))", "tanh(where(n > 0, g / n, h)) + 0.5 * h"),
};

const studies = keptForFile<string, Study>();
const study = (name: string): Study => {
  const known = studies.get(name) ?? new Study(graphs[name], { dims, batch: B, time: T, draw, seed: 3 });
  studies.set(name, known);
  return known;
};

describe("after conditions gradients are what differences show:", () => {
  it.each(Object.keys(graphs))("%s", (name) => {
    const params = study(name).differentiable.filter((leaf) => leaf !== "x" && leaf !== "far");
    expect(study(name).differenceError(params)).toBeLessThan(tolerance.differences);
  });
});

/** A shader compiler takes its time. */
const onGpu: readonly string[] = ["exponential", "parts", "what is outside of the loop"];

describe.each([places.wasm, places.relaxed, places.wgsl])(
  "after conditions $name computes as the reference:",
  (place) => {
    const backend = opened(place);
    it.each(place === places.wgsl ? onGpu : Object.keys(graphs))("%s", async (name) => {
      const errors = await study(name).targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  },
);

it("labels that are missing may be no numbers", () => {
  const graph = compile(`model m(D = ${D}) {
  input x : [D] over time
  input seen : [] over time
  target y : [] over time
  param w : [D] = 1
  z = sum(x * w, over feature)
  loss where(seen, square(z - y), 0)
}`).graph;
  const seen = (i: number): boolean => i % 3 !== 1;
  const some = (leaf: Leaf, n: number): Float64Array | undefined => {
    if (leaf.name === "seen") return Float64Array.from({ length: n }, (_, i) => Number(seen(i)));
    return leaf.name === "y" ? Float64Array.from({ length: n }, (_, i) => (seen(i) ? i / n : Number.NaN)) : undefined;
  };
  const found = new Study(graph, { dims: { D }, batch: B, time: T, draw: some });
  expect(found.differenceError(["w"])).toBeLessThan(tolerance.differences);
});

/** Scores of existing steps are `apart` from the 0 in padding, by more than an exponential can represent. */
const padded = (
  place: string,
  apart: number,
  more: { readonly time?: number; readonly memory?: number } = {},
): Study => {
  const { time = T } = more;
  const lengths = [time, 1, 2, time, 1];
  const { graph } = compile(`cell rnn(D, H) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  input far : []
  state h : [H] = 0
  site hh = h @ Wh
  site xh = x @ Wx
  ${place}
  h' = tanh(hh + xh)
  gate = exp(sum(h', over feature) + far - ${apart})
  output h', gate
}
model m(D = ${D}, H = ${H}) {
  input x : [D] over time
  input far : [] over time
  target y : [H] over time
  target z : [H]
  hs, gates = scan rnn(D, H) over x, far
  param v : [H] = 1
  e = sum(hs * v, over feature) + far
  a = exp(e - max(e, over time))
  w = a / sum(a, over time)
  n = log(exp(e - ${apart}))
  loss mse(sum(w * hs, over time), z) + mse(hs / (w + 1) + n * gates, y)
}`);
  const draw = (leaf: Leaf, n: number, random: () => number): Float64Array | undefined => {
    const isThere = (i: number): boolean => Math.floor(i / B) < lengths[i % B];
    if (leaf.name !== "far") return undefined;
    return Float64Array.from({ length: n }, (_, i) => (isThere(i) ? apart + random() : 0));
  };
  return new Study(graph, { dims, batch: B, time, lengths, draw, seed: 4, ...more });
};

const norms = { none: "", batch: "place hh, xh : batch", layer: "place hh : layer" };

describe("scores far from those of padding", () => {
  const backends = [places.wasm, places.wgsl].map(opened);

  // Beyond what e bears in f64.
  it.each(Object.entries(norms).flatMap(([norm, place]) => [-800, 800].map((apart) => ({ norm, place, apart }))))(
    "have gradients as differences show: $apart, $norm",
    ({ place, apart }) => {
      const made = padded(place, apart);
      const params = made.differentiable.filter((name) => !["x", "far", "y", "z"].includes(name));
      expect(made.differenceError(params)).toBeLessThan(tolerance.differences);
    },
  );

  // And in f32, which rounds larger ones too much.
  it.each(Object.entries(norms).flatMap(([norm, place]) => [-120, 120].map((apart) => ({ norm, place, apart }))))(
    "have the reference's on targets: $apart, $norm",
    async ({ norm, place, apart }) => {
      const made = padded(place, apart);
      for (const [i, { name, target }] of [places.wasm, places.wgsl].entries()) {
        if (target === places.wgsl.target && (norm !== "batch" || apart > 0)) continue;
        const errors = await made.targetErrors(target, backends[i](), ["train"]);
        expect(errors.forward, name).toBeLessThan(tolerance.forward);
        expect(errors.gradient, name).toBeLessThan(tolerance.gradient);
      }
    },
  );

  it("have the reference's where time is cut in segments, and cotangents go from one graph to another", async () => {
    const made = padded("", -120, { time: 40, memory: 51_000 });
    const { train } = made.compile(places.wasm.target).plan.entries;
    expect(train!.commands.map((c) => c.do)).toContain("segments");
    const errors = await made.targetErrors(places.wasm.target, backends[0](), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
