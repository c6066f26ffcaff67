/**
 * Models of several time axes, each with steps and lengths of its own. Compared with a program written by hand, which computes one
 * example at a time from the steps that it has.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { segmented, streamed } from "../../compiler/lower.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { runPieces } from "../passes/run-pieces.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T, S, B] = [2, 3, 4, 6, 4];
const dims = { D, H };
const lengths = [4, 2, 0, 3];
const source = [2, 6, 3, 0];

const text = (place: string): string => `cell rnn(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0.2
  site xh = x @ Wx
  h' = tanh(h @ Wh + xh)
  output h'
}
cell reader(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x  : [D]
  input c  : [H]
  state h  : [H] = 0
  site xh = x @ Wx
  h' = tanh(h @ Wh + xh + c)
  output h'
}
model m(D = ${D}, H = ${H}) {
  input src : [D] over time source
  input tgt : [D] over time
  target y : [H] over time
  target z : [H] over time source
  target w : [H]
  es = scan rnn(D, H) over src
  bs = scan rnn(D, H) over src reverse
  ds = scan reader(D, H) over tgt, last(es) + mean(bs, over time)
  output es, ds
  loss mse(ds, y)
  loss mse(es + bs, z)
  loss mse(last(ds) + first(bs), w)
  metric decoded = mean(ds, over feature)
  metric encoded = mean(es, over feature)
  ${place}
}`;
const model = (place = ""): Graph => compile(text(place)).graph;

type Numbers = Readonly<Record<string, ArrayLike<number>>>;
type Vector = readonly number[];
const zeros: Vector = [0, 0, 0];
const add = (...of: readonly Vector[]): Vector => of[0].map((_, i) => of.reduce((sum, v) => sum + v[i], 0));
const apart = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0) / a.length;
const average = (v: Vector): number => v.reduce((sum, x) => sum + x, 0) / v.length;

/** Some of the examples, one by one. Inputs are [steps, B, …], with any number of steps that is enough. */
function byHand(numbers: Numbers, examples: readonly number[]) {
  const row = (name: string, at: number, width: number): Vector =>
    Array.from({ length: width }, (_, i) => numbers[name][at * width + i]);
  const matrix = (name: string, v: Vector): Vector =>
    zeros.map((_, j) => v.reduce((sum, x, i) => sum + x * numbers[name][i * H + j], 0));
  const run = (scope: string, x: readonly Vector[], first: Vector, c: Vector) => {
    const found: Vector[] = [];
    let h = first;
    for (const step of x) {
      h = add(matrix(`${scope}/Wh`, h), matrix(`${scope}/Wx`, step), c).map(Math.tanh);
      found.push(h);
    }
    return { found, last: h };
  };
  const start = zeros.map(() => 0.2);
  const outputs: { readonly es: readonly Vector[]; readonly ds: readonly Vector[] }[] = [];
  const sums = { y: 0, z: 0, w: 0, ds: 0, es: 0, target: 0, source: 0 };
  for (const b of examples) {
    const steps = (name: string, n: number, width: number): readonly Vector[] =>
      Array.from({ length: n }, (_, t) => row(name, t * B + b, width));
    const [n, s] = [lengths[b], source[b]];
    const src = steps("src", s, D);
    const es = run("rnn", src, start, zeros);
    const reversed = run("rnn_2", src.toReversed(), start, zeros);
    const bs = reversed.found.toReversed();
    const mean = s === 0 ? zeros : add(zeros, ...bs).map((x) => x / s);
    const ds = run("reader", steps("tgt", n, D), zeros, add(es.last, mean));
    steps("y", n, H).forEach((y, t) => {
      sums.y += apart(ds.found[t], y);
      sums.ds += average(ds.found[t]);
    });
    steps("z", s, H).forEach((z, t) => {
      sums.z += apart(add(es.found[t], bs[t]), z);
      sums.es += average(es.found[t]);
    });
    sums.w += apart(add(ds.last, reversed.last), row("w", b, H));
    sums.target += n;
    sums.source += s;
    outputs.push({ es: es.found, ds: ds.found });
  }
  return {
    outputs,
    loss: sums.y / sums.target + sums.z / sums.source + sums.w / examples.length,
    metrics: { decoded: sums.ds / sums.target, encoded: sums.es / sums.source },
  };
}

const everyone = lengths.map((_, b) => b);
/** The physical length is that of the longest axis. */
const options = { dims, batch: B, time: S, lengths, lengthsOver: { source }, seed: 3 };

describe("a model of two time axes", () => {
  const study = new Study(model(), options);
  const numbers = Object.fromEntries(Object.entries(study.numbers).map(([name, v]) => [name, Float64Array.from(v)]));
  const made = byHand(numbers, everyone);

  it.each(["train", "infer"] as const)("has the outputs and losses of each example's own steps: %s", (entry) => {
    const found = study.reference(entry);
    for (const name of ["es", "ds"] as const) {
      const wanted = Array.from(
        { length: S * B },
        (_, i) => made.outputs[i % B][name][Math.floor(i / B)] ?? zeros,
      ).flat();
      expect(relativeError(wanted, found.get(`output:${name}`)!), name).toBeLessThan(1e-12);
    }
    expect(found.get("loss:loss")![0]).toBeCloseTo(made.loss, 12);
    for (const [name, value] of Object.entries(made.metrics))
      expect(found.get(`metric:${name}`)![0], name).toBeCloseTo(value, 12);
  });

  it("has the gradients of that loss", () => {
    const found = study.reference("train");
    for (const name of study.differentiable) {
      const derived = found.get(`grad:${name}`)!;
      numbers[name].forEach((value, i) => {
        const at = (x: number): number => {
          numbers[name][i] = x;
          return byHand(numbers, everyone).loss;
        };
        const truth = (at(value + 1e-5) - at(value - 1e-5)) / 2e-5;
        numbers[name][i] = value;
        expect(derived[i], `${name} ${i}`).toBeCloseTo(truth, 7);
      });
    }
  });
});

it("a decoder begins with the encoder's last states, each example's own", () => {
  const { graph } = compile(`${text("").split("model m")[0]}model m(D = ${D}, H = ${H}) {
  input src : [D] over time source
  input tgt : [D] over time
  target y : [H] over time
  es = scan rnn(D, H) over src
  ds = scan rnn(D, H) as decoder over tgt from h = last(es)
  output ds
  loss mse(ds, y)
}`);
  const study = new Study(graph, options);
  const { numbers } = study;
  const found = study.reference("train").get("output:ds")!;
  const wanted = new Array<number>(S * B * H).fill(0);
  const matrix = (name: string, v: Vector): Vector =>
    zeros.map((_, j) => v.reduce((sum, x, i) => sum + x * numbers[name][i * H + j], 0));
  for (const b of everyone) {
    let h: Vector = zeros.map(() => Math.fround(0.2));
    const step = (scope: string, input: string, t: number): void => {
      const x = Array.from({ length: D }, (_, i) => numbers[input][(t * B + b) * D + i]);
      h = add(matrix(`${scope}/Wh`, h), matrix(`${scope}/Wx`, x)).map(Math.tanh);
    };
    for (let t = 0; t < source[b]; t++) step("rnn", "src", t);
    for (let t = 0; t < lengths[b]; t++) {
      step("decoder", "tgt", t);
      for (const [i, v] of h.entries()) wanted[(t * B + b) * H + i] = v;
    }
  }
  expect(relativeError(wanted, found)).toBeLessThan(1e-6);
  expect(study.directionError()).toBeLessThan(1e-6);
});

const norms = ["place xh : batch(eps = 0.1)", "place xh : sequence", "place xh : batch(eps = 0.1, stats = shared)"];

it.each(norms)("with norms, the derived gradients are what differences show: %s", (place) => {
  expect(new Study(model(place), options).differenceError()).toBeLessThan(tolerance.differences);
});

describe.each([places.wasm, places.wgsl, places.glsl])("on $name all results are the reference's", (place) => {
  const backend = opened(place);
  it.each(place === places.wasm ? ["", ...norms] : [norms[0]])("%s", async (norm) => {
    const entries = place === places.wasm ? undefined : (["train"] as const);
    const errors = await new Study(model(norm), options).targetErrors(place.target, backend(), entries);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

it("is the same in segments of any length", () => {
  const graph = model();
  const study = new Study(graph, { ...options, memory: 1 });
  const { pieces, ...kept } = segmented(graph).train!;
  expect(pieces.some(({ loop }) => loop === "backward")).toBe(true);
  for (const length of [2, 4]) {
    const leaves = study.numbers;
    const found = runPieces({ pieces, ...kept }, length, { dims: { ...dims, batch: B, time: S, steps: S }, leaves });
    for (const [name, truth] of study.reference("train"))
      if (/^(loss|metric|output|grad):/.test(name))
        expect(relativeError(truth, found.get(name)!), name).toBeLessThan(1e-10);
  }
});

describe("a session", () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await places.wasm.open();
  });
  afterAll(() => backend.close());

  const random = uniform(9);
  const drawn = (n: number): Float32Array => Float32Array.from(sample(n, [-1, 1], random));
  const all = {
    src: drawn(S * B * D),
    tgt: drawn(T * B * D),
    y: drawn(T * B * H),
    z: drawn(S * B * H),
    w: drawn(B * H),
  };
  /** The batch of some examples, whose longest axis is not always the same. */
  const batchOf = (examples: readonly number[], [t, s]: readonly [number, number] = [T, S]): Batch => {
    const part = (data: Float32Array, steps: number, width: number): Float32Array =>
      Float32Array.from({ length: steps * examples.length * width }, (_, i) => {
        const [step, e] = [Math.floor(i / width / examples.length), Math.floor(i / width) % examples.length];
        return data[(step * B + examples[e]) * width + (i % width)];
      });
    return {
      inputs: {
        src: part(all.src, s, D),
        tgt: part(all.tgt, t, D),
        y: part(all.y, t, H),
        z: part(all.z, s, H),
        w: part(all.w, 1, H),
      },
      steps: t,
      examples: examples.length,
      lengths: { time: examples.map((e) => lengths[e]), source: examples.map((e) => source[e]) },
    };
  };
  const executable = (batch: number, place = "") =>
    compileGraph(model(place), { dims, batch, time: S, path: "main.cell" }, places.wasm.target);
  const parameters = async (session: Session): Promise<Numbers> => ({
    ...all,
    ...Object.fromEntries(
      await Promise.all(
        ["rnn", "rnn_2", "reader"]
          .flatMap((scope) => [`${scope}/Wx`, `${scope}/Wh`])
          .map(async (name) => [name, await session.read(name)] as const),
      ),
    ),
  });

  it("takes steps and lengths for each axis, and returns outputs of its own number of steps", async () => {
    const session = await Session.open(executable(B), backend, { seed: 1 });
    const truth = byHand(await parameters(session), everyone);
    const { outputs, loss, metrics } = await session.infer(batchOf(everyone));
    const wanted = (name: "es" | "ds", steps: number): readonly number[] =>
      Array.from({ length: steps * B }, (_, i) => truth.outputs[i % B][name][Math.floor(i / B)] ?? zeros).flat();
    expect(relativeError(wanted("es", S), outputs.es)).toBeLessThan(1e-5);
    expect(relativeError(wanted("ds", T), outputs.ds)).toBeLessThan(1e-5);
    expect(loss).toBeCloseTo(truth.loss, 5);
    expect(metrics.encoded).toBeCloseTo(truth.metrics.encoded, 5);
    // Masks say the same.
    const has = (own: readonly number[], steps: number) =>
      Array.from({ length: steps * B }, (_, i) => Math.floor(i / B) < own[i % B]);
    const { lengths: _, ...plain } = batchOf(everyone);
    const masked = { ...plain, mask: { time: has(lengths, T), source: { data: has(source, S), shape: [S, B] } } };
    expect((await session.infer(masked)).loss).toBe(loss);
    const before = (await session.train(batchOf(everyone), { lr: 0.01 })).loss;
    expect(before).toBe(loss);
    session.close();
  });

  it("evaluates batches as one of all their examples, whichever axis is longer", async () => {
    const session = await Session.open(executable(B), backend, { seed: 1 });
    await session.attach(executable(2));
    const truth = byHand(await parameters(session), everyone);
    const found = await session.evaluate([batchOf([0, 3], [4, 2]), batchOf([1, 2], [2, 6])]);
    expect(found.loss).toBeCloseTo(truth.loss, 5);
    expect(found.metrics.decoded).toBeCloseTo(truth.metrics.decoded, 5);
    expect(found.metrics.encoded).toBeCloseTo(truth.metrics.encoded, 5);
    session.close();
  });

  it("estimates the statistics of each axis from its own steps, however examples are grouped", async () => {
    const place = "place xh : batch(stats = shared)";
    const session = await Session.open(executable(B, place), backend, { seed: 1 });
    await session.attach(executable(2, place));
    await session.estimate([batchOf(everyone)], { variance: "total" });
    const [src, tgt] = [await session.read("rnn/xh/v"), await session.read("reader/xh/v")];
    await session.estimate([batchOf([0, 3], [4, 2]), batchOf([1, 2], [2, 6])], { variance: "total" });
    expect(relativeError([...src], await session.read("rnn/xh/v"))).toBeLessThan(1e-4);
    expect(relativeError([...tgt], await session.read("reader/xh/v"))).toBeLessThan(1e-4);
    const restored = await Session.open(executable(B, place), backend, { seed: 2, state: await session.state() });
    expect((await restored.infer(batchOf(everyone))).loss).toBe((await session.infer(batchOf(everyone))).loss);
    expect((await restored.state()).counters).toEqual((await session.state()).counters);
    session.close();
    restored.close();
  });

  it.each<readonly [string, Partial<Batch>, RegExp]>([
    ["lengths of no axis", { lengths }, /time axes `time`, `source`, and `lengths` is not said for each/],
    ["a mask of no axis", { mask: new Uint8Array(T * B) }, /`mask` is not said for each/],
    ["lengths of another axis", { lengths: { s: [1] } }, /no time axis `s`/],
    ["lengths beyond the axis", { lengths: { time: [5, 0, 0, 0] } }, /the sequences of `time` has 0 to 4 steps, not 5/],
    ["both", { mask: { time: new Uint8Array(T * B) } }, /`lengths` of `time` or a `mask`, not both/],
    ["inputs that do not fit", { inputs: { ...all, z: drawn(H * B) } }, /`z` is \[6, 4, 3\]/],
  ])("refuses %s", async (_, wrong, message) => {
    const session = await Session.open(executable(B), backend, { seed: 1 });
    await expect(session.train({ ...batchOf(everyone), ...wrong }, { lr: 0.1 })).rejects.toThrow(message);
    session.close();
  });
});

describe("in the language", () => {
  it("steps of different axes cannot be combined", () => {
    const wrong = `model m(D = 2) {
  input a : [D] over time s
  input b : [D] over time
  output last(a + b)
}`;
    const problems = problemsOf(wrong);
    expect(codes(problems)).toEqual(["C0240"]);
    expect(problems[0].message).toMatch(/`s` and `time`/);
    expect(problems[0].notes?.length).toBe(2);
  });

  it("a single axis is the main one, whatever it is called", () => {
    const { graph } = compile("model m(D = 2) {\n  input a : [D] over time s\n  output last(a)\n}");
    expect(graph.ops.some((op) => op.op === "leaf" && "axis" in op.attrs.leaf)).toBe(false);
  });

  it("a stream is refused where an output needs another axis", () => {
    const made = streamed(model());
    expect("refused" in made && made.refused).toMatch(/`src`, whose time axis `source`/);
  });
});

describe("a model whose time axes all have names", () => {
  const backend = opened(places.wasm);
  const { graph } = compile(`${text("").split("model m")[0]}model named(D = ${D}, H = ${H}) {
  input src : [D] over time source
  input tgt : [D] over time answer
  target y : [H] over time answer
  es = scan rnn(D, H) over src
  site e = last(es)
  ds = scan rnn(D, H) over tgt from h = e
  output es, ds
  loss mse(ds, y)
  place e : batch(gamma = 1, eps = 0.1)
}`);
  const executable = compileGraph(graph, { dims, batch: B, time: S, path: "main.cell" }, places.wasm.target);
  const drawn = (n: number): Float32Array => Float32Array.from(sample(n, [-1, 1], uniform(4)));
  const inputs = { src: drawn(S * B * D), tgt: drawn(T * B * D), y: drawn(T * B * H) };
  const batch = { inputs, examples: B, lengths: { answer: lengths, source } };
  const open = () => Session.open(executable, backend(), { seed: 1 });

  it("needs no number of steps, and takes the right one", async () => {
    const session = await open();
    expect((await session.train(batch, { lr: 0.01 })).loss).toBeGreaterThan(0);
    const { loss, outputs } = await session.infer(batch);
    expect([outputs.es.length, outputs.ds.length]).toEqual([S * B * H, T * B * H]);
    expect((await session.infer({ ...batch, steps: S })).loss).toBe(loss);
    await expect(session.infer({ ...batch, steps: T })).rejects.toThrow(/`steps` is 4, and the longest inputs have 6/);
    await expect(session.infer({ inputs } as unknown as Batch)).rejects.toThrow(
      /needs `inputs`, `steps` and `examples`/,
    );
    session.close();
  });

  it("has lengths and masks of those axes alone", async () => {
    const session = await open();
    await expect(session.train({ ...batch, lengths: { time: lengths } }, { lr: 0.01 })).rejects.toThrow(
      /no time axis `time`/,
    );
    await expect(session.train({ ...batch, lengths }, { lr: 0.01 })).rejects.toThrow(
      /time axes `source`, `answer`, and `lengths` is not said for each/,
    );
    session.close();
  });

  it("counts an example in statistics that have no time if it has a step on any axis", async () => {
    const session = await open();
    const none = [0, 0, 0, 0];
    const only = (b: number): readonly number[] => none.map((_, i) => Number(i === b));
    const means = async (own: { readonly source: readonly number[]; readonly answer: readonly number[] }) => {
      await session.estimate([{ ...batch, lengths: own }], { variance: "total" });
      return session.read("e/m");
    };
    // The first state, 0.2, is also the last of no steps.
    expect(await means({ source: none, answer: [1, 0, 2, 0] })).toEqual(new Float32Array(H).fill(0.2));
    const [one, two] = [
      await means({ source: only(1), answer: only(2) }),
      await means({ source: only(1), answer: only(1) }),
    ];
    one.forEach((m, i) => {
      expect(m).toBeCloseTo((two[i] + 0.2) / 2, 5);
    });
    session.close();
  });
});
