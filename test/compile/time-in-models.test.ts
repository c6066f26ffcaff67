/** Delays, numbers of steps and the last steps: right by a formula, by differences, on all targets, ragged, in segments, streamed. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { withMeanAxes } from "../../compiler/proofs/mean-axes.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, B, T, W] = [3, 5, 6, 3];
const lengths = [6, 2, 4, 1, 3];

const cell = `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.3
  site xh = x @ Wx * (1 + 0.1 * step())
  h' = tanh(h @ Wh + xh)
  n = step()
  output h', n
  place xh : layer
}
`;

const text = `${cell}
model m(D = 3, H = 4, W = 3) {
  param V : [W, H] = xavier
  param E : [5, H] = xavier
  input x : [D] over time
  input w : index(5) over time
  target z : [H] over time
  hs, forward = scan c(D, H) over x
  rs, backward = scan c(D, H) over x reverse
  before = delay(hs, 2)
  after = delay(rs, -1)
  word = delay(w, 1)
  now = step()
  all = steps()
  recent = last(hs, W)
  latest = last(hs, 2)
  output hs, rs, forward, backward, before, after, word, now, all, recent, latest
  loss mse(before * after + embed(word, E), z * step() / steps()) + sum(V * recent, over feature) + mean(square(latest), over feature)
}
`;

const { graph, dims } = compile(text);
const study = (more: Partial<StudyOptions> = {}): Study =>
  new Study(graph, { dims, batch: B, time: T, seed: 4, ...more });

/** [T, B, …] moved by some steps, and 0 where an example has no such step; 0 after its last. */
function moved(xs: ArrayLike<number>, by: number, own: readonly number[]): Float64Array {
  const n = xs.length / T / B;
  return Float64Array.from(xs, (_, i) => {
    const [t, b, k] = [Math.floor(i / n / B), Math.floor(i / n) % B, i % n];
    const from = t - by;
    return t < own[b] && from >= 0 && from < own[b] ? xs[(from * B + b) * n + k] : 0;
  });
}

/** The last k steps of [T, B, n], oldest first: [B, k, n]. */
function latest(xs: ArrayLike<number>, k: number, own: readonly number[]): readonly number[] {
  const n = xs.length / T / B;
  return own.flatMap((steps, b) =>
    Array.from({ length: k * n }, (_, i) => {
      const t = steps - k + Math.floor(i / n);
      return t < 0 ? 0 : xs[(t * B + b) * n + (i % n)];
    }),
  );
}

const each = (own: readonly number[], of: (t: number, b: number) => number): Float64Array =>
  Float64Array.from({ length: T * B }, (_, i) => {
    const [t, b] = [Math.floor(i / B), i % B];
    return t < own[b] ? of(t, b) : 0;
  });

describe.each([undefined, lengths])("of sequences of lengths %s", (given) => {
  const own = given ?? Array<number>(B).fill(T);

  it("the reference is the formulas, with the gradients of differences", () => {
    const made = study({ lengths: given });
    for (const entry of ["train", "infer"] as const) {
      const found = (name: string) => made.reference(entry).get(`output:${name}`)!;
      const same = (name: string, truth: ArrayLike<number>): void =>
        expect(relativeError(found(name), truth), name).toBeLessThan(1e-12);
      same("before", moved(found("hs"), 2, own));
      same("after", moved(found("rs"), -1, own));
      const [word, words] = [found("word"), moved(made.numbers.w, 1, own)];
      words.forEach((index, i) => {
        if (Math.floor(i / B) < own[i % B]) expect(word[i]).toBe(index);
      });
      same(
        "now",
        each(own, (t) => t),
      );
      same(
        "forward",
        each(own, (t) => t),
      );
      same(
        "backward",
        each(own, (t, b) => own[b] - 1 - t),
      );
      same("all", own);
      same("recent", latest(found("hs"), W, own));
      same("latest", latest(found("hs"), 2, own));
    }
    expect(made.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    it("has the reference's numbers", async () => {
      const errors = await study({ lengths: given }).targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

it("delays longer than the sequences are 0", () => {
  const made = compile("model m(D = 2) { input x : [D] over time\na = delay(x, 9)\nb = delay(x, -9)\noutput a, b }");
  const found = new Study(made.graph, { dims: made.dims, batch: 2, time: 3, entries: ["infer"] }).reference("infer");
  for (const name of ["a", "b"]) expect([...found.get(`output:${name}`)!]).toEqual(Array(12).fill(0));
});

it("a delay is read where it is used: no loop, and no kernel of its own", () => {
  const kernels = (of: string): number => {
    const { graph, dims } = compile(
      `model m(D = 3) {\n input x : [D] over time\n target z : [D] over time\n param V : [D, D] = xavier\n a = tanh(x @ V)\n loss mse(square(${of}), z)\n}`,
    );
    const options = { dims, path: "main.cell", batch: 4, time: 8, entries: ["infer"] } as const;
    return compileGraph(graph, options, wasm).plan.kernels.length;
  };
  // What is delayed is stored, and so is what the loss sums up.
  expect(kernels("delay(a, 1)")).toBeLessThanOrEqual(kernels("a") + 2);
  expect(kernels("delay(a, 1) + delay(a, 2) + delay(a, 5)")).toBe(kernels("delay(a, 1)"));
});

describe.each([places.wasm])("in segments on $name", (place) => {
  const backend = opened(place);
  it.each([undefined, lengths])("has the reference's numbers, of lengths %s", async (own) => {
    const { graph, dims } = compile(`${cell}
model m(D = 3, H = 4) {
  input x : [D] over time
  target z : [H] over time
  hs, n = scan c(D, H) over delay(x, 1)
  loss mse(delay(hs, 3) + delay(hs, 1) + n, z * step())
}`);
    const options = { dims, batch: B, time: 12, seed: 5, lengths: own?.map((n) => 2 * n) };
    const made = cutInSegments((memory) => new Study(graph, { ...options, memory }), place.target, 12);
    const errors = await made.targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([places.wasm, places.wgsl, places.glsl])("step by step on $name", (place) => {
  const backend = opened(place);

  it("a stream carries what is delayed, and counts", async () => {
    const { graph, dims } = compile(`${cell}
model m(D = 3, H = 4) {
  input x : [D] over time
  hs, n = scan c(D, H) over delay(x, 1)
  late = delay(hs, 3) + delay(hs, 1)
  now = step()
  recent = last(hs, 3)
  output hs, n, late, now, recent
}`);
    const entries = ["infer", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, place.target);
    const session = await Session.open(made, backend(), { seed: 3 });
    const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
    const whole = (await session.infer({ steps: T, examples: B, inputs: { x } })).outputs;
    const stream = await session.stream();
    for (let again = 0; again < 2; again++) {
      const steps: Readonly<Record<string, Float32Array>>[] = [];
      for (let t = 0; t < T; t++) steps.push(await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) }));
      for (const name of ["hs", "n", "late", "now"])
        expect(
          relativeError(
            whole[name],
            steps.flatMap((s) => [...s[name]]),
          ),
          name,
        ).toBeLessThan(tolerance.forward);
      expect(relativeError(whole.recent, [...steps[T - 1].recent])).toBeLessThan(tolerance.forward);
      await stream.reset();
    }
    session.close();
  });
});

describe("a loss on some steps", () => {
  const model = (loss: string): string => `model m(D = 3) {
  param V : [D, D] = xavier
  input x : [D] over time
  target z : [D] over time
  w = step() >= 2
  e = mse(x @ V, z)
  loss ${loss}
}`;
  const overOf = (loss: string) =>
    withMeanAxes(compile(model(loss)).graph).results.find(({ kind }) => kind === "loss")?.over;

  it("is a mean over all steps, or over those of each example, and says so", () => {
    expect(overOf("where(w, e, 0)")).toBe("steps");
    expect(overOf("sum(w * e, over time) / max(1, sum(w, over time))")).toBe("examples");
    expect(overOf("e * step() / steps()")).toBe("steps");
    expect(overOf("delay(e, 1) + 0 * delay(e, -1)")).toBe("steps");
    expect(overOf("last(e, 2)")).toBe("examples");
  });

  const backend = opened(places.wasm);
  it.each(["where(w, e, 0)", "sum(w * e, over time) / max(1, sum(w, over time))", "delay(e, -1) * step() / steps()"])(
    "%s is the formula, however examples are grouped in batches",
    async (loss) => {
      const { graph, dims } = compile(model(loss));
      const options = { dims, path: "main.cell", time: T, ragged: true } as const;
      const session = await Session.open(compileGraph(graph, { ...options, batch: B }, wasm), backend(), { seed: 3 });
      await session.attach(compileGraph(graph, { ...options, batch: 1 }, wasm));
      const random = uniform(8);
      const [x, z] = [0, 1].map(() => Float32Array.from(sample(T * B * D, [-1, 1], random)));
      const together = { steps: T, examples: B, inputs: { x, z }, lengths };
      const of = (data: Float32Array, b: number): Float32Array =>
        Float32Array.from({ length: lengths[b] * D }, (_, i) => data[(Math.floor(i / D) * B + b) * D + (i % D)]);
      const apart = lengths.map((n, b) => ({ steps: n, examples: 1, inputs: { x: of(x, b), z: of(z, b) } }));
      const V = await session.read("V");
      const e = lengths.map((n, b) =>
        Array.from({ length: n }, (_, t) => {
          const at = (i: number): number => (t * B + b) * D + i;
          let sum = 0;
          for (let j = 0; j < D; j++) {
            let y = 0;
            for (let i = 0; i < D; i++) y += x[at(i)] * V[i * D + j];
            sum += (y - z[at(j)]) ** 2 / D;
          }
          return sum;
        }),
      );
      const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
      const truth = loss.startsWith("where")
        ? mean(e.flatMap((own) => own.map((v, t) => (t >= 2 ? v : 0))))
        : loss.startsWith("sum")
          ? mean(e.map((own) => own.slice(2).reduce((a, b) => a + b, 0) / Math.max(1, own.length - 2)))
          : mean(e.flatMap((own) => own.map((_, t) => ((own[t + 1] ?? 0) * t) / own.length)));
      expect((await session.evaluate([together])).loss).toBeCloseTo(truth, 5);
      expect((await session.evaluate(apart)).loss).toBeCloseTo(truth, 5);
      session.close();
    },
  );
});

describe("what has no such steps is refused:", () => {
  const inModel = (body: string, inputs = "input x : [2] over time"): string =>
    `${cell}norm n(x) { x * step() }\nmodel m(H = 4, W = 2) {\n ${inputs}\n input s : [2]\n input w : index(3) over time\n ${body}\n}`;
  it.each([
    ["a delay of one value", inModel("output delay(s, 1)"), "C0215", "`delay` needs a value that varies over time"],
    [
      "a delay by a part of a step",
      inModel("output delay(x, 0.5)"),
      "C0222",
      "`delay` counts steps, and the number 0.5 is no such count",
    ],
    ["a delay that is computed", inModel("output delay(x, s)"), "C0222", "this number must be known while compiling"],
    ["an index ahead", inModel("output delay(w, -1)"), "C0224", "an index cannot be read ahead"],
    [
      "the last no steps",
      inModel("output last(x, 0)"),
      "C0222",
      "`last` counts steps, and the number 0 is no such count",
    ],
    [
      "steps of a model without sequences",
      "model m() { input s : [2]\n output s * step() }",
      "C0215",
      "this model has no sequence whose steps could be counted",
    ],
    ["steps in a norm", inModel("site y = x\n output y\n place y : n"), "C0215", "`step()` has no meaning here"],
    [
      "the length in a cell",
      "cell d(D = 2) { input x : [D]\n state h : [D] = 0\n h' = x / steps()\n output h' }",
      "C0215",
      "`steps()` has no meaning here",
    ],
    [
      "the step of a first state",
      "cell d(D = 2) { input x : [D]\n state h : [D] = step()\n h' = x + h\n output h' }",
      "C0215",
      "`step()` has no meaning here",
    ],
  ])("%s", (_, text, code, message) => {
    const found = problemsOf(text).filter((d) => d.severity === "error");
    expect([codes(found), found[0]?.message]).toEqual([[code], message]);
  });

  it.each([
    ["delay(x, -1)", "is made of later steps"],
    ["x + embed(delay(w, 1), E)", "is an index, and a state holds numbers"],
    ["step() / steps() + mean(x, over feature)", "an output depends on the number of steps"],
  ])("a stream of %s", (y, why) => {
    const { graph, dims } = compile(
      `model m() {\n param E : [3, 2] = xavier\n input x : [2] over time\n input w : index(3) over time\n y = ${y}\n output y\n}`,
    );
    const compiled = () => compileGraph(graph, { dims, path: "main.cell", batch: 1, time: 3, entries: ["step"] }, wasm);
    expect(compiled).toThrow(why);
  });
});
