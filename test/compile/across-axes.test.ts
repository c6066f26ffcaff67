/**
 * Losses that reduce over the batch, of values along several time axes, in batches whose examples lack steps on each. The loss is
 * computed by hand of what the model returns for each example, gradients are compared with differences, and several batches with one.
 */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, K, T, B] = [2, 3, 3, 5, 6];
const dims = { D, H, K };

const textOf = (body: string): string => `cell rnn(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0.2
  h' = tanh(h @ Wh + x @ Wx)
  output h'
}
model m(D = ${D}, H = ${H}, K = ${K}) {
  input src : [D] over time source
  input x   : [D] over time answer
  target y : index(K)
  target u : index(K) over time source
  target z : index(K) over time answer
  target v : [] over time source
  target w : [] over time answer
  param V : [H, K] = xavier
  es = scan rnn(D, H) over src
  ds = scan rnn(D, H) over x from h = last(es)
  output es, ds
  ${body}
}`;

type Vector = readonly number[];

/** What the model returns for an example at its own steps, and its targets there. */
interface Example {
  readonly es: readonly Vector[];
  readonly ds: readonly Vector[];
  readonly u: Vector;
  readonly z: Vector;
  readonly v: Vector;
  readonly w: Vector;
  readonly y: number;
  /** The first state, which is also the last of no steps. */
  readonly first: Vector;
}
type Matrix = (h: Vector) => Vector;

const total = (v: Vector): number => v.reduce((a, b) => a + b, 0);
const mean = (v: Vector): number => (v.length === 0 ? 0 : total(v) / v.length);
const centre = (rows: readonly Vector[]): Vector => Array.from({ length: H }, (_, i) => mean(rows.map((r) => r[i])));
const apart = (a: Vector, b: Vector): number => total(a.map((x, i) => (x - b[i]) ** 2));
const entropy = (logits: Vector, k: number): number => Math.log(total(logits.map(Math.exp))) - logits[k];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const encoded = ({ es, first }: Example): Vector => es.at(-1) ?? first;
const decoded = (e: Example): Vector => e.ds.at(-1) ?? encoded(e);
/** For each step that some example has: what those that have it have there. */
const atSteps = (rows: readonly (readonly Vector[])[]): readonly (readonly Vector[])[] =>
  Array.from({ length: Math.max(0, ...rows.map((r) => r.length)) }, (_, t) =>
    rows.flatMap((r) => (t < r.length ? [r[t]] : [])),
  );

interface Loss {
  readonly body: string;
  readonly byHand: (all: readonly Example[], times: Matrix) => number;
  /** Whether it is a mean by weights, so that several batches can be one. */
  readonly isMean: boolean;
}

const losses: Readonly<Record<string, Loss>> = {
  "a masked mean along each axis": {
    body: `m = square(w)
  n = square(v)
  loss sum(m * cross_entropy(ds @ V, z), over (batch, time)) / sum(m, over (batch, time))
  loss sum(n * cross_entropy(es @ V, u), over (batch, time)) / sum(n, over (batch, time))`,
    byHand: (all, times) => {
      const masked = (rows: (e: Example) => readonly Vector[], y: (e: Example) => Vector, m: (e: Example) => Vector) =>
        total(all.flatMap((e) => rows(e).map((h, t) => m(e)[t] ** 2 * entropy(times(h), y(e)[t])))) /
        total(all.flatMap((e) => m(e).map((x) => x ** 2)));
      return (
        masked(
          (e) => e.ds,
          (e) => e.z,
          (e) => e.w,
        ) +
        masked(
          (e) => e.es,
          (e) => e.u,
          (e) => e.v,
        )
      );
    },
    isMean: true,
  },
  "one mean over the steps of both axes": {
    body: `a = sum(square(w) * cross_entropy(ds @ V, z), over (batch, time))
  b = sum(square(v) * cross_entropy(es @ V, u), over (batch, time))
  loss (a + b) / (sum(square(w), over (batch, time)) + sum(square(v), over (batch, time)))`,
    byHand: (all, times) => {
      const terms = all.flatMap((e) => [
        ...e.ds.map((h, t) => [e.w[t] ** 2, entropy(times(h), e.z[t])]),
        ...e.es.map((h, t) => [e.v[t] ** 2, entropy(times(h), e.u[t])]),
      ]);
      return total(terms.map(([m, x]) => m * x)) / total(terms.map(([m]) => m));
    },
    isMean: true,
  },
  "examples weighted by what another axis gives": {
    body: `share = sum(sigmoid(mean(es, over time)), over feature) + sum(square(v), over time)
  loss sum(share * cross_entropy(last(ds) @ V, y), over batch) / sum(share, over batch)`,
    byHand: (all, times) => {
      const shares = all.map((e) => total(centre(e.es).map(sigmoid)) + total(e.v.map((x) => x ** 2)));
      return total(all.map((e, b) => shares[b] * entropy(times(decoded(e)), e.y))) / total(shares);
    },
    isMean: true,
  },
  "a distance from the batch's mean at each step": {
    body: `loss sum(square(es - mean(es, over batch)), over feature)
  loss sum(square(ds - mean(ds, over batch)), over feature)
  loss mse(last(es) - mean(last(ds), over batch), 0)`,
    byHand: (all) => {
      const spread = (rows: readonly (readonly Vector[])[]): number =>
        mean(atSteps(rows).flatMap((at) => at.map((r) => apart(r, centre(at)))));
      const middle = centre(all.map(decoded));
      const ends = mean(all.map((e) => apart(encoded(e), middle) / H));
      return spread(all.map((e) => e.es)) + spread(all.map((e) => e.ds)) + ends;
    },
    isMean: false,
  },
  "the largest of all, and what the batch is at each step": {
    body: `loss square(max(sum(es, over feature), over (batch, time))) * max(sum(last(ds), over feature), over batch)
  loss square(mean(sum(ds, over feature), over batch))`,
    byHand: (all) => {
      const most = Math.max(...all.flatMap((e) => e.es.map(total)));
      // A step counts as often as examples have it.
      const perStep = atSteps(all.map((e) => e.ds)).flatMap((at) => at.map(() => mean(at.map(total)) ** 2));
      return most ** 2 * Math.max(...all.map((e) => total(decoded(e)))) + mean(perStep);
    },
    isMean: false,
  },
};
const names = Object.keys(losses);
const graphs = new Map(names.map((name) => [name, compile(textOf(losses[name].body)).graph]));

/** Which steps each example has along both axes. */
type Rows = readonly string[];
interface Steps {
  readonly source: Rows;
  readonly answer: Rows;
}
const batches: Readonly<Record<string, Steps>> = {
  "that begin together, some empty": {
    source: ["11000", "11111", "00000", "11100", "00000", "10000"],
    answer: ["11110", "00000", "11111", "10000", "00000", "11000"],
  },
  "padded on the left, with gaps": {
    source: ["00111", "10101", "00000", "01000", "11111", "00000"],
    answer: ["10011", "00000", "11111", "00001", "01010", "00111"],
  },
};
const maskOf = (rows: Rows): readonly number[] =>
  Array.from({ length: T * rows.length }, (_, i) => Number(rows[i % rows.length][Math.floor(i / rows.length)]));
const stepsOf = (row: string): readonly number[] => [...row].flatMap((has, t) => (has === "1" ? [t] : []));

const studyOf = (name: string, steps: Steps, more: Partial<StudyOptions> = {}): Study =>
  new Study(graphs.get(name)!, {
    ...{ dims, batch: B, time: T, seed: 4 },
    maskOver: { source: maskOf(steps.source), answer: maskOf(steps.answer) },
    ...more,
  });

/** The examples as a study has them. */
function examplesOf(of: Study, { source, answer }: Steps): readonly Example[] {
  const results = of.reference("infer");
  const rows = (data: ArrayLike<number>, b: number, own: readonly number[]): readonly Vector[] => {
    const n = data.length / T / B;
    return own.map((t) => Array.from({ length: n }, (_, i) => data[(t * B + b) * n + i]));
  };
  const { numbers } = of;
  return source.map((_, b) => {
    const [s, t] = [stepsOf(source[b]), stepsOf(answer[b])];
    return {
      es: rows(results.get("output:es")!, b, s),
      ds: rows(results.get("output:ds")!, b, t),
      u: rows(numbers.u, b, s).flat(),
      z: rows(numbers.z, b, t).flat(),
      v: rows(numbers.v, b, s).flat(),
      w: rows(numbers.w, b, t).flat(),
      y: numbers.y[b],
      first: Array<number>(H).fill(0.2),
    };
  });
}

const timesV =
  (V: ArrayLike<number>): Matrix =>
  (h) =>
    Array.from({ length: K }, (_, j) => total(h.map((x, i) => x * V[i * K + j])));

describe.each(Object.keys(batches))("of sequences %s", (kind) => {
  const steps = batches[kind];
  const wasm = opened(places.wasm);

  it.each(names)("%s is what it is by hand", (name) => {
    const study = studyOf(name, steps);
    const truth = losses[name].byHand(examplesOf(study, steps), timesV(study.numbers.V));
    for (const entry of ["train", "infer"] as const)
      expect(study.reference(entry).get("loss:loss")![0]).toBeCloseTo(truth, 10);
  });

  it.each(names)("%s has the gradients that differences show, also on WebAssembly", async (name) => {
    const study = studyOf(name, steps);
    expect(study.directionError()).toBeLessThan(tolerance.differences);
    const errors = await study.targetErrors(places.wasm.target, wasm());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

const { source, answer } = batches["padded on the left, with gaps"];

describe.each([places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);
  it.each(["a masked mean along each axis", "a distance from the batch's mean at each step"])(
    "%s is the reference's",
    async (name) => {
      const errors = await studyOf(name, { source, answer }).targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );
});

describe("several batches are as one", () => {
  const backend = opened(places.wasm);
  const random = uniform(8);
  const drawn = (n: number): Float32Array => Float32Array.from(sample(n, [-1, 1], random));
  const classes = (n: number): Float32Array => drawn(n).map((x) => Math.floor((x + 1) * 1.49));
  const whole = {
    src: drawn(T * B * D),
    x: drawn(T * B * D),
    y: classes(B),
    u: classes(T * B),
    z: classes(T * B),
    v: drawn(T * B),
    w: drawn(T * B),
  };
  /** Some of the examples, with masks. */
  const batchOf = (examples: readonly number[]): Batch => {
    const inputs = Object.entries(whole).map(([name, data]) => {
      const width = name === "src" || name === "x" ? D : 1;
      const steps = data.length / B / width;
      const part = Array.from({ length: steps }, (_, t) =>
        examples.flatMap((e) => [...data.subarray((t * B + e) * width, (t * B + e + 1) * width)]),
      );
      return [name, part.flat()] as const;
    });
    const mask = { source: maskOf(examples.map((e) => source[e])), answer: maskOf(examples.map((e) => answer[e])) };
    return { inputs: Object.fromEntries(inputs), examples: examples.length, mask };
  };
  const everyone = [0, 1, 2, 3, 4, 5];
  const open = async (name: string, batch: number, more = {}): Promise<Session> => {
    const options = { dims, batch, time: T, path: "", ...more };
    return Session.open(compileGraph(graphs.get(name)!, options, places.wasm.target), backend(), { seed: 2 });
  };

  it.each(names.filter((name) => losses[name].isMean))("in an evaluation: %s", async (name) => {
    const one = await open(name, B);
    const some = await open(name, 2);
    await some.attach(compileGraph(graphs.get(name)!, { dims, batch: 4, time: T, path: "" }, places.wasm.target));
    const truth = await one.evaluate([batchOf(everyone)]);
    for (const parts of [
      [
        [0, 1],
        [2, 3, 4, 5],
      ],
      // A batch without any step of one axis.
      [
        [2, 5],
        [1, 4],
        [3, 0],
      ],
      [
        [1, 2, 3, 0],
        [4, 5],
      ],
    ])
      expect((await some.evaluate(parts.map(batchOf))).loss).toBeCloseTo(truth.loss, 6);
    one.close();
    some.close();
  });

  it.each(names.filter((name) => !losses[name].isMean))("not %s, which is refused", async (name) => {
    const some = await open(name, 2);
    await expect(some.evaluate([batchOf([0, 1]), batchOf([2, 3])])).rejects.toThrow(/not a mean/);
    some.close();
  });

  it.each(names)("in the parts that kernels take in training: %s", async (name) => {
    const one = await open(name, B);
    const parts = await open(name, B, { parts: 3 });
    for (let i = 0; i < 2; i++) {
      const [a, b] = [one, parts].map((session) => session.train(batchOf(everyone), { lr: 0.05 }));
      expect((await b).loss).toBeCloseTo((await a).loss, 6);
    }
    for (const name of ["V", "rnn/Wh", "rnn_2/Wx"])
      expect(relativeError(await one.read(name), await parts.read(name))).toBeLessThan(tolerance.gradient);
    one.close();
    parts.close();
  });
});
