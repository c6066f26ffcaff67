/** Scans that begin with values of the model: right by a formula, by differences, on all targets, ragged, in segments, streamed. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, S, B, T] = [3, 4, 2, 5, 6];
const lengths = [6, 2, 4, 1, 3];

const cell = `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.3
  state n : [H] = 0.25
  n' = 0.5 * n + h
  h' = tanh(h @ Wh + x @ Wx + n)
  output h'
}
`;

/** A model whose second scan begins as `from` says. */
const model = (from: string, way = "", first = ""): string => `${cell}
model m(D = 3, H = 4, S = 2) {
  param Wc : [S, H] = xavier
  param k : [H] = 0.1
  input a : [D] over time
  input x : [D] over time
  input s : [S]
  input r : []
  target z : [H] over time
  ${first}
  gs = scan c(D, H) over x from ${from} ${way}
  output gs
  loss mse(gs, z) + 0 * sum(k, over feature) + 0 * sum(s @ Wc, over feature) + 0 * r + 0 * mean(a, over time)
}
`;

const encoder = "hs = scan c(D, H) over a";
const texts = {
  "the last step of another scan, and a layer of an input": model("h = last(hs), n = tanh(s @ Wc)", "", encoder),
  "the same, in reverse": model("h = last(hs), n = tanh(s @ Wc)", "reverse", encoder),
  "a parameter for all examples": model("h = k"),
  "a number for each example, for all features": model("n = r, h = 2 * k"),
} as const;
type Name = keyof typeof texts;
const names = Object.keys(texts) as Name[];
const whole = Object.fromEntries(names.map((name) => [name, compile(texts[name])]));

const study = (name: Name, more: Partial<StudyOptions> = {}): Study =>
  new Study(whole[name].graph, { dims: whole[name].dims, batch: B, time: T, seed: 4, ...more });

/** What the scan of `x` yields, [T, B, H], in plain loops. */
function scanned(
  of: Study["numbers"],
  scope: string,
  input: string,
  own: readonly number[],
  first: { readonly h: (b: number, k: number) => number; readonly n: (b: number, k: number) => number },
  reverse = false,
): Float64Array {
  const [Wx, Wh, x] = [of[`${scope}/Wx`], of[`${scope}/Wh`], of[input]];
  const made = new Float64Array(T * B * H);
  own.forEach((steps, b) => {
    let h = Array.from({ length: H }, (_, k) => first.h(b, k));
    let n = Array.from({ length: H }, (_, k) => first.n(b, k));
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const [before, rest] = [h, n];
      n = rest.map((v, k) => 0.5 * v + before[k]);
      h = h.map((_, k) => {
        let sum = rest[k];
        for (let j = 0; j < H; j++) sum += before[j] * Wh[j * H + k];
        for (let j = 0; j < D; j++) sum += x[(t * B + b) * D + j] * Wx[j * H + k];
        return Math.tanh(sum);
      });
      made.set(h, (t * B + b) * H);
    }
  });
  return made;
}

function truth(name: Name, { numbers }: Study, own: readonly number[]): Float64Array {
  const { k, r, s, Wc } = numbers;
  if (name === "a parameter for all examples")
    return scanned(numbers, "c", "x", own, { h: (_, i) => k[i], n: () => 0.25 });
  if (name === "a number for each example, for all features")
    return scanned(numbers, "c", "x", own, { h: (_, i) => 2 * k[i], n: (b) => r[b] });
  const hs = scanned(numbers, "c", "a", own, { h: () => 0.3, n: () => 0.25 });
  const layer = (b: number, i: number): number => {
    let sum = 0;
    for (let j = 0; j < S; j++) sum += s[b * S + j] * Wc[j * H + i];
    return Math.tanh(sum);
  };
  const last = (b: number, i: number): number => hs[((own[b] - 1) * B + b) * H + i];
  return scanned(numbers, "c_2", "x", own, { h: last, n: layer }, name === "the same, in reverse");
}

describe.each([undefined, lengths])("of sequences of lengths %s", (own) => {
  it.each(names)("%s: the reference is the plain loop, with the gradients of differences", (name) => {
    const made = study(name, { lengths: own });
    const expected = truth(name, made, own ?? Array(B).fill(T));
    for (const entry of ["train", "estimate", "infer"] as const)
      expect(relativeError(made.reference(entry).get("output:gs")!, expected)).toBeLessThan(1e-12);
    expect(made.differenceError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    const some = place.target === wasm ? names : own ? names.slice(1, 2) : names.slice(0, 1);
    it.each(some)("%s: has the reference's numbers", async (name) => {
      const errors = await study(name, { lengths: own }).targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

describe.each([places.wasm])("in segments on $name", (place) => {
  const backend = opened(place);
  it.each([undefined, lengths])(
    "a first state that depends on an input has its gradient, of lengths %s",
    async (own) => {
      const { graph, dims } = compile(model("h = k, n = tanh(s @ Wc)"));
      const options = { dims, batch: B, time: 12, seed: 5, lengths: own?.map((n) => 2 * n) };
      const made = cutInSegments((memory) => new Study(graph, { ...options, memory }), place.target, 12);
      const errors = await made.targetErrors(place.target, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );
});

const streaming = model("h = k, n = tanh(s @ Wc)");
const unused = { a: null, z: null, r: null };

describe("an encoder and a decoder under a cap on memory", () => {
  const backend = opened(places.wasm);
  it("have the reference's numbers where only the encoder is cut in segments", async () => {
    const { graph, dims } = compile(model("h = last(hs), n = tanh(s @ Wc)", "", encoder));
    const options = { dims, batch: B, time: 24, seed: 5 };
    const made = cutInSegments((memory) => new Study(graph, { ...options, memory }), wasm, 24, 23);
    const errors = await made.targetErrors(wasm, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([places.wasm, places.wgsl, places.glsl])("a stream on $name", (place) => {
  const backend = opened(place);

  it("begins with the inputs it is opened with, and again with them or with others", async () => {
    const { graph, dims } = compile(streaming);
    const entries = ["infer", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, place.target);
    const session = await Session.open(made, backend(), { seed: 3 });
    const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
    const [s, other] = [6, 7].map((seed) => Float32Array.from(sample(B * S, [-1, 1], uniform(seed))));
    const expected = async (s: Float32Array) =>
      (await session.infer({ steps: T, examples: B, inputs: { ...unused, x, s } })).outputs.gs;
    const [first, second] = [await expected(s), await expected(other)];
    const given = s.slice();
    const stream = await session.stream({ inputs: { s: given } });
    given.fill(0);
    const steps = async (): Promise<readonly number[]> => {
      const all: number[] = [];
      for (let t = 0; t < T; t++) all.push(...(await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) })).gs);
      return all;
    };
    expect(relativeError(first, await steps())).toBeLessThan(tolerance.forward);
    await stream.reset();
    expect(relativeError(first, await steps())).toBeLessThan(tolerance.forward);
    await stream.reset({ s: { data: other, shape: [B, S] } });
    expect(relativeError(second, await steps())).toBeLessThan(tolerance.forward);
    await stream.reset();
    expect(relativeError(second, await steps())).toBeLessThan(tolerance.forward);
    session.close();
  });
});

describe("a stream is refused", () => {
  const open = async (): Promise<Session> => {
    const { graph, dims } = compile(streaming);
    const options = { dims, path: "main.cell", batch: 1, time: T, entries: ["step"] } as const;
    return Session.open(compileGraph(graph, options, wasm), await places.wasm.open(), { seed: 3 });
  };

  it("without the inputs that its first states depend on", async () => {
    const session = await open();
    await expect(session.stream()).rejects.toMatchObject({
      code: "C0406",
      message: "a stream of m begins with `s` [1, 2]",
      help: "open it with stream({ inputs: { s: … } })",
    });
    session.close();
  });

  it("with inputs that the first states do not depend on", async () => {
    const session = await open();
    await expect(session.stream({ inputs: { s: [1, 2], x: [1, 2, 3] } })).rejects.toMatchObject({
      code: "C0406",
      message: "the first states of m do not depend on `x`",
    });
    session.close();
  });

  it("where a first state needs all of another sequence", () => {
    const { graph, dims } = whole["the last step of another scan, and a layer of an input"];
    const compiled = (): unknown =>
      compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries: ["step"] }, wasm);
    expect(compiled).toThrow(CompileError);
    expect(compiled).toThrow("the state `h` begins with what the last step of another sequence makes");
  });
});

describe("what a scan cannot begin with is refused:", () => {
  const problem = (from: string) => {
    const found = problemsOf(model(from, "", encoder));
    return [codes(found), found[0]?.message, found[0]?.help];
  };

  it("an unknown state", () => {
    expect(problem("hh = last(hs)")).toEqual([["C0206"], "`c` has no state `hh`", "its states are h, n"]);
  });
  it("a state twice", () => {
    expect(problem("h = k, h = last(hs)").slice(0, 2)).toEqual([["C0206"], "the state `h` begins twice"]);
  });
  it("a sequence", () => {
    expect(problem("h = hs")).toEqual([
      ["C0235"],
      "`h` begins with one value, and this is one for each step",
      "take one step of it: last(hs)",
    ]);
  });
  it("another shape", () => {
    expect(problem("h = s").slice(0, 2)).toEqual([["C0204"], "`h` is [H], but begins as [S]"]);
  });
});
