/** `range(n)` as a value: computed where it is read, in and out of loops, and in memory only where something needs it there. */
import { describe, expect, it } from "vitest";
import { lower } from "../../compiler/lower.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { allOps, codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const { graph, dims } = compile(`cell c(D = 5, H = 8) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param P  : [D, H] = xavier
  param s  : []     = 0.2
  input x : [D]
  state h : [H] = 0.1
  state clock : [1] = 0
  clock' = clock + 1
  site a = h @ Wh + x @ Wx + range(D) @ P * 0.1 + range(H, s, s)
  h' = where(mod(clock, range(H, 2)) < 1, tanh(a), h)
  output h'
  place a : layer(gamma = 0.5)
}
model m(D = 5, H = 8) {
  input x : [D] over time
  input i : index(H)
  target z : [H]
  hs = scan c(D, H) over x
  positions = range(H)
  backwards = transpose(reshape(range(2 * H, H, -1), [2, H])) @ range(2)
  output last(hs), positions, backwards
  loss mse(last(hs) * (range(H) == i) + last(cumsum(hs)) / (1 + range(H)), z)
}
`);

const study = (more: Partial<StudyOptions> = {}): Study =>
  new Study(graph, { dims, batch: 3, time: 4, seed: 2, ...more });

describe.each([{}, { lengths: [4, 1, 3] }])("in a program %j", (more) => {
  const made = study(more);

  it("has the gradients of differences", () => {
    expect(made.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);

    it("is what the reference says", async () => {
      const errors = await made.targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

it("in segments is what the reference says", async () => {
  const cut = study({ steps: 40, memory: 28_000 });
  const { plan } = cut.compile(places.wasm.target, ["train"]);
  expect(plan.entries.train!.regions.work.segment?.length).toBeLessThan(40);
  const backend = await places.wasm.open();
  const errors = await cut.targetErrors(places.wasm.target, backend, ["train"]);
  backend.close();
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
});

it("counts from 0, or from where it is told", () => {
  const truths = study().reference("infer");
  expect([...truths.get("output:positions")!]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...truths.get("output:backwards")!]).toEqual([0, -1, -2, -3, -4, -5, -6, -7]);
});

it("is copied only where it is a result", () => {
  const { ops } = materialise().run(lower(graph, {}, ["train"]).entries.train);
  const positions = new Set(ops.flatMap((op) => (op.op === "iota" ? op.results : [])));
  const copies = allOps({ ...graph, ops }).filter((op) => op.op === "copy" && positions.has(op.operands[0]));
  expect(copies.flatMap((op) => op.results.map(({ name }) => name))).toEqual(["positions"]);
});

describe("a message", () => {
  const cell = (value: string): string => `cell c(H = 4) {\n  input x : [H]\n  output x + ${value}\n}\n`;

  it.each([
    ["range(0)", "C0222"],
    ["range(x)", "C0222"],
    ["range(2.5)", "C0222"],
    ["range(3)", "C0204"],
    ["range()", "C0205"],
  ])("to %s", (value, code) => {
    expect(codes(problemsOf(cell(value)))).toEqual([code]);
  });
});
