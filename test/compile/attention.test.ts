/** Values that have all steps of a sequence at once: what attention reads, in cells and in models. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { streamed } from "../../compiler/lower.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [B, T] = [4, 5];
const lengths = [3, 5, 1, 4];
/** More than a run has, so that some are absent for all examples. */
const STEPS = 7;

const texts = {
  "additive attention of a decoder": `cell c(E = 3, S = 4, H = 2, A = 3) {
  param U : [S, A] = xavier
  param W : [H, A] = xavier
  param v : [A] = uniform(1)
  param k : [A] = uniform(1)
  param Wc : [S, H] = xavier
  param Wy : [E, H] = xavier
  input y : [E]
  input source : [S] over time
  state h : [H] = 0
  site keys = source @ U + k
  a = softmax(tanh(keys + h @ W) @ v, over time)
  context = sum(a * source, over time)
  h' = tanh(h + y @ Wy + context @ Wc)
  output h', a
  place keys : layer
}`,
  "two heads, a mean and a maximum, over what is not zero where there is no step": `cell c(S = 4, H = 6) {
  param Wk : [S, H] = xavier
  param Wv : [S, H] = xavier
  param Wx : [H, H] = xavier
  param b : [H] = uniform(1)
  input source : [S] over time
  input x : [H]
  state h : [H] = 0.1
  keys = reshape(source @ Wk + b, [2, H / 2])
  values = reshape(source @ Wv + b, [2, H / 2])
  a = softmax(sum(keys * reshape(h, [2, H / 2]), over last), over time)
  heads = reshape(sum(a * values, over time), [H])
  w = softmax(source @ Wk @ h, over time)
  s = w @ (source @ Wv + b)
  h' = tanh(x @ Wx + heads + s + mean(source @ Wv * h + b, over time) + max(source @ Wv * h + b, over time))
  output h'
}`,
  "words looked up, and joined with the state": `cell c(V = 5, S = 3, H = 2) {
  param E : [V, S] = uniform(1)
  param W : [S + H, 4] = xavier
  param v : [4] = uniform(1)
  param Wc : [S, H] = xavier
  param Wx : [H, H] = xavier
  input words : index(V) over time
  input x : [H]
  state h : [H] = 0
  source = embed(words, E)
  a = softmax(tanh(concat(source, h) @ W) @ v, over time)
  h' = tanh(h + x @ Wx + (a @ source) @ Wc)
  output h'
}`,
  "coverage, a number and a vector for each step of the source": `cell c(S = 4, H = 3, A = 2) {
  param U : [S, A] = xavier
  param W : [H, A] = xavier
  param w : [A] = uniform(1)
  param v : [A] = uniform(1)
  param Wc : [S, H] = xavier
  input source : [S] over time
  input x : [H]
  state h : [H] = 0
  state cov : [] over time = 0.1
  state rows : [A] over time = 0
  a = softmax(tanh(source @ U + h @ W + cov * w + rows) @ v, over time)
  cov' = cov + a
  rows' = 0.5 * rows + tanh(a * w + 0.1)
  h' = tanh(x + h + sum(a * source, over time) @ Wc + 0.1 * sum(max(rows', over time), over feature))
  output h', cov'
}`,
  "self-attention that looks back": `model c(D = 3, A = 4) {
  param Wq : [D, A] = xavier
  param Wk : [D, A] = xavier
  param Wv : [D, A] = xavier
  param b : [A] = uniform(1)
  input x : [D] over time
  target z : [A] over time
  n = step()
  q = x @ Wq
  e = whole(x @ Wk + b) @ q / sqrt(A)
  a = softmax(where(whole(n) <= n, e, -1e9), over whole)
  y = a @ whole(x @ Wv)
  site u = whole(x @ Wv) * q
  most = max(u, over whole)
  output y, a
  loss mse(y, z) + mse(most, z)
  loss u
  place u : rms
}`,
  "an encoder that is pooled, and read by a decoder from its end": `cell enc(D = 3, H = 2) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ Wx + h @ Wh)
  output h'
}
cell dec(S = 2, H = 2) {
  param W : [H, S] = xavier
  param Wc : [S, H] = xavier
  input source : [S] over time
  input x : [H]
  state h : [H] = 0
  a = softmax(source @ (h @ W), over time)
  h' = tanh(x + h + sum(a * source, over time) @ Wc)
  output h'
}
model c(D = 3, H = 2) {
  param v : [H] = uniform(1)
  input x : [D] over time
  target z : [H]
  target y : [H] over time
  hs = scan enc(D, H) over x
  a = softmax(hs @ v, over time)
  ys = scan dec(H, H) over hs, hs
  back = scan dec(H, H) over hs, hs reverse
  output a, ys, back
  loss mse(sum(a * hs, over time), z) + mse(ys, y) + mse(back, y)
}`,
} as const;
/** Three layers before attention: most of the memory is theirs. */
const deep = compile(`cell enc(D = 3, H = 16) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ Wx + h @ Wh)
  output h'
}
cell dec(S = 2) {
  input source : [S] over time
  input x : [S]
  state h : [S] = 0
  a = softmax(source @ h, over time)
  h' = tanh(x + h + sum(a * source, over time))
  output h'
}
model c(D = 3, H = 16, S = 2) {
  param P : [H, S] = xavier
  input x : [D] over time
  target y : [S] over time
  first = scan enc(D, H) over x
  second = scan enc(H, H) over first
  third = scan enc(H, H) over second
  s = third @ P
  ys = scan dec(S) over s, s
  output ys
  loss mse(ys, y)
}`);

/** Weights so small that rounding does not grow from step to step. */
const tame: NonNullable<StudyOptions["draw"]> = (leaf, n, random) =>
  leaf.kind === "param" ? sample(n, [-0.25, 0.25], random) : undefined;

type Name = keyof typeof texts;
const names = Object.keys(texts) as Name[];

const compiled = new Map<Name, ReturnType<typeof compile>>();
function study(name: Name, more: Partial<StudyOptions> = {}): Study {
  const made = compiled.get(name) ?? compile(texts[name]);
  compiled.set(name, made);
  return new Study(made.graph, { dims: made.dims, batch: B, time: T, steps: STEPS, seed: 5, ...more });
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** x @ W for W [n, m] in rows. */
const times = (x: readonly number[], W: ArrayLike<number>): readonly number[] => {
  const m = W.length / x.length;
  return Array.from({ length: m }, (_, j) => x.reduce((sum, v, i) => sum + v * W[i * m + j], 0));
};

function softmax(e: readonly number[]): readonly number[] {
  const most = Math.max(...e);
  const all = e.map((v) => Math.exp(v - most));
  const sum = all.reduce((p, q) => p + q);
  return all.map((v) => v / sum);
}

const slice = (x: ArrayLike<number>, from: number, n: number): readonly number[] => Array.from(x).slice(from, from + n);

describe.each([undefined, lengths])("with lengths %s, each example has what its own steps give:", (own) => {
  const steps = own ?? Array<number>(B).fill(T);

  it("additive attention, as its equations say", () => {
    const name = names[0];
    const text = texts[name].replace("place keys : layer", "");
    const made = compile(text);
    const [E, S, H] = [3, 4, 2];
    const of = new Study(made.graph, { dims: made.dims, batch: B, time: T, steps: STEPS, seed: 5, lengths: own });
    const { U, W, v, k, Wc, Wy, y, source } = of.numbers;
    const found = of.reference("infer");
    for (let b = 0; b < B; b++) {
      let h: readonly number[] = Array(H).fill(0);
      const rows = Array.from({ length: steps[b] }, (_, n) => slice(source, (n * B + b) * S, S));
      for (let t = 0; t < T; t++) {
        const hW = times(h, W);
        const e = rows.map((s) =>
          dot(
            times(s, U).map((u, i) => Math.tanh(u + k[i] + hW[i])),
            Array.from(v),
          ),
        );
        const a = softmax(e);
        const context = Array.from({ length: S }, (_, j) => a.reduce((sum, w, n) => sum + w * rows[n][j], 0));
        const [yW, cW] = [times(slice(y, (t * B + b) * E, E), Wy), times(context, Wc)];
        h = h.map((x, i) => Math.tanh(x + yW[i] + cW[i]));
        const isThere = t < steps[b];
        const expected = (x: readonly number[], n: number): readonly number[] =>
          Array.from({ length: n }, (_, i) => (isThere ? (x[i] ?? 0) : 0));
        const at = (key: string, n: number): readonly number[] => slice(found.get(key)!, (t * B + b) * n, n);
        expect(relativeError(Float64Array.from(expected(h, H)), at("output:h", H))).toBeLessThan(1e-12);
        expect(relativeError(Float64Array.from(expected(a, STEPS)), at("output:a", STEPS))).toBeLessThan(1e-12);
      }
    }
  });

  it("attention that looks back weighs the steps so far", () => {
    const of = study("self-attention that looks back", { lengths: own });
    const [D, A] = [3, 4];
    const { Wq, Wk, Wv, b: bias, x } = of.numbers;
    const found = of.reference("infer");
    for (let b = 0; b < B; b++) {
      const rows = Array.from({ length: steps[b] }, (_, n) => slice(x, (n * B + b) * D, D));
      rows.forEach((row, t) => {
        const q = times(row, Wq);
        const before = rows.slice(0, t + 1);
        const a = softmax(
          before.map(
            (r) =>
              dot(
                times(r, Wk).map((u, i) => u + bias[i]),
                q,
              ) / Math.sqrt(A),
          ),
        );
        const y = Array.from({ length: A }, (_, j) => a.reduce((sum, w, n) => sum + w * times(before[n], Wv)[j], 0));
        const at = (key: string, n: number): readonly number[] => slice(found.get(key)!, (t * B + b) * n, n);
        expect(relativeError(Float64Array.from(y), at("output:y", A))).toBeLessThan(1e-12);
        const all = Array.from({ length: STEPS }, (_, n) => a[n] ?? 0);
        expect(relativeError(Float64Array.from(all), at("output:a", STEPS))).toBeLessThan(1e-12);
      });
    }
  });
});

describe.each([undefined, lengths])("of sequences of lengths %s", (own) => {
  it.each(names)("%s: the gradients are those of differences", (name) => {
    expect(study(name, { lengths: own }).directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    // A shader compiler takes its time.
    const some = place.target === wasm ? names : own ? names.slice(0, 1) : names.slice(4);
    it.each(some)("%s: has the reference's numbers", async (name) => {
      const errors = await study(name, { lengths: own }).targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

describe("a program of sequences that are read as a whole", () => {
  it("is refused more steps than it was compiled for, and takes fewer", async () => {
    const made = study(names[0]);
    const session = await Session.open(made.compile(wasm), await places.wasm.open(), { seed: 1 });
    const batch = (steps: number) => ({
      steps,
      examples: B,
      inputs: {
        y: new Float32Array(steps * B * 3),
        source: new Float32Array(steps * B * 4),
        d_h: null,
        d_a: null,
      },
    });
    await expect(session.infer(batch(STEPS + 1))).rejects.toMatchObject({ code: "C0406" });
    const { outputs } = await session.infer(batch(2));
    expect(outputs.a.length).toBe(2 * B * STEPS);
    // Nothing but zeros to attend to: all that is there counts equally.
    expect(Array.from(outputs.a.slice(0, STEPS))).toEqual([0.5, 0.5, 0, 0, 0, 0, 0]);
    session.close();
  });

  it("has no stream, and says why", () => {
    const refused = (name: Name): string => {
      const { graph } = compile(texts[name]);
      const made = streamed(graph);
      return "refused" in made ? made.refused : "";
    };
    expect(refused(names[0])).toBe("`source` has all steps of a sequence");
    expect(refused("self-attention that looks back")).toMatch(/has all steps of a sequence/);
  });

  it.each([undefined, lengths])("is cut in segments before what reads the whole, of lengths %s", async (own) => {
    const of = (memory?: number): Study =>
      new Study(deep.graph, { dims: deep.dims, batch: B, time: 24, seed: 5, lengths: own, memory, draw: tame });
    const made = cutInSegments(of, wasm, 24, 23);
    const backend = await places.wasm.open();
    const errors = await made.targetErrors(wasm, backend, ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
    backend.close();
  });
});
