/** Scans that begin anew inside sequences: right as each piece by itself, on all targets, ragged, in segments, estimated, streamed. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { regionSizes } from "../../runtime/layout.ts";
import { Session } from "../../runtime/session.ts";
import type { InferOptions } from "../../runtime/session-types.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, S, B, T] = [3, 4, 2, 4, 9];
const lengths = [9, 4, 1, 6];

/** With a state that a parameter begins, and others. `norm`: at its two sites. */
const cell = (norm: string, step = "0"): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param h0 : [H] = uniform(0.5)
  input x : [D]
  state h : [H] = h0
  state n : [H] = 0.25
  site hh = h @ Wh
  site xh = x @ Wx
  n' = 0.5 * n + h
  h' = tanh(hh + xh + n + 0.1 * ${step})
  output h'
  place hh, xh : ${norm}
}
`;

/** Where a part of what a scan reads begins: at any step with some chance, the first and missing ones included. */
const marked = "reset w > 0.3";

const model = (parts: string, of = cell("none")): string => `${of}
model m(D = 3, H = 4, S = 2) {
  param Wc : [S, H] = xavier
  param V : [H, D] = xavier
  input x : [D] over time
  input w : [] over time
  input s : [S]
  target y : [D] over time
  hs = scan c(D, H) over x ${parts}
  output hs
  loss mse(hs @ V, y) + 0 * sum(s @ Wc, over feature) + 0 * mean(w, over time)
}
`;

const texts = {
  "a state that a parameter begins": model(marked),
  "first states of an input": model(`${marked} from h = tanh(s @ Wc)`),
  "the same, in reverse": model(`reverse from h = tanh(s @ Wc) ${marked}`),
  "steps that are counted": model(marked, cell("none", "step()")),
  "steps that are counted in reverse": model(`${marked} reverse`, cell("layer", "sin(step())")),
  "norms with states": model(marked, cell("atn(k = 3)")),
} as const;
type Name = keyof typeof texts;
const names = Object.keys(texts) as Name[];

const batched = model(marked, cell("batch(gamma = 0.5)", "step()"));
const all = { ...texts, "batch norm": batched } as const;
type Any = keyof typeof all;

const studyOf = (text: string, more: Partial<StudyOptions> = {}): Study => {
  const { graph, dims } = compile(text);
  return new Study(graph, { dims, batch: B, time: T, seed: 4, ...more });
};

interface Piece {
  readonly b: number;
  /** Its steps in the whole sequence: from, up to but not including. */
  readonly from: number;
  readonly to: number;
}

/** The parts that each example's `own` steps consist of. In reverse, a mark is at the last step of a part. */
function piecesOf(w: ArrayLike<number>, own: readonly number[], reverse: boolean): readonly Piece[] {
  return own.flatMap((steps, b) => {
    const marks = Array.from({ length: steps }, (_, t) => w[t * B + b] > 0.3);
    const cuts = marks.flatMap((begins, t) => (begins ? [reverse ? t + 1 : t] : []));
    const borders = [0, ...cuts.filter((t) => t > 0 && t < steps), steps];
    return borders.slice(1).map((to, i): Piece => ({ b, from: borders[i], to }));
  });
}

/** The rows of [T, B, …] that pieces have, as [T, pieces, …]. */
function apart(values: ArrayLike<number>, pieces: readonly Piece[]): Float64Array {
  const width = values.length / (T * B);
  const made = new Float64Array(T * pieces.length * width);
  pieces.forEach(({ b, from, to }, p) => {
    for (let t = from; t < to; t++)
      for (let i = 0; i < width; i++)
        made[((t - from) * pieces.length + p) * width + i] = values[(t * B + b) * width + i];
  });
  return made;
}

/** The same model of each piece as a sequence of its own, without resets. */
function ofPieces(text: string, { numbers }: Study, pieces: readonly Piece[]): Study {
  const of = (name: string, width: number, row: (p: Piece) => number) =>
    Float64Array.from({ length: pieces.length * width }, (_, i) => {
      return numbers[name][row(pieces[Math.floor(i / width)]) * width + (i % width)];
    });
  return studyOf(text.replace(marked, ""), {
    batch: pieces.length,
    lengths: pieces.map(({ from, to }) => to - from),
    numbers: {
      ...Object.fromEntries(Object.entries(numbers).filter(([name]) => !name.startsWith("lengths/"))),
      ...{ x: apart(numbers.x, pieces), y: apart(numbers.y, pieces), w: apart(numbers.w, pieces) },
      s: of("s", S, ({ b }) => b),
    },
  });
}

describe.each([undefined, lengths])("of sequences of lengths %s", (own) => {
  it.each(names)("%s: outputs, loss and gradients are those of the pieces by themselves", (name) => {
    const made = studyOf(texts[name], { lengths: own });
    const reverse = name.includes("reverse");
    const pieces = piecesOf(made.numbers.w, own ?? Array<number>(B).fill(T), reverse);
    expect(pieces.length).toBeGreaterThan(B + 2);
    const alone = ofPieces(texts[name], made, pieces);
    for (const entry of ["train", "estimate", "infer"] as const) {
      const [together, each] = [made.reference(entry), alone.reference(entry)];
      expect(relativeError(each.get("output:hs")!, apart(together.get("output:hs")!, pieces))).toBeLessThan(1e-12);
      expect(relativeError(each.get("loss:loss")!, together.get("loss:loss")!)).toBeLessThan(1e-12);
    }
    const [together, each] = [made.reference("train"), alone.reference("train")];
    const gradients = [...each.keys()].filter((key) => key.startsWith("grad:c/") || key === "grad:V");
    expect(gradients.length).toBeGreaterThan(2);
    for (const key of gradients) expect(relativeError(each.get(key)!, together.get(key)!), key).toBeLessThan(1e-11);
    expect(made.directionError()).toBeLessThan(tolerance.differences);
  });

  it("at inference, batch norm has the same statistics in each piece", () => {
    const made = studyOf(batched, { lengths: own });
    const pieces = piecesOf(made.numbers.w, own ?? Array<number>(B).fill(T), false);
    const alone = ofPieces(batched.replace("gamma = 0.5", "gamma = 0.5, stats = shared"), made, pieces);
    const [together, each] = [made.reference("infer"), alone.reference("infer")];
    expect(relativeError(each.get("output:hs")!, apart(together.get("output:hs")!, pieces))).toBeLessThan(1e-12);
    expect(made.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    const shaders: readonly Any[] = own
      ? ["the same, in reverse"]
      : ["steps that are counted", "norms with states", "batch norm"];
    const some = place.target === wasm ? (Object.keys(all) as Any[]) : shaders;
    it.each(some)("%s: has the reference's numbers", async (name) => {
      const errors = await studyOf(all[name], { lengths: own }).targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

describe.each([places.wasm])("in segments on $name", (place) => {
  const backend = opened(place);
  const some: readonly Any[] = ["first states of an input", "norms with states", "batch norm"];
  it.each(place.target === wasm ? some : some.slice(0, 1))("%s: has the reference's numbers", async (name) => {
    const time = 40;
    // Where examples differ in length, shared statistics need all steps at once.
    const lengths = name === "batch norm" ? [undefined] : [undefined, [40, 11, 1, 17]];
    for (const own of lengths) {
      const of = (memory: number): Study => studyOf(all[name], { memory, time, lengths: own });
      const { plan } = of(2 ** 40).compile(place.target, ["train"]);
      const bytes = 4 * Object.values(regionSizes(plan, time)).reduce((a, b) => a + b, 0);
      const made = of(Math.floor(0.8 * bytes));
      expect(made.compile(place.target, ["train"]).plan.entries.train!.regions.work.segment?.length).toBeLessThan(time);
      const errors = await made.targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    }
  });
});

/** A session of `text` that infers and streams, and a batch. */
async function opening(text: string, place: (typeof places)[keyof typeof places], backend: () => never | unknown) {
  const { graph, dims } = compile(text);
  const entries = ["train", "infer", "start", "step"] as const;
  const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, place.target);
  const session = await Session.open(made, backend() as never, { seed: 3 });
  const random = uniform(5);
  const [x, w, s] = [T * B * D, T * B, B * S].map((n) => Float32Array.from(sample(n, [-1, 1], random)));
  for (const { name, role, shape } of made.plan.entries.infer!.tensors) {
    const n = shape.reduce((a, b) => a * b, 1);
    if (role.kind === "stat") await session.write(name, Float32Array.from(sample(n, [0.1, 0.6], random)));
  }
  const infer = async (options?: InferOptions) =>
    (await session.infer({ steps: T, examples: B, inputs: { x, w, s, y: null } }, options)).outputs.hs;
  const at = (t: number) => ({ x: x.subarray(t * B * D, (t + 1) * B * D), w: w.subarray(t * B, (t + 1) * B) });
  return { session, infer, at, s };
}

describe.each([places.wasm, places.wgsl, places.glsl])("a stream on $name", (place) => {
  const backend = opened(place);
  it.each(["first states of an input", "batch norm"] as const)(
    "%s: is given the marks with each step",
    async (name) => {
      const { session, infer, at, s } = await opening(all[name], place, backend);
      const truth = await infer();
      const needs: Readonly<Record<string, Float32Array>> = name === "batch norm" ? {} : { s };
      const stream = await session.stream({ inputs: needs });
      const steps: number[] = [];
      for (let t = 0; t < T; t++) steps.push(...(await stream.next({ ...at(t), ...needs })).hs);
      expect(relativeError(truth, steps)).toBeLessThan(tolerance.forward);
      session.close();
    },
  );
});

describe("a state that begins with noise", () => {
  const backend = opened(places.wasm);
  const text = model(marked, cell("none").replace("= h0", "= 0 * h0 + noise(0.5)"));

  it("begins each time with the same draw, also in a stream", async () => {
    const { session, infer, at } = await opening(text, places.wasm, backend);
    const other = await opening(text, places.wasm, backend);
    const drawn = await infer({ noise: "drawn" });
    const stream = await other.session.stream({ noise: "drawn" });
    const steps: number[] = [];
    for (let t = 0; t < T; t++) steps.push(...(await stream.next(at(t))).hs);
    expect(relativeError(drawn, steps)).toBeLessThan(tolerance.forward);
    expect(relativeError(drawn, await infer())).toBeGreaterThan(0.01);
    // Each mark alone decides: the same inputs after two resets give the same states.
    const x = new Float32Array(T * B * D).fill(0.5);
    const w = Float32Array.from({ length: T * B }, (_, i) => (Math.floor(i / B) % 4 === 0 ? 1 : 0));
    const inputs = { x, w, s: null, y: null };
    const { hs } = (await session.infer({ steps: T, examples: B, inputs }, { noise: "drawn" })).outputs;
    expect(hs.slice(4 * B * H, 8 * B * H)).toEqual(hs.slice(0, 4 * B * H));
    session.close();
    other.session.close();
  });
});
