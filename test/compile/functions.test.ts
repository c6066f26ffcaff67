/** The prelude's functions: against PyTorch, finite differences, and targets; near 0, in the middle, and far out. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { type FixtureTensors, readFixture } from "../fixtures/pytorch/fixture.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const { cases } = readFixture("functions");

/** A model of the value `text` of the arguments, its loss the sum of the value times `w`. */
function study(text: string, args: FixtureTensors, w: readonly number[], scalar: boolean): Study {
  const inputs = Object.entries(args).map(([name, { shape }]) => `  input ${name} : [${shape[1]}]\n`);
  const width = Object.values(args)[0].shape[1];
  const { graph, dims } = compile(
    `model m() {\n${inputs.join("")}  input w : [${scalar ? "" : text === "glu(a)" ? width / 2 : width}]
  y = ${text}
  output y
  loss sum(y * w, over feature)
}
`,
  );
  const [batch] = Object.values(args)[0].shape;
  const numbers = Object.fromEntries(Object.entries(args).map(([name, { data }]) => [name, data]));
  const options: StudyOptions = { dims, batch, time: 1, entries: ["train"], numbers: { ...numbers, w } };
  return new Study(graph, options);
}

describe("the reference says what PyTorch says of", () => {
  it.each(cases.map((c) => [c.text, c] as const))("%s", (text, { args, w, value, grads }) => {
    const found = study(text, args, w.data, value.shape.length === 1).reference("train");
    expect(relativeError(found.get("output:y")!, value.data)).toBeLessThan(tolerance.pytorch);
    const [batch] = value.shape;
    for (const [name, { data }] of Object.entries(grads)) {
      // The loss is a mean over examples, the fixture's is a sum.
      const own = found.get(`grad:${name}`)?.map((g) => g * batch) ?? new Float64Array(data.length);
      expect(relativeError(own, data), name).toBeLessThan(tolerance.pytorch);
    }
  });
});

/** All that have a value for each of 12 elements, in one program. */
const elementwise = cases.filter(({ value: { shape } }) => shape[1] === 12);

/** A program of them, with numbers within ±`size`, or ±1 where functions are defined for no more. */
function all(size: number): Study {
  const inUnit = (text: string): boolean => /^(asin|acos|log1p|tan|pow|lgamma)/.test(text);
  const values = elementwise.map(({ text }) =>
    inUnit(text) ? text.replace(/\ba\b/g, "u").replace(/\bb\b/g, "v") : text,
  );
  const { graph, dims } = compile(`model m(N = 12) {
  input a : [N]
  input b : [N]
  input u : [N]
  input v : [N]
${values.map((text, i) => `  y${i} = ${text}\n  output y${i}\n`).join("")}
  loss sum(${values.map((_, i) => `tanh(y${i}${i % 2 ? " - 0.1" : ""})`).join(" + ")}, over feature)
}
`);
  // `turn` is also the phase: where a is a multiple of b, `mod` jumps.
  const spread = (n: number, turn: number): Float32Array =>
    Float32Array.from({ length: 24 }, (_, i) => n * Math.sin((i + 0.6) * turn));
  const numbers = {
    ...{ a: spread(size, 0.77), b: spread(size, 1.21) },
    ...{ u: spread(0.45, 0.6).map((x) => x + 0.5), v: spread(1, 0.9) },
  };
  return new Study(graph, { dims, batch: 2, time: 1, entries: ["train", "infer"], numbers });
}

describe("all functions of one element", () => {
  it("have the gradients of differences", () => {
    expect(all(2.5).directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);

    it("are the reference's", async () => {
      const errors = await all(2.5).targetErrors(place.target, backend(), ["train", "infer"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });

    it("are finite far out, where they are in f64", async () => {
      const far = all(70);
      const truths = far.reference("train");
      const found = (await far.run(place.target, backend(), ["train"])).get("train")!;
      for (const [key, truth] of truths) {
        const numbers = found.get(key) ?? found.get(`output:d_${key.slice("grad:".length)}`)!;
        truth.forEach((y, i) => {
          if (Math.abs(y) < 1e30)
            expect(Number.isFinite(numbers[i]), `${key} ${i}: ${numbers[i]}, not ${y}`).toBe(true);
        });
      }
    });
  });
});
