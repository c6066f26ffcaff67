/**
 * Sequences that lack steps: empty ones, gaps, and padding on the left. Compared with a program written by hand, which computes one
 * example at a time from the steps that it has.
 */

import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T, B] = [2, 3, 6, 5];
const dims = { D, H };

/** Which steps each example has: all; the last ones; some, with gaps; none; the first. */
const rows = ["111111", "000111", "010110", "000000", "110000"];
const mask = Array.from({ length: T * B }, (_, i) => Number(rows[i % B][Math.floor(i / B)]));
const stepsOf = (b: number): readonly number[] => [...rows[b]].flatMap((has, t) => (has === "1" ? [t] : []));

const model = (place: string): Graph =>
  compile(`cell rnn(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param h0 : [H] = 0.3
  input x  : [D]
  state h  : [H] = h0
  state n  : [] = 0
  site hh = h @ Wh
  site xh = x @ Wx
  n' = n + 1
  h' = tanh(hh + xh + 0.1 * n')
  output h'
}
model m(D = ${D}, H = ${H}) {
  input x  : [D] over time
  target y : [H] over time
  target z : [H]
  f = scan rnn(D, H) over x
  r = scan rnn(D, H) over x reverse
  sums = cumsum(f)
  begin = first(r)
  end = last(f)
  middle = first(sums)
  average = mean(r, over time)
  most = max(f, over time)
  e = exp(sum(f, over feature) - stop(max(sum(f, over feature), over time)))
  attended = sum(e / sum(e, over time) * r, over time)
  output f, r, sums, begin, end, middle, average, most, attended
  loss mse(f + r, y)
  loss mse(end + begin + last(r) + first(f) + average + most + attended + middle + last(sums), z)
  metric steps = mean(f, over feature)
  ${place}
}`).graph;

type Numbers = Readonly<Record<string, ArrayLike<number>>>;
type Vector = readonly number[];

const add = (...of: readonly Vector[]): Vector => of[0].map((_, i) => of.reduce((sum, v) => sum + v[i], 0));
const zeros: Vector = [0, 0, 0];
const square = (v: Vector): number => v.reduce((sum, x) => sum + x * x, 0);

interface Made {
  /** By their names: [T, B, H] or [B, H]. */
  readonly outputs: Readonly<Record<string, number[]>>;
  readonly loss: number;
  readonly metric: number;
}

/** The model without norms, example by example and without the steps that are missing. */
function byHand(numbers: Numbers): Made {
  const timed = ["f", "r", "sums"];
  const plain = ["begin", "end", "middle", "average", "most", "attended"];
  const outputs = Object.fromEntries([
    ...timed.map((name) => [name, new Array<number>(T * B * H).fill(0)]),
    ...plain.map((name) => [name, new Array<number>(B * H).fill(0)]),
  ]) as Record<string, number[]>;
  const row = (name: string, at: number, width: number): Vector =>
    Array.from({ length: width }, (_, i) => numbers[name][at * width + i]);
  const matrix = (name: string, v: Vector): Vector =>
    zeros.map((_, j) => v.reduce((sum, x, i) => sum + x * numbers[name][i * H + j], 0));
  const run = (scope: string, steps: readonly number[], b: number) => {
    const first = row(`${scope}/h0`, 0, H);
    const found = new Map<number, Vector>();
    let h = first;
    steps.forEach((t, n) => {
      const x = row("x", t * B + b, D);
      h = add(matrix(`${scope}/Wh`, h), matrix(`${scope}/Wx`, x)).map((a) => Math.tanh(a + 0.1 * (n + 1)));
      found.set(t, h);
    });
    return { first, found, last: h };
  };
  let [count, each, ends, sum] = [0, 0, 0, 0];
  for (let b = 0; b < B; b++) {
    const steps = stepsOf(b);
    const none = steps.length === 0;
    const f = run("rnn", steps, b);
    const r = run("rnn_2", steps.toReversed(), b);
    const own = (of: ReadonlyMap<number, Vector>): readonly Vector[] => steps.map((t) => of.get(t)!);
    const sums = new Map<number, Vector>();
    let total = zeros;
    for (const t of steps) {
      total = add(total, f.found.get(t)!);
      sums.set(t, total);
    }
    const scores = own(f.found).map((h) => Math.exp(h.reduce((a, x) => a + x, 0)));
    const all = scores.reduce((a, s) => a + s, 0);
    const values: Readonly<Record<string, Vector>> = {
      begin: r.last,
      end: f.last,
      middle: none ? zeros : sums.get(steps[0])!,
      average: none ? zeros : add(zeros, ...own(r.found)).map((x) => x / steps.length),
      most: none ? zeros : zeros.map((_, i) => Math.max(...own(f.found).map((h) => h[i]))),
      attended: add(zeros, ...own(r.found).map((h, k) => h.map((x) => (x * scores[k]) / all))),
    };
    const put = (name: string, at: number, v: Vector): void => {
      for (const [i, x] of v.entries()) outputs[name][at * H + i] = x;
    };
    for (const name of plain) put(name, b, values[name]);
    for (const t of steps) {
      put("f", t * B + b, f.found.get(t)!);
      put("r", t * B + b, r.found.get(t)!);
      put("sums", t * B + b, sums.get(t)!);
      const y = row("y", t * B + b, H);
      each +=
        square(
          add(
            f.found.get(t)!,
            r.found.get(t)!,
            y.map((x) => -x),
          ),
        ) / H;
      sum += f.found.get(t)!.reduce((a, x) => a + x, 0) / H;
      count++;
    }
    const lastOf = none ? r.first : r.found.get(steps.at(-1)!)!;
    const firstOf = none ? f.first : f.found.get(steps[0])!;
    const z = row("z", b, H).map((x) => -x);
    ends += square(add(...Object.values(values), lastOf, firstOf, total, z)) / H;
  }
  return { outputs, loss: each / count + ends / B, metric: sum / count };
}

const study = (place: string, more: Partial<ConstructorParameters<typeof Study>[1]> = {}): Study =>
  new Study(model(place), { dims, batch: B, time: T, mask, seed: 5, ...more });

describe("sequences that are empty, have gaps or begin late", () => {
  const plain = study("");
  const numbers = Object.fromEntries(Object.entries(plain.numbers).map(([name, v]) => [name, Float64Array.from(v)]));
  const made = byHand(numbers);

  it.each(["train", "infer"] as const)("have the outputs and losses of their own steps alone: %s", (entry) => {
    const found = plain.reference(entry);
    for (const [name, truth] of Object.entries(made.outputs))
      expect(relativeError(truth, found.get(`output:${name}`)!), name).toBeLessThan(1e-10);
    expect(found.get("loss:loss")![0]).toBeCloseTo(made.loss, 10);
    expect(found.get("metric:steps")![0]).toBeCloseTo(made.metric, 10);
  });

  it("have the gradients of that loss", () => {
    const found = plain.reference("train");
    for (const name of plain.differentiable) {
      const derived = found.get(`grad:${name}`)!;
      const step = 1e-5;
      numbers[name].forEach((value, i) => {
        const at = (x: number): number => {
          numbers[name][i] = x;
          return byHand(numbers).loss;
        };
        const truth = (at(value + step) - at(value - step)) / (2 * step);
        numbers[name][i] = value;
        expect(derived[i], `${name} ${i}`).toBeCloseTo(truth, 6);
      });
    }
  });
});

const norms = {
  none: "",
  batch: "place hh, xh : batch",
  shared: "place hh, xh : batch(stats = shared)",
  sequence: "place xh : sequence",
  renorm: "place xh, hh : batch_renorm(r_max = 2, d_max = 1)",
};

describe("with norms, the derived gradients are what differences show", () => {
  // With few examples a norm is too curved for differences, unless ε is large. They do not know what has no gradient on purpose.
  const smooth = [
    norms.none,
    "place hh, xh : batch(eps = 0.1)",
    "place hh, xh : batch(eps = 0.1, stats = shared)",
    norms.sequence,
  ];
  it.each(smooth)("%s", (place) => {
    expect(study(place).differenceError()).toBeLessThan(tolerance.differences);
  });
});

describe.each([places.wasm, places.wgsl, places.glsl])("on $name all results are the reference's", (place) => {
  const backend = opened(place);
  const some = place === places.wasm ? Object.keys(norms) : ["batch"];
  it.each(some)("%s", async (name) => {
    const made = study(norms[name as keyof typeof norms]);
    const entries = place === places.wasm ? undefined : (["train"] as const);
    const errors = await made.targetErrors(place.target, backend(), entries);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("statistics", () => {
  it("are over the examples that have so many steps, and over the steps that exist", () => {
    const made = study("place xh : batch(eps = 0)");
    const { numbers } = made;
    const found = made.reference("train");
    const xh = (t: number, b: number, j: number): number =>
      [0, 1].reduce((sum, i) => sum + numbers.x[(t * B + b) * D + i] * numbers["rnn/Wx"][i * H + j], 0);
    const m = found.get("batch_stat:rnn/xh/m")!;
    const v = found.get("batch_stat:rnn/xh/v")!;
    for (let t = 0; t < T; t++) {
      // The steps of a row are equally far from each example's first one.
      const there = rows.flatMap((_, b) => (t < stepsOf(b).length ? [b] : []));
      const at = (b: number, j: number): number => xh(stepsOf(b)[t], b, j);
      // Elsewhere the last step of two examples stands in for the second one.
      if (there.length < 2) break;
      for (let j = 0; j < H; j++) {
        const mean = there.reduce((sum, b) => sum + at(b, j), 0) / there.length;
        const variance = there.reduce((sum, b) => sum + (at(b, j) - mean) ** 2, 0) / there.length;
        expect(m[t * H + j]).toBeCloseTo(mean, 12);
        expect(v[t * H + j]).toBeCloseTo(variance, 12);
      }
    }
    const all = study("place xh : sequence");
    const mean = all.reference("train").get("batch_stat:rnn/xh/m")!;
    const own = all.numbers;
    for (let j = 0; j < H; j++) {
      let [sum, n] = [0, 0];
      for (let b = 0; b < B; b++)
        for (const t of stepsOf(b)) {
          sum += [0, 1].reduce((s, i) => s + own.x[(t * B + b) * D + i] * own["rnn/Wx"][i * H + j], 0);
          n++;
        }
      expect(mean[j]).toBeCloseTo(sum / n, 12);
    }
  });

  it("of a value without time leave out the examples that have no step", () => {
    const { graph } = compile(`model m(D = ${D}) {
  input x : [D] over time
  input s : [D]
  target z : [D]
  site a = s
  output a
  loss mse(a + last(cumsum(x)), z)
  place a : batch
}`);
    const made = new Study(graph, { dims: { D }, batch: B, time: T, mask, seed: 5 });
    const mean = made.reference("train").get("batch_stat:a/m")!;
    for (let j = 0; j < D; j++) {
      const there = rows.flatMap((row, b) => (row.includes("1") ? [made.numbers.s[b * D + j]] : []));
      expect(mean[j]).toBeCloseTo(there.reduce((a, b) => a + b, 0) / there.length, 12);
    }
  });
});

it("a batch without any step has no gradient that is not a number", () => {
  const made = study("place hh, xh : batch", { mask: mask.map(() => 0) });
  for (const [name, data] of made.reference("train")) expect(data.every(Number.isFinite), name).toBe(true);
});

it("such sequences train with less memory, too", async () => {
  const backend = await places.wasm.open();
  const steps = 40;
  const long = Array.from({ length: steps * B }, (_, i) => Number(rows[i % B][Math.floor(i / B) % T]));
  const made = study("place hh : batch", { time: steps, mask: long, memory: 88_000 });
  expect(made.compile(places.wasm.target).plan.entries.train!.commands.map((c) => c.do)).toContain("segments");
  const errors = await made.targetErrors(places.wasm.target, backend, ["train"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
  await backend.close();
});
