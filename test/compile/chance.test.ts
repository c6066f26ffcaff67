/** Masks whose share changes, uniform noise, and what is only done in training. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { lower } from "../../compiler/lower.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { cellWith, codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 4, 5, 6];
const dims = { D, H };

const study = (next: string, more = "", numbers = {}): Study =>
  new Study(compile(cellWith(more, next)).graph, { dims, batch: B, time: T, numbers });

const texts = {
  ramp: study("tanh(dropout(h, ramp(0, 0.5, 0, 4)) @ Wh + x @ Wx)"),
  "a share for each unit": study("m * n + (1 - m) * h", "n = tanh(h @ Wh + x @ Wx)\nm = mask(sigmoid(x @ Wx), n)"),
  "a share of a state, for a sequence": study("tanh(m * h @ Wh + x @ Wx)", "m = sequence_mask(ramp(1, 0.5, 0, 2), h)"),
  "a dropped parameter": study("tanh(h @ dropout(Wh, ramp(0, 0.5, 0, 4)) + x @ Wx)"),
  "uniform noise": study("tanh(h @ Wh + x @ Wx + uniform_noise(-1, 2, [H]))"),
  "training noise": study("tanh(h @ Wh + x @ Wx + training() * uniform_noise(0, 1, [H]))"),
  "straight through": study("tanh(s @ Wh + x @ Wx)", "s = h + stop(sign(h) - h)"),
};

describe("with chance", () => {
  const wasm = opened(places.wasm);
  it.each(Object.entries(texts).filter(([name]) => name !== "straight through"))(
    "gradients are what differences with the same draws show: %s",
    (_, checked) => {
      expect(checked.directionError()).toBeLessThan(tolerance.differences);
    },
  );
  it.each(Object.entries(texts))("WebAssembly has the reference's numbers: %s", async (_, checked) => {
    const errors = await checked.targetErrors(places.wasm.target, wasm());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });

  const wgsl = opened(places.wgsl);
  it("WebGPU has the reference's numbers", async () => {
    const errors = await texts["a share for each unit"].targetErrors(places.wgsl.target, wgsl(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("a mask whose share is a ramp", () => {
  it("is 1 in training where a uniform draw is below the share of the update", () => {
    const numbers = {
      step: [3],
      "noise/step": Array.from({ length: T * B * H }, (_, i) => ((i * 7) % 20) / 20 + 0.01),
    };
    const checked = new Study(compile(cellWith("", "mask(ramp(0, 1, 0, 4), h) + 0 * (h @ Wh + x @ Wx)")).graph, {
      ...{ dims, batch: B, time: T, numbers },
    });
    const h = checked.reference("train").get("output:h")!;
    // After 2 of 4 updates it keeps a half.
    expect([...h]).toEqual(numbers["noise/step"].map((u) => (u < 0.5 ? 1 : 0)));
  });

  it("is what the ramp comes to at inference and in estimates", () => {
    const drawn = study("mask(ramp(1, 0.5, 0, 4), h) * tanh(h @ Wh + x @ Wx)");
    const mean = study("0.5 * tanh(h @ Wh + x @ Wx)", "", drawn.numbers);
    for (const entry of ["infer", "estimate"] as const) expect(drawn.reference(entry)).toEqual(mean.reference(entry));
  });

  it("is no draw of a norm", () => {
    const text = `norm n(x) { x * mask(ramp(0, 1, 0, 4), x) }\n${cellWith("site s = h @ Wh\nplace s : n", "tanh(s + x @ Wx)")}`;
    expect(codes(problemsOf(text))).toEqual(["C0223"]);
  });
});

describe("training()", () => {
  const plain = "tanh(h @ Wh + x @ Wx)";
  it("chooses at compile time", () => {
    const chosen = study("where(training(), 2 * n, 3 * n)", `n = ${plain}`);
    for (const entry of ["train", "estimate", "infer"] as const) {
      const other = study(`${entry === "train" ? 2 : 3} * n`, `n = ${plain}`, chosen.numbers);
      expect(chosen.reference(entry)).toEqual(other.reference(entry));
      expect(printGraph(chosen.lowered.entries[entry])).not.toContain("select");
    }
  });

  it("works in a norm", () => {
    const text = (by: string): string =>
      `norm n(x) { x * (${by}) }\n${cellWith("site s = h @ Wh\nplace s : n", "tanh(s + x @ Wx)")}`;
    const of = (by: string) => lower(compile(text(by)).graph).entries;
    expect(printGraph(of("2 + training()").train)).toBe(printGraph(of("3").train));
    expect(printGraph(of("2 + training()").infer)).toBe(printGraph(of("2").infer));
  });
});

describe("uniform noise", () => {
  const backend = opened(places.wasm);
  const entries = ["train", "infer", "start", "step"] as const;
  const text = `cell c(H = ${H}) {
  input x : [H]
  state h : [H] = uniform_noise(2, 3)
  h' = h
  r = floor(x + uniform_noise(0, 1, [H]))
  output h', r
}
cell d = c with { state h : [H] = 10 + uniform_noise(-1, 0) }
model m(H = ${H}) {
  input x : [H] over time
  hs, rs = scan d(H) over x
  output hs, rs
  loss mean(hs, over feature) + mean(rs, over feature)
}`;
  const N = 400;
  const x = new Float32Array(T * N * H).fill(1.3);
  const batch: Batch = { examples: N, steps: T, inputs: { x } };
  const open = (): Promise<Session> =>
    Session.open(
      compileGraph(compile(text).graph, { dims: { H }, batch: N, time: T, path: "", entries }, places.wasm.target),
      backend(),
      { seed: 3 },
    );
  const meanOf = (v: Float32Array): number => v.reduce((a, b) => a + b, 0) / v.length;

  it("is drawn between its bounds, in equations and first states, and rounds at random", async () => {
    const session = await open();
    const { outputs } = await session.infer(batch, { noise: "drawn" });
    session.close();
    const { hs, rs } = outputs;
    expect(hs.every((h) => h >= 9 && h < 10)).toBe(true);
    // Four standard deviations of the mean of so many uniform draws.
    expect(Math.abs(meanOf(hs.subarray(0, N * H)) - 9.5)).toBeLessThan(4 / Math.sqrt(12 * N * H));
    expect(rs.every((r) => r === 1 || r === 2)).toBe(true);
    expect(Math.abs(meanOf(rs) - 1.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / rs.length));
  });

  it("is its mean at inference, so that rounding at random is to the nearest, in a stream, too", async () => {
    const session = await open();
    const { outputs } = await session.infer(batch);
    expect(outputs.hs.every((h) => h === 9.5)).toBe(true);
    expect(outputs.rs.every((r) => r === 1)).toBe(true);
    const stream = await session.stream();
    const step = await stream.next({ x: x.subarray(0, N * H) });
    expect(step.hs).toEqual(outputs.hs.subarray(0, N * H));
    expect(step.rs).toEqual(outputs.rs.subarray(0, N * H));
    session.close();
  });

  it("needs two bounds, the second larger", () => {
    const found = problemsOf(cellWith("n = uniform_noise(1, 1, [H])", "tanh(h @ Wh + x @ Wx + n)"));
    expect(found.map((d) => [d.code, d.message])).toEqual([["C0222", "there is nothing to draw between 1 and 1"]]);
  });
});
