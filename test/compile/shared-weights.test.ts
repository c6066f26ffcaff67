/** Scans that share weights: `scan c(D, H) as enc over a`, then `scan enc over b`; and parameters and states by the scan's name. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { type Elaborated, elaborate } from "../../compiler/semantics/elaborate.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 4, 5, 6];
const lengths = [6, 2, 4, 1, 3];

const cell = (norm = "none"): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.3
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
  place hh, xh : ${norm}
}
`;

const twoScans = (norm?: string, place = ""): string => `${cell(norm)}
model m(D = 3, H = 4) {
  input a : [D] over time
  input b : [D] over time
  target z : [H] over time
  ha = scan c(D, H) as enc over a
  hb = scan enc over b reverse
  l = enc.h
  r = enc_2.h
  output ha, hb, l, r
  loss mse(ha * hb + r, z) + 0.3 * sum(square(enc.Wh), over feature) + mean(square(hb @ transpose(enc.Wx)), over feature)
  ${place}
}
`;

const texts = {
  plain: twoScans(),
  "with batch norm": twoScans("batch(gamma = 0.5)"),
  "with layer norm": twoScans("layer"),
  "with a norm on the weights": twoScans("none", "place enc.Wh : weight(gamma = 0.7)"),
} as const;
type Name = keyof typeof texts;
const names = Object.keys(texts) as Name[];
const whole: Readonly<Record<string, Elaborated>> = Object.fromEntries(names.map((n) => [n, compile(texts[n])]));

const study = (name: Name, more: Partial<StudyOptions> = {}): Study =>
  new Study(whole[name].graph, { dims: whole[name].dims, batch: B, time: T, seed: 4, ...more });

/** What a scan over `input` yields, in plain loops. */
function scanned({ numbers: of }: Study, input: string, own: readonly number[], reverse: boolean): Float64Array {
  const [Wx, Wh, x] = [of["enc/Wx"], of["enc/Wh"], of[input]];
  const made = new Float64Array(T * B * H);
  own.forEach((steps, b) => {
    let h: readonly number[] = Array(H).fill(0.3);
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const before = h;
      h = before.map((_, k) => {
        let sum = 0;
        for (let j = 0; j < H; j++) sum += before[j] * Wh[j * H + k];
        for (let j = 0; j < D; j++) sum += x[(t * B + b) * D + j] * Wx[j * H + k];
        return Math.tanh(sum);
      });
      made.set(h, (t * B + b) * H);
    }
  });
  return made;
}

const leaves = (of: Study, kind: string): readonly string[] =>
  [...of.leaves].flatMap(([name, { leaf }]) => (leaf.kind === kind ? [name] : [])).sort();

describe.each([undefined, lengths])("of sequences of lengths %s", (own) => {
  it("two scans with the same weights are plain loops with the same numbers", () => {
    const made = study("plain", { lengths: own });
    expect(leaves(made, "param")).toEqual(["enc/Wh", "enc/Wx"]);
    const each = own ?? Array<number>(B).fill(T);
    const [ha, hb] = [scanned(made, "a", each, false), scanned(made, "b", each, true)];
    const found = made.reference("infer");
    expect(relativeError(found.get("output:ha")!, ha)).toBeLessThan(1e-12);
    expect(relativeError(found.get("output:hb")!, hb)).toBeLessThan(1e-12);
    // Each example's own last step; of the scan in reverse, the first.
    const last = each.flatMap((n, b) => [...ha.subarray(((n - 1) * B + b) * H, ((n - 1) * B + b + 1) * H)]);
    expect(relativeError(found.get("output:l")!, last)).toBeLessThan(1e-12);
    expect(relativeError(found.get("output:r")!, hb.subarray(0, B * H))).toBeLessThan(1e-12);
  });

  it.each(names)("%s: the gradients are those of differences", (name) => {
    expect(study(name, { lengths: own }).directionError()).toBeLessThan(tolerance.differences);
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

it("scans with the same weights have the norms' γ and β in common, and each its own statistics", () => {
  const made = study("with batch norm");
  expect(leaves(made, "param")).toEqual(["enc/Wh", "enc/Wx", "enc/hh/g", "enc/hh/k", "enc/xh/g", "enc/xh/k"]);
  expect(leaves(made, "population").filter((n) => n.endsWith("/m"))).toEqual([
    "enc/hh/m",
    "enc/xh/m",
    "enc_2/hh/m",
    "enc_2/xh/m",
  ]);
  const { plan } = made.compile(wasm, ["train", "infer"]);
  const kept = plan.entries.infer!.tensors.filter(({ role }) => role.kind === "param" || role.kind === "stat");
  expect(new Set(kept.map(({ name }) => name)).size).toBe(kept.length);
});

it("a norm placed at a site of the first scan is at that of all scans with its weights", () => {
  const { sites } = compile(twoScans("none", "place enc.hh : layer"));
  expect(sites.map((s) => [s.name, s.norm?.name, s.like])).toEqual([
    ["enc/hh", "layer", undefined],
    ["enc/xh", undefined, undefined],
    ["enc_2/hh", "layer", "enc/hh"],
    ["enc_2/xh", undefined, "enc/xh"],
  ]);
});

describe("a session", () => {
  const backend = opened(places.wasm);
  it("trains, estimates, evaluates, and continues from a checkpoint", async () => {
    const { graph, dims } = whole["with batch norm"];
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T }, wasm);
    const session = await Session.open(made, backend(), { seed: 3 });
    const random = uniform(8);
    const draw = (n: number) => Float32Array.from(sample(n, [-1, 1], random));
    const batch = {
      steps: T,
      examples: B,
      inputs: { a: draw(T * B * D), b: draw(T * B * D), z: draw(T * B * H) },
    };
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) losses.push((await session.train(batch, { lr: 0.03 })).loss);
    expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]);
    await session.estimate([batch]);
    const evaluation = await session.evaluate([batch, batch]);
    expect(evaluation.loss).toBeLessThan(losses[0]);
    session.close();
  });
});

describe.each([places.wasm, places.glsl])("in segments on $name", (place) => {
  const backend = opened(place);
  it("has the reference's numbers", async () => {
    const { graph, dims } = compile(`${cell("layer")}
model m(D = 3, H = 4) {
  input a : [D] over time
  input b : [D] over time
  target z : [H]
  ha = scan c(D, H) as enc over a
  hb = scan enc over b
  loss mse(enc.h * enc_2.h, z) + mean(square(ha - hb), over feature)
}`);
    const options = { dims, batch: B, time: 12, seed: 5 };
    const made = cutInSegments((memory) => new Study(graph, { ...options, memory }), place.target, 12);
    const errors = await made.targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([places.wasm, places.wgsl])("a stream on $name", (place) => {
  const backend = opened(place);
  it("has the states of each scan", async () => {
    const { graph, dims } = compile(
      `${cell("batch")}\nmodel m(D = 3, H = 4) {\n  input a : [D] over time\n  h1 = scan c(D, H) as enc over a\n  h2 = scan enc over 0.5 * a\n  out = enc.h + enc_2.h\n  output h1, h2, out\n}`,
    );
    const entries = ["infer", "estimate", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, place.target);
    const session = await Session.open(made, backend(), { seed: 3 });
    const a = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
    const batch = { steps: T, examples: B, inputs: { a } };
    await session.estimate([batch]);
    const { h1, h2, out } = (await session.infer(batch)).outputs;
    const stream = await session.stream();
    const steps: Readonly<Record<string, Float32Array>>[] = [];
    for (let t = 0; t < T; t++) steps.push(await stream.next({ a: a.subarray(t * B * D, (t + 1) * B * D) }));
    const all = (name: string): readonly number[] => steps.flatMap((s) => [...s[name]]);
    expect(relativeError(h1, all("h1"))).toBeLessThan(tolerance.forward);
    expect(relativeError(h2, all("h2"))).toBeLessThan(tolerance.forward);
    expect(relativeError(out, [...steps[T - 1].out])).toBeLessThan(tolerance.forward);
    session.close();
  });
});

it("the siamese LSTM says how close the last states of two sentences are", () => {
  const { graph, dims } = elaborate("examples/models/siamese.cell", fileHost, { dims: { D: 3, H: 4 } });
  const made = new Study(graph, { dims, batch: 2, time: 3, lengths: [3, 2], seed: 2 });
  expect(leaves(made, "param")).toEqual(["reader/Wh", "reader/Wx", "reader/b"]);
  const { numbers: of } = made;
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  const last = (x: ArrayLike<number>, b: number, steps: number): readonly number[] => {
    let [h, c]: readonly number[][] = [Array(4).fill(0), Array(4).fill(0)];
    for (let t = 0; t < steps; t++) {
      const a = Array.from({ length: 16 }, (_, k) => {
        let sum = of["reader/b"][k];
        for (let j = 0; j < 4; j++) sum += h[j] * of["reader/Wh"][j * 16 + k];
        for (let j = 0; j < 3; j++) sum += x[(t * 2 + b) * 3 + j] * of["reader/Wx"][j * 16 + k];
        return sum;
      });
      c = c.map((v, k) => sigmoid(a[k]) * v + sigmoid(a[4 + k]) * Math.tanh(a[12 + k]));
      h = c.map((v, k) => sigmoid(a[8 + k]) * Math.tanh(v));
    }
    return h;
  };
  const truth = [3, 2].map((steps, b) => {
    const [left, right] = [last(of.a, b, steps), last(of.b, b, steps)];
    return Math.exp(-left.reduce((sum, v, k) => sum + Math.abs(v - right[k]), 0));
  });
  expect(relativeError(made.reference("infer").get("output:similarity")!, truth)).toBeLessThan(1e-12);
  expect(made.directionError()).toBeLessThan(tolerance.differences);
});

describe("a tied embedding", () => {
  const backend = opened(places.wasm);
  it.each([undefined, lengths])("has the gradients of both of its uses, of lengths %s", async (own) => {
    const { graph, dims } = compile(`${cell()}
model m(D = 3, V = 6) {
  param E : [V, D] = normal(0.1)
  input w : index(V) over time
  hs = scan c(D, D) over embed(delay(w, 1), E)
  logits = hs @ transpose(E)
  loss cross_entropy(logits, w)
}`);
    const made = new Study(graph, { dims, batch: B, time: T, seed: 4, lengths: own });
    expect(made.differenceError(["E"])).toBeLessThan(tolerance.differences);
    const errors = await made.targetErrors(wasm, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("names of scans", () => {
  const inModel = (body: string, params = "cell rnn = c"): string => `${cell()}
cell g(D = 3, H = 4) { param U : [D, H] = xavier; input x : [D]; state s : [H] = 0; s' = 0.5 * s + x @ U; output s' }
model m(D = 3, H = 4, ${params}) {
  input x : [D] over time
  input y : [H] over time
  ${body}
}`;
  const problem = (body: string) => {
    const found = problemsOf(inModel(body)).filter((d) => d.severity === "error");
    return [codes(found), found[0]?.message, found[0]?.help];
  };

  it("also reach into the cell that a model's parameter names", () => {
    const text = inModel("hs = scan rnn(D, H) as enc over x\n  output hs\n  loss sum(square(enc.Wh), over feature)");
    expect(compile(text).parameters.map((p) => p.name)).toEqual(["enc/Wx", "enc/Wh"]);
    expect(() => compile(text, { cells: { rnn: "g" } })).toThrow("`enc` has no parameter or state `Wh`");
  });

  it("are also those of scans that are not named by `as`", () => {
    expect(compile(inModel("hs = scan rnn(D, H) over x\n  output hs @ transpose(rnn.Wx)")).parameters).toHaveLength(2);
  });

  it.each([
    [
      "an unknown member",
      "hs = scan rnn(D, H) as enc over x\n  output enc.Whh",
      "C0201",
      "`enc` has no parameter or state `Whh`",
      "did you mean `Wh`?",
    ],
    [
      "a member of no scan",
      "hs = scan rnn(D, H) as enc over x\n  output dec.Wh",
      "C0201",
      "there is no scan `dec` above this line",
      "scans are enc",
    ],
    [
      "a member of a value",
      "hs = scan rnn(D, H) as enc over x\n  output hs.h",
      "C0201",
      "`hs` is a value, not a scan",
      "scans are enc",
    ],
    [
      "a name twice",
      "a = scan rnn(D, H) as enc over x\n  output scan g(D, H) as enc over x",
      "C0202",
      "`enc` already names another scan",
      "to scan with its weights, write scan enc over …; for weights of its own, choose another name",
    ],
    [
      "a cell's name",
      "output scan rnn(D, H) as g over x",
      "C0202",
      "`g` already names a cell",
      "choose another name: scan rnn(…) as g_1 over …",
    ],
    [
      "other dimensions",
      "a = scan rnn(D, H) as enc over x\n  output scan enc(D, H) over x",
      "C0236",
      "`enc` has its dimensions already",
      "write scan enc over …",
    ],
    [
      "another name",
      "a = scan rnn(D, H) as enc over x\n  output scan enc as dec over x",
      "C0236",
      "these weights have the name `enc` already",
      "use `enc` again: scan enc over …",
    ],
    [
      "another width",
      "a = scan rnn(D, H) as enc over x\n  output scan enc over y",
      "C0204",
      "`x` of `enc` is [D], and this is [H]",
      undefined,
    ],
    [
      "a norm of its own",
      "a = scan rnn(D, H) as enc over x\n  output scan enc over x\n  place enc_2.hh : layer",
      "C0208",
      "there is no site or parameter `enc_2.hh`",
      "did you mean `enc.hh`?",
    ],
  ])("do not allow %s", (_, body, code, message, help) => {
    expect(problem(body)).toEqual([[code], message, help]);
  });
});
