/** Parts of values, in a cell and in a model: whole, ragged, in segments, and step by step. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [5, 6, 5, 7];
const lengths = [7, 3, 5, 1, 2];

/** Gates by hand; a state whose halves are read apart; parts that no vector is aligned with, and single entries. */
const { graph, dims } = compile(`cell c(D = 5, H = 6) {
  param Wx : [D - 2, 3H] = xavier
  param Wh : [H / 2, 3H] = xavier
  param w  : [2, H] = uniform(0.5)
  input x : [D]
  state h : [H] = 0.1
  a = x[1:D - 1] @ Wx + h[H / 2:] @ Wh
  z = sigmoid(a[:H])
  h' = z * h * w[0] + (1 - z) * tanh(a[H:2H] + w[1, 3] * a[2H:] * x[D - 1])
  output h'
}
model m(D = 5, H = 6) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  rolled = concat(hs[1:], hs[:1])
  output rolled
  loss mse(rolled, y)
}
`);

const study = (more: Partial<StudyOptions> = {}): Study =>
  new Study(graph, { dims, batch: B, time: T, seed: 3, ...more });

it("its gradients are those of differences", () => {
  expect(study().directionError()).toBeLessThan(tolerance.differences);
});

describe.each(Object.values(places))("on $name", (place) => {
  const backend = opened(place);
  const variants: Readonly<Record<string, Partial<StudyOptions>>> = {
    whole: {},
    "in parts of the batch": { batch: 70, parts: 2, time: 2 },
    "of different lengths": { lengths },
    "in segments": { steps: 40, memory: 34_000 },
    "with half-precision residuals": { storage: "f16" },
  };
  // A shader compiler takes its time.
  const some = Object.keys(variants).filter((variant) => {
    if (variants[variant].storage === "f16") return place.target.machine.halves;
    return place.target === wasm || (place === places.glsl && variant === "of different lengths");
  });

  it.each(some)("%s it has the reference's numbers", async (variant) => {
    const made = study(variants[variant]);
    const errors = await made.targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(variants[variant].storage === "f16" ? tolerance.half : tolerance.gradient);
  });
});

it("with little memory it is cut in segments", () => {
  const { plan } = study({ steps: 40, memory: 34_000 }).compile(wasm, ["train"]);
  expect(plan.entries.train!.regions.work.segment?.length).toBeLessThan(40);
});

it("a stream gives what the whole sequence gives", async () => {
  const entries = ["infer", "start", "step"] as const;
  const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, wasm);
  const backend = await places.wasm.open();
  const session = await Session.open(made, backend, { seed: 3 });
  const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
  const whole = (await session.infer({ steps: T, examples: B, inputs: { x, y: null } })).outputs;
  const stream = await session.stream();
  const rolled: number[] = [];
  for (let t = 0; t < T; t++) rolled.push(...(await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) })).rolled);
  expect(rolled.length).toBe(T * B * H);
  expect(relativeError(whole.rolled, rolled)).toBeLessThan(tolerance.forward);
  session.close();
  backend.close();
});

describe("parts that only numbers show to end with the axis", () => {
  const made = compile(`cell c(D = 5, H = 6) {
  param Wx : [3, H] = xavier
  param Wh : [H, 2] = xavier
  input x : [D]
  state h : [H] = 0.1
  a, b = split(h @ Wh * h[5] + h[0:6][1], [1, 1])
  p, q = split(h, [4, 2])
  h' = tanh(x[2:5] @ Wx * a[0] + b[0] * concat(q, p)[:6][3])
  output h'
}
`);
  const ended = new Study(made.graph, { dims: made.dims, batch: B, time: T, seed: 3 });

  it("have the gradients of differences", () => {
    expect(ended.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each(Object.values(places))("on $name", (place) => {
    const backend = opened(place);
    it("and the reference's numbers", async () => {
      const errors = await ended.targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});
