/**
 * Whatever reads along time, in batches whose examples have steps of their own, along one time axis and along several: each example has
 * the values, the loss and the gradients that the same program has of its steps alone, in a batch of one without any padding.
 */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { segmented } from "../../compiler/lower.ts";
import { runPieces } from "../passes/run-pieces.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T, B] = [2, 3, 6, 4];

const cells = `cell rnn(D = 2, H = 3) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0.2
  site xh = x @ Wx * (1 + 0.1 * step())
  h' = tanh(h @ Wh + xh)
  n = step()
  output h', n
}
cell attends(D = 2, S = 3, H = 3) {
  param U  : [S, H] = xavier
  param W  : [H, H] = xavier
  param v  : [H] = uniform(1)
  param Wx : [D, H] = xavier
  param Wc : [S, H] = xavier
  input x  : [D]
  input source : [S] over time
  state h : [H] = 0
  state cov : [] over time = 0.1
  a = softmax(tanh(source @ U + 0.3 + h @ W + cov) @ v, over time)
  cov' = cov + a
  m = mean(source + 1, over time) + max(source, over time)
  h' = tanh(h + x @ Wx + (sum(a * source, over time) + m) @ Wc)
  output h', a, cov'
}`;

/** What a model does with its sequences, what it returns, and its loss, which is a mean over the steps or over the examples. */
interface Feature {
  /** Whether there is a second time axis, `source`. */
  readonly two?: true;
  readonly body: string;
  readonly outputs: string;
  readonly loss: string;
  readonly over: "steps" | "source" | "examples";
  readonly place?: string;
}

const features: Readonly<Record<string, Feature>> = {
  "values of steps before": {
    body: "a = delay(tanh(x @ V), 2)\n  b = embed(delay(w, 1), E)",
    outputs: "a, b",
    loss: "mse(a + b, z)",
    over: "steps",
  },
  "values of later steps": {
    body: "a = delay(tanh(x @ V), -2) + delay(x @ V, -1)",
    outputs: "a",
    loss: "mse(a * a, z)",
    over: "steps",
  },
  "the number of a step, and of all": {
    body: "a = x @ V * step() / (1 + steps())\n  n = step()\n  all = steps()",
    outputs: "a, n, all",
    loss: "mse(a, z)",
    over: "steps",
  },
  "the number of a step in loops of both directions": {
    body: "f, n = scan rnn(D, H) over x\n  r, k = scan rnn(D, H) over x reverse",
    outputs: "f, n, r, k",
    loss: "mse(f + r, z)",
    over: "steps",
  },
  "the last steps": {
    // What is divided by a number that may be 0 has a derivative that may not be finite: cuts of cotangents go along.
    body: "f, n = scan rnn(D, H) over x * (step() / steps())\n  a = last(f, 3)\n  b = last(delay(f, 1))",
    outputs: "a, b, n",
    loss: "sum(mse(a, 0.3), over feature) + mse(b + first(f), y)",
    over: "examples",
  },
  "sums and convolutions over the steps so far": {
    body: "a = cumsum(tanh(x @ V))\n  b = conv(x, C, over time)\n  c = conv(x, P, dilation = 2, over time)",
    outputs: "a, b, c",
    loss: "mse(a + b, z) + mean(square(c), over feature)",
    over: "steps",
  },
  "attention that looks back": {
    body: "e = whole(x @ V + 0.1) @ (x @ V)\n  s = step()\n  a = softmax(where(whole(s) <= s, e, -1e9), over whole)\n  r = a @ whole(x @ V) + max(whole(x @ V), over whole)",
    outputs: "a, r",
    loss: "mse(r, z)",
    over: "steps",
  },
  "a cell that reads the whole sequence": {
    body: "f, n = scan rnn(D, H) over x\n  d, a, cov = scan attends(D, H, H) over x, f\n  r, _a, _c = scan attends(D, H, H) over x, f reverse",
    outputs: "d, a, cov, r, n",
    loss: "mse(d + r, z)",
    over: "steps",
  },
  "norms with states": {
    body: "f, n = scan rnn(D, H) over x\n  site u = x @ V",
    outputs: "f, u, n",
    loss: "mse(f + u, z)",
    over: "steps",
    place: "place xh : atn(2, eps = 0.1)\n  place u : atn(3, eps = 0.1)",
  },
  "first states, and shared weights": {
    body: "f, n = scan rnn(D, H) as enc over x\n  g, k = scan enc over x reverse from h = last(f)",
    outputs: "f, g, n, k",
    loss: "mse(enc.h + last(g), y)",
    over: "examples",
  },
  "states that begin anew": {
    body: "f, n = scan rnn(D, H) over x reset w == 0\n  r, k = scan rnn(D, H) over x reset w == 1 reverse",
    outputs: "f, n, r, k",
    loss: "mse(f + r, z)",
    over: "steps",
  },
  "states that begin anew along the other axis": {
    two: true,
    body: "f, n = scan rnn(D, H) over src reset src[0] > 0.3\n  r, k = scan rnn(D, H) over src reset src[0] > 0 reverse",
    outputs: "f, n, r, k",
    loss: "mse(f + r, t)",
    over: "source",
  },
  "means of weights over steps": {
    body: "m = step() >= 1\n  e = mse(x @ V, z)\n  a = sum(m * e, over time) / max(1, sum(m, over time))",
    outputs: "a",
    loss: "a + mean(square(softmax(x @ V, over time)), over (time, feature))",
    over: "examples",
  },
  "a decoder that reads another sequence": {
    two: true,
    body: "f, k = scan rnn(D, H) over src\n  d, a, cov = scan attends(D, H, H) over x, f\n  r, _a, _c = scan attends(D, H, H) over x, f reverse from h = last(f)",
    outputs: "d, a, cov, r, k",
    loss: "mse(d + r, z)",
    over: "steps",
  },
  "attention to another sequence, in the model": {
    two: true,
    body: "e = whole(src @ V + 0.1) @ (x @ V)\n  a = softmax(e, over whole)\n  r = a @ whole(src @ V) + mean(whole(src @ V + 1), over whole)",
    outputs: "a, r",
    loss: "mse(r, z)",
    over: "steps",
  },
  "everything along the other axis": {
    two: true,
    body: "f, n = scan rnn(D, H) over src\n  r, k = scan rnn(D, H) over src reverse\n  b = delay(f, 1) + delay(r, -1) + conv(src, C, over time) + cumsum(r)\n  late = src * step()\n  g, j = scan rnn(D, H) as dec over x from h = last(delay(f, 1))",
    outputs: "f, n, r, k, b, late, g, j",
    loss: "mse(b + 0.1 * late @ V, t)",
    over: "source",
  },
  "ends of both axes": {
    two: true,
    body: "f, n = scan rnn(D, H) over src\n  g, j = scan rnn(D, H) as dec over x from h = last(f)\n  ends = last(f, 2) + last(g, 2)",
    outputs: "n, j, ends",
    loss: "mse(dec.h + first(f) + last(conv(src, C, over time)) * steps(), y) + sum(mse(ends, 0.1), over feature)",
    over: "examples",
  },
};
type Name = keyof typeof features;
const names = Object.keys(features);

const textOf = ({ two, body, outputs, loss, place = "" }: Feature): string => `${cells}
model m(D = 2, H = 3) {
  param V : [D, H] = xavier
  param E : [5, H] = xavier
  param C : [3, D, H] = uniform(1)
  param P : [2, D] = uniform(1)
  input x : [D] over time
  input w : index(5) over time
  target z : [H] over time
  target y : [H]
  ${two ? "input src : [D] over time source\n  target t : [H] over time source" : ""}
  ${body}
  output ${outputs}
  loss ${loss}
  ${place}
}`;

const compiled = new Map<Name, Graph>();
const graphOf = (name: Name): Graph => {
  const known = compiled.get(name) ?? compile(textOf(features[name])).graph;
  compiled.set(name, known);
  return known;
};

/** Which steps each example has. */
type Rows = readonly string[];
const full: Rows = ["111111", "111111", "111111", "111111"];
const lengths: Rows = ["111111", "110000", "111000", "100000"];
const withEmpty: Rows = ["111100", "000000", "111111", "110000"];
const left: Rows = ["000111", "111111", "000001", "001111"];
const gaps: Rows = ["101101", "010010", "111011", "000000"];

const maskOf = (rows: Rows): readonly number[] =>
  Array.from({ length: T * B }, (_, i) => Number(rows[i % B][Math.floor(i / B)]));
const stepsOf = (row: string): readonly number[] => [...row].flatMap((has, t) => (has === "1" ? [t] : []));

interface Batch {
  readonly time: Rows;
  readonly source: Rows;
}

const batches: Readonly<Record<string, Batch>> = {
  full: { time: full, source: full },
  "of different lengths": { time: lengths, source: withEmpty },
  "with an empty sequence": { time: withEmpty, source: lengths },
  "with padding on the left": { time: left, source: gaps },
  "with gaps": { time: gaps, source: left },
};

/** Whether all examples have all steps. */
const isFull = ({ time, source }: Batch, two: boolean): boolean => time === full && (!two || source === full);

function studyOf(name: Name, batch: Batch, more: Partial<StudyOptions> = {}): Study {
  const two = features[name].two === true;
  const masked = !isFull(batch, two) && {
    mask: maskOf(batch.time),
    ...(two && { maskOver: { source: maskOf(batch.source) } }),
  };
  const lengthsOf = two && isFull(batch, two) && { lengths: Array<number>(B).fill(T) };
  return new Study(graphOf(name), { dims: { D, H }, batch: B, time: T, seed: 6, ...masked, ...lengthsOf, ...more });
}

/** Numbers [T, B, …] of one example at some steps. */
const rowsOf = (data: ArrayLike<number>, b: number, steps: readonly number[]): readonly number[] => {
  const n = data.length / T / B;
  return steps.flatMap((t) => Array.from({ length: n }, (_, i) => data[(t * B + b) * n + i]));
};

/** The program of one example alone, with its own steps and no others. */
function alone(name: Name, of: Study, batch: Batch, b: number): { readonly study: Study; readonly steps: number } {
  const two = features[name].two === true;
  const own = { time: stepsOf(batch.time[b]), source: stepsOf(batch.source[b]) };
  const counts = { time: own.time.length, source: two ? own.source.length : 0 };
  const steps = Math.max(1, counts.time, counts.source);
  const numbers = Object.fromEntries(
    [...of.leaves].flatMap(
      ([
        leaf,
        {
          leaf: { kind, ...rest },
          type,
        },
      ]) => {
        const data = of.numbers[leaf];
        if (kind === "param") return [[leaf, data]];
        if (kind !== "input" && kind !== "index") return [];
        if (!type.time) return [[leaf, Array.from(data).slice((b * data.length) / B, ((b + 1) * data.length) / B)]];
        const there = rowsOf(data, b, "axis" in rest && rest.axis === "source" ? own.source : own.time);
        const all = new Float64Array((steps * data.length) / T / B);
        all.set(there);
        return [[leaf, all]];
      },
    ),
  );
  const isWhole = counts.time === steps && (!two || counts.source === steps);
  const ends = !isWhole && {
    lengths: [counts.time],
    ...(two && { lengthsOver: { source: [counts.source] } }),
  };
  const options = { dims: { D, H }, batch: 1, time: steps, steps: T, numbers };
  return { study: new Study(graphOf(name), { ...options, ...ends }), steps };
}

describe.each(names)("%s", (name) => {
  const { two = false, over } = features[name];
  const axisOf = (of: Study, kind: string, key: string): keyof Batch => {
    const leaf = kind === "grad" ? of.leaves.get(key)?.leaf : undefined;
    const result = of.lowered.entries.train.results.find((r) => r.kind === kind && r.name === key);
    const axis = leaf && "axis" in leaf ? leaf.axis : result?.axis;
    return axis === "source" ? "source" : "time";
  };

  it.each(Object.keys(batches))("in batches %s, each example has what it has alone", (kind) => {
    const batch = batches[kind];
    const of = studyOf(name, batch);
    const found = of.reference("train");
    const singles = Array.from({ length: B }, (_, b) => alone(name, of, batch, b));
    const counted = batch[over === "source" ? "source" : "time"].map((row) => stepsOf(row).length);
    const all = counted.reduce((sum, n) => sum + n, 0);
    const weights = counted.map((n) => (over === "examples" ? 1 / B : n / all));
    const truths = singles.map(({ study }) => study.reference("train"));
    const total = (key: string): Float64Array => {
      const made = new Float64Array(truths[0].get(key)!.length);
      truths.forEach((truth, b) => {
        truth.get(key)!.forEach((v, i) => {
          made[i] += weights[b] * v;
        });
      });
      return made;
    };
    for (const [key, data] of found) {
      const [what, ...rest] = key.split(":");
      const id = rest.join(":");
      const isInput = what === "grad" && of.leaves.get(id)?.leaf.kind !== "param";
      if (what !== "output" && !isInput) {
        expect(relativeError(total(key), data), key).toBeLessThan(1e-10);
        continue;
      }
      const wanted = new Float64Array(data.length);
      const hasTime =
        what === "grad"
          ? of.leaves.get(id)!.type.time
          : of.lowered.entries.train.results.some((r) => r.kind === "output" && r.name === id && r.value.type.time);
      truths.forEach((truth, b) => {
        const own = truth.get(key)!.map((v) => (isInput ? weights[b] * v : v));
        const n = data.length / B / (hasTime ? T : 1);
        const steps = hasTime ? stepsOf(batch[axisOf(of, what, id)][b]) : [0];
        steps.forEach((t, k) => {
          wanted.set(own.subarray(k * n, (k + 1) * n), (hasTime ? t * B + b : b) * n);
        });
      });
      expect(relativeError(wanted, data), key).toBeLessThan(1e-10);
    }
  });

  it("with gaps, its gradients are those of differences", () => {
    expect(studyOf(name, batches["with gaps"]).directionError()).toBeLessThan(tolerance.differences);
  });

  describe("on wasm", () => {
    const backend = opened(places.wasm);
    it.each(two ? ["with gaps"] : ["with gaps", "with an empty sequence"])(
      "%s, it is the reference's",
      async (kind) => {
        const errors = await studyOf(name, batches[kind]).targetErrors(places.wasm.target, backend());
        expect(errors.forward).toBeLessThan(tolerance.forward);
        expect(errors.gradient).toBeLessThan(tolerance.gradient);
      },
    );
  });
});

describe.each([places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);
  it.each(["values of later steps", "a decoder that reads another sequence"])(
    "%s: it is the reference's",
    async (name) => {
      const errors = await studyOf(name, batches["with gaps"]).targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );
});

it.each(names)("%s: in segments of any length, it is the reference's", (name) => {
  const graph = graphOf(name);
  const lengths = [6, 2, 0, 5];
  const study = new Study(graph, { dims: { D, H }, batch: B, time: T, seed: 6, lengths, memory: 1 });
  const made = segmented(graph, { ragged: true }).train;
  // Nothing can be cut without a loop, or if one waits for the number of all steps.
  if (made === undefined) return expect(features[name].body).toMatch(/steps\(\)|^(?!.*scan)/s);
  for (const length of [2, 4]) {
    const dims = { D, H, batch: B, time: T, steps: T };
    const found = runPieces(made, length, { dims, leaves: study.numbers });
    for (const [key, truth] of study.reference("train"))
      if (/^(loss|output|grad):/.test(key))
        expect(relativeError(truth, found.get(key)!), `${key} ${length}`).toBeLessThan(1e-10);
  }
});

/** What no program says: a mistake that is the same in a batch and alone is none there. */
describe.each(["full", "of different lengths", "with gaps"])("by hand, in batches %s,", (kind) => {
  const batch = batches[kind];
  const own = (axis: keyof Batch, b: number): readonly number[] => stepsOf(batch[axis][b]);
  const dot = (a: readonly number[], b: ArrayLike<number>): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
  /** x @ W. */
  const times = (x: readonly number[], W: ArrayLike<number>): readonly number[] => {
    const m = W.length / x.length;
    return Array.from({ length: m }, (_, j) => x.reduce((sum, v, i) => sum + v * W[i * m + j], 0));
  };
  const added = (...of: readonly (readonly number[])[]): readonly number[] =>
    of[0].map((_, i) => of.reduce((sum, v) => sum + v[i], 0));
  const softmax = (e: readonly number[]): readonly number[] => {
    const all = e.map((v) => Math.exp(v - Math.max(...e)));
    const sum = all.reduce((p, q) => p + q, 0);
    return all.map((v) => v / sum);
  };
  /** The sum of rows by their weights. */
  const weighted = (a: readonly number[], rows: readonly (readonly number[])[], n: number): readonly number[] =>
    Array.from({ length: n }, (_, i) => a.reduce((sum, w, k) => sum + w * rows[k][i], 0));
  const over = (rows: readonly (readonly number[])[], n: number, of: (column: readonly number[]) => number) =>
    Array.from({ length: n }, (_, i) => (rows.length === 0 ? 0 : of(rows.map((row) => row[i]))));
  const mean = (v: readonly number[]): number => v.reduce((a, x) => a + x, 0) / v.length;

  /** The value of an output at the step of the batch. */
  const reader = (of: Study) => {
    const found = of.reference("infer");
    return (name: string, t: number, b: number): readonly number[] => rowsOf(found.get(`output:${name}`)!, b, [t]);
  };
  // Constants are rounded to f32.
  const same = (found: readonly number[], wanted: readonly number[], what: string): void =>
    expect(
      relativeError(
        Float64Array.from({ ...wanted, length: found.length }, (x) => x ?? 0),
        found,
      ),
      what,
    ).toBeLessThan(1e-8);

  it("a decoder weighs the steps of the source alone, and its coverage grows there", () => {
    const of = studyOf("a decoder that reads another sequence", batch);
    const at = reader(of);
    const p = (name: string): ArrayLike<number> => of.numbers[name];
    for (let b = 0; b < B; b++) {
      let e = Array<number>(H).fill(Math.fround(0.2)) as readonly number[];
      const source = own("source", b).map((t, k) => {
        const xh = times(rowsOf(p("src"), b, [t]), p("rnn/Wx")).map((v) => v * (1 + 0.1 * k));
        e = added(times(e, p("rnn/Wh")), xh).map(Math.tanh);
        return e;
      });
      let [h, cov]: [readonly number[], readonly number[]] = [Array(H).fill(0), source.map(() => 0.1)];
      for (const t of own("time", b)) {
        const hW = times(h, p("attends/W"));
        const scores = source.map((s, k) =>
          dot(
            times(s, p("attends/U")).map((u, i) => Math.tanh(u + 0.3 + hW[i] + cov[k])),
            p("attends/v"),
          ),
        );
        const a = softmax(scores);
        cov = added(cov, a);
        const m = added(
          over(source, H, (c) => mean(c) + 1),
          over(source, H, (c) => Math.max(...c)),
        );
        const read = added(weighted(a, source, H), m);
        const x = rowsOf(p("x"), b, [t]);
        h = added(h, times(x, p("attends/Wx")), times(read, p("attends/Wc"))).map(Math.tanh);
        same(at("d", t, b), h, `d ${b} ${t}`);
        same(at("a", t, b), a, `a ${b} ${t}`);
        same(at("cov", t, b), cov, `cov ${b} ${t}`);
      }
    }
  });

  it("attention in the model weighs the steps of the other sequence alone", () => {
    const of = studyOf("attention to another sequence, in the model", batch);
    const at = reader(of);
    const { V, src, x } = of.numbers;
    for (let b = 0; b < B; b++) {
      const rows = own("source", b).map((t) => rowsOf(src, b, [t]));
      const values = rows.map((row) => times(row, V));
      for (const t of own("time", b)) {
        const q = times(rowsOf(x, b, [t]), V);
        const a = softmax(values.map((v) => dot(v, q) + 0.1 * q.reduce((p, r) => p + r, 0)));
        same(at("a", t, b), a, `a ${b} ${t}`);
        const shifted = over(values, H, (column) => mean(column) + 1);
        same(at("r", t, b), added(weighted(a, values, H), shifted), `r ${b} ${t}`);
      }
    }
  });

  it("steps count those of their own axis, from either end", () => {
    const at = reader(studyOf("everything along the other axis", batch));
    const ends = reader(studyOf("ends of both axes", batch));
    const main = reader(studyOf("the number of a step, and of all", batch));
    for (let b = 0; b < B; b++) {
      const [source, time] = [own("source", b), own("time", b)];
      source.forEach((t, k) => {
        expect([at("n", t, b), at("k", t, b), ends("n", t, b)].flat()).toEqual([k, source.length - 1 - k, k]);
      });
      time.forEach((t, k) => {
        expect([at("j", t, b), main("n", t, b)].flat()).toEqual([k, k]);
      });
    }
  });

  it("values of other steps are those of the example's own", () => {
    const of = studyOf("values of later steps", batch);
    const at = reader(of);
    const { V, x } = of.numbers;
    for (let b = 0; b < B; b++) {
      const steps = own("time", b);
      const later = (k: number): readonly number[] =>
        steps[k] === undefined ? Array(H).fill(0) : times(rowsOf(x, b, [steps[k]]), V);
      steps.forEach((t, k) => {
        same(at("a", t, b), added(later(k + 2).map(Math.tanh), later(k + 1)), `${b} ${t}`);
      });
    }
  });
});
