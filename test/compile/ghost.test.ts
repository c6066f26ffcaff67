/** Ghost batch normalization: statistics of groups of examples. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { cellWith, codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T] = [3, 4, 3];
const dims = { D, H };
const text = (norm: string): string =>
  cellWith(`site s = h @ Wh\nsite t = x @ Wx\nplace s : ${norm}\nplace t : ghost(n = 2, gamma = 0.5)`, "tanh(s + t)");
const study = (
  batch: number,
  norm = "ghost(n = 4)",
  more: Partial<ConstructorParameters<typeof Study>[1]> = {},
): Study => new Study(compile(text(norm)).graph, { dims, batch, time: T, ...more });

describe("ghost", () => {
  it("is batch norm of each group by itself", () => {
    const { norms } = compile(text("ghost(n = 2, gamma = 1, beta = 0, eps = 0)")).graph;
    const given: Record<string, number[]> = { x: [1, 3, 10, 50], "s/g": [2], "s/k": [1] };
    const y = interpret(norms.get("s")!, { dims: { H: 1, batch: 4, time: 1 }, leaf: (name) => given[name] });
    expect([...y.get("output:y")!.data]).toEqual([-1, 3, -1, 3]);
  });

  it("keeps the average over the groups as the population's statistic", () => {
    const own = study(8).reference("train");
    const batch = new Study(compile(text("batch")).graph, { dims, batch: 8, time: T, numbers: study(8).numbers });
    // At the first step both norms see the same states, whose mean over groups is that over all.
    const [mine, all] = [own.get("batch_stat:s/m")!, batch.reference("train").get("batch_stat:s/m")!];
    for (let h = 0; h < H; h++) expect(mine[h]).toBeCloseTo(all[h], 12);
  });

  it("is batch norm where the batch is a single group, and at inference", () => {
    const [ghost, batch] = ["ghost(n = 8)", "batch"].map((norm) => study(8, norm, { numbers: study(8).numbers }));
    for (const entry of ["train", "infer"] as const) {
      const [a, b] = [ghost, batch].map((s) => s.reference(entry).get("output:h")!);
      a.forEach((v, i) => {
        expect(v).toBeCloseTo(b[i], 12);
      });
    }
  });

  const wasm = opened(places.wasm);
  it.each([8, 4, 16])(
    "with batches of %i has the gradients that differences show, also on WebAssembly",
    async (batch) => {
      const checked = study(batch);
      expect(checked.directionError()).toBeLessThan(tolerance.differences);
      const errors = await checked.targetErrors(places.wasm.target, wasm());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    },
  );

  it("is the same with the batch in parts, and in segments of the sequence", async () => {
    const time = 24;
    const capped = cutInSegments((memory) => study(8, undefined, { memory, time }), places.wasm.target, time);
    for (const other of [study(12, undefined, { parts: 2 }), capped]) {
      const errors = await other.targetErrors(places.wasm.target, wasm());
      expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
      expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
    }
  });
});

describe.each([places.wgsl, places.glsl])("ghost on $name", (place) => {
  const backend = opened(place);
  it("is the reference's", async () => {
    const errors = await study(8).targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe("a batch", () => {
  const compiled = (batch: number, more = {}) =>
    compileGraph(compile(text("ghost(n = 4)")).graph, { dims, batch, time: T, path: "", ...more }, places.wasm.target);

  it("without whole groups is refused, unless it is only inferred", () => {
    expect(() => compiled(10)).toThrow(/C0243.*a batch of 10 has a rest of 2/);
    expect(() => compiled(3)).toThrow(/C0243.*a batch of 3 has a rest of 1/);
    compiled(10, { entries: ["infer", "start", "step"] });
  });

  it("of sequences of different lengths is refused", () => {
    expect(() => compiled(8, { ragged: true })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/C0243.*may differ in length/),
        diagnostics: [
          expect.objectContaining({ help: expect.stringMatching(/^place batch, and train with batches of [24]:/) }),
        ],
      }),
    );
    compiled(8, { ragged: true, entries: ["infer"] });
  });

  it("of the right size trains, and infers by the averages of its groups", async () => {
    const backend = await places.wasm.open();
    const session = await Session.open(compiled(8), backend, { seed: 1 });
    const x = Float32Array.from({ length: T * 8 * D }, (_, i) => Math.sin(i * i));
    const batch: Batch = { examples: 8, steps: T, inputs: { x, d_h: new Float32Array(T * 8 * H).fill(1) } };
    const { loss } = await session.train(batch, { lr: 0.01 });
    expect(Number.isFinite(loss)).toBe(true);
    const { outputs } = await session.infer(batch);
    expect(outputs.h.every(Number.isFinite)).toBe(true);
    session.close();
  });
});

it("is refused where a model has several time axes, which always may differ in length", () => {
  const model = (norm: string): string => `model m(D = 3) {
  input a : [D] over time
  input b : [D] over time other
  site s = a
  output s
  loss sum(s, over feature) + sum(last(b), over feature)
  place s : ${norm}
}`;
  const compiled = (norm: string, more = {}) =>
    compileGraph(compile(model(norm)).graph, { dims: { D }, batch: 8, time: T, path: "", ...more }, places.wasm.target);
  expect(() => compiled("ghost(n = 4)")).toThrow(/C0243.*may differ in length/);
  compiled("batch");
  compiled("ghost(n = 4)", { entries: ["infer"] });
});

describe("group_mean", () => {
  const of = (body: string): readonly string[] =>
    codes(problemsOf(`norm n(x) {\n${body}\n}\n${cellWith("site s = h @ Wh\nplace s : n", "tanh(s + x @ Wx)")}`));
  it.each([
    ["outside of a stat", "x - group_mean(x, 4)", "C0223"],
    ["of one example", "stat m = group_mean(x, 1)\nx - m", "C0222"],
    ["beside what differs from example to example", "stat m = x - group_mean(x, 4)\nm", "C0214"],
  ])("%s is refused", (_, body, code) => {
    expect(of(body)).toEqual([code]);
  });
});
