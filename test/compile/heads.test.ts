/** Heads as a dimension: shapes with `H / N`, `dim`, as many parts as N says; whole, ragged, in segments, and step by step. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 6, 5, 7];

/** Linear attention of N heads, whose first head is also read by itself. */
const text = `cell heads(D = 3, H = 6, N = 2) {
  dim P = H / N
  param Wx : [D, 3H]      = xavier
  param Wh : [N, P, P]    = uniform(0.5)
  input x : [D]
  state h : [H] = 0.1
  state S : [N, P, H / N] = 0
  q, k, v = split(x @ Wx, 3)
  r = headwise(reshape(h, [N, P]), Wh)
  S' = 0.9 * S + reshape(k, [N, P, 1]) * reshape(v, [N, 1, P]) / P
  a = reshape(sum(S' * reshape(q, [N, P, 1]), over first), [P, P])
  first = split(h, N)[N - 1] * sigmoid(h[:H / N]) + h[P:2P] * h[H - 2P:H - P]
  h' = tanh(reshape(r, [H]) + reshape(sum(S' * reshape(q, [N, P, 1]), over last), [N * P]) + concat(first, h[H / N:]) + sum(a, over feature))
  output h'
}
model m(D = 3, N = 2, P = 3, H = N * P) {
  input x : [D] over time
  target y : [H] over time
  hs = scan heads(D, H, N) over x
  output hs
  loss mse(hs, y)
}
`;

describe.each([2, 3])("with %i heads", (N) => {
  const { graph, dims } = compile(text, { dims: { N, P: H / N } });
  const study = (more: Partial<StudyOptions> = {}): Study =>
    new Study(graph, { dims, batch: B, time: T, seed: 3, ...more });

  it("its gradients are those of differences", () => {
    expect(study().directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    const variants: Readonly<Record<string, Partial<StudyOptions>>> = {
      whole: {},
      "of different lengths": { lengths: [7, 3, 5, 1, 2] },
      "in segments": { steps: 40, memory: 60_000 },
    };
    // A shader compiler takes its time.
    const some = place === places.wasm ? Object.keys(variants) : N === 2 ? ["whole"] : [];
    it.each([...some, "at inference"])("%s it has the reference's numbers", async (variant) => {
      const entry = variant === "at inference" ? "infer" : "train";
      const errors = await study(variants[variant]).targetErrors(place.target, backend(), [entry]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      if (entry === "train") expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });

  it("a stream gives what the whole sequence gives", async () => {
    const entries = ["infer", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, places.wasm.target);
    const backend = await places.wasm.open();
    const session = await Session.open(made, backend, { seed: 3 });
    const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
    const whole = (await session.infer({ steps: T, examples: B, inputs: { x, y: null } })).outputs;
    const stream = await session.stream();
    const hs: number[] = [];
    for (let t = 0; t < T; t++) hs.push(...(await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) })).hs);
    expect(hs.length).toBe(T * B * H);
    expect(relativeError(whole.hs, hs)).toBeLessThan(tolerance.forward);
    session.close();
    backend.close();
  });
});
