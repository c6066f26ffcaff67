/** What norms make of the population's statistics while training: batch renormalization, and norms of one's own. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { type Mode, place } from "../../compiler/passes/place.ts";
import { Session } from "../../runtime/session.ts";
import { cellWith, compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const cell = (norm: string, before = ""): string =>
  `${before}${cellWith(`site s = x @ Wx\nsite r = h @ Wh\nplace s, r : ${norm}`, "tanh(s + r)")}`;

/** A model of one site, without a recurrence. */
const model = (norm: string): string =>
  `model m(D = 1) { input x : [D]\nsite s = x\noutput s\nloss mse(s, 0)\nplace s : ${norm} }`;

/** What a model of one site computes of these examples, all leaves but them given by name. */
function normalized(
  norm: string,
  mode: Mode,
  x: readonly number[],
  leaves: Readonly<Record<string, number>>,
): number[] {
  const graph: Graph = place(mode).run(hoist.run(compile(model(norm)).graph));
  const dims = { D: 1, batch: x.length, time: 1, steps: 1 };
  const read = (name: string): number[] => (name === "x" ? [...x] : [leaves[name] ?? Number.NaN]);
  return [...interpret(graph, { dims, leaf: read }).get("output:s")!.data];
}

const plain = { "s/g": 1, "s/k": 0, momentum: 0.1 };
const close = (found: readonly number[], wanted: readonly number[]): void => {
  expect(found.length).toBe(wanted.length);
  found.forEach((v, i) => {
    expect(v).toBeCloseTo(wanted[i], 12);
  });
};

describe("batch renormalization of [1, 3], whose mean is 2 and standard deviation 1,", () => {
  const norm = "batch_renorm(eps = 0, r_max = 3, d_max = 5)";

  it("is by the population's statistics, where r and d are within their limits", () => {
    // x̂ · r + d = (x − μ) / σ, with μ = 1.5 and σ = 0.5.
    close(normalized(norm, "train", [1, 3], { ...plain, "s/collected": 1, "s/m": 1.5, "s/s": 0.5 }), [-1, 3]);
  });

  it("is corrected as far as the limits of r and d allow", () => {
    // r = 1 / 0.1 and d = (2 + 8) / 0.1, which are 10 and 100.
    close(normalized(norm, "train", [1, 3], { ...plain, "s/collected": 1, "s/m": -8, "s/s": 0.1 }), [2, 8]);
  });

  it("is batch normalization until a population was collected", () => {
    close(normalized(norm, "train", [1, 3], { ...plain, "s/collected": 0, "s/m": 0, "s/s": 0 }), [-1, 1]);
  });

  it("is by the population's statistics at inference", () => {
    close(normalized(norm, "infer", [1, 3], { ...plain, "s/m": 1.5, "s/s": 0.5 }), [-1, 3]);
  });

  it.each([
    [0, 1, 0],
    [5000, 1, 0],
    [15000, 1 + 2 * (10000 / 35000), 2.5],
    [25000, 1 + 2 * (20000 / 35000), 5],
    [40000, 3, 5],
    [1e6, 3, 5],
  ])("after %i updates has the paper's limits, %f for r and %f for d", (updates, r, d) => {
    const leaves = { ...plain, step: updates + 1, "s/collected": 1, "s/m": -98, "s/s": 0.01 };
    close(normalized("batch_renorm(eps = 0)", "train", [1, 3], leaves), [d - r, d + r]);
  });
});

describe("streaming normalization of [1, 3]", () => {
  const norm = "streaming(own = 0.25, eps = 0.5)";
  const mixed = (m: number, v: number): number[] => [1, 3].map((x) => (x - m) / Math.sqrt(v + 0.5));

  it("mixes the batch's mean 2 and variance 1 with the moving averages", () => {
    const known = { ...plain, "s/collected": 1, "s/m": 4, "s/v": 9 };
    close(normalized(norm, "train", [1, 3], known), mixed(0.25 * 2 + 0.75 * 4, 0.25 * 1 + 0.75 * 9));
  });

  it("is batch normalization until there are averages", () => {
    close(normalized(norm, "train", [1, 3], { ...plain, "s/collected": 0, "s/m": 4, "s/v": 9 }), mixed(2, 1));
  });

  it("is by the averages at inference", () => {
    close(normalized(norm, "infer", [1, 3], { ...plain, "s/m": 4, "s/v": 9 }), mixed(4, 9));
  });
});

describe("a ramp", () => {
  const scaled = (ramp: string, mode: Mode, step: number): number => {
    const text = `norm scaled(x, by = ${ramp}) { by * x }\n${model("scaled")}`;
    const graph = place(mode).run(compile(text).graph);
    const read = (name: string): number[] => (name === "x" ? [1] : [step]);
    return interpret(graph, { dims: { D: 1, batch: 1, time: 1 }, leaf: read }).get("output:s")!.data[0];
  };

  it.each([
    ["ramp(2, 4, 10, 20)", 1, 2],
    ["ramp(2, 4, 10, 20)", 16, 3],
    ["ramp(2, 4, 10, 20)", 21, 4],
    ["ramp(4, 2, 10, 10)", 10, 4],
    ["ramp(4, 2, 10, 10)", 11, 2],
  ])("%s is, in the %i-th step of training, %f", (ramp, step, value) => {
    expect(scaled(ramp, "train", step)).toBeCloseTo(value, 12);
  });

  it("is at inference what it comes to", () => {
    expect(scaled("ramp(2, 4, 10, 20)", "infer", Number.NaN)).toBe(4);
  });

  it("may be in a cell's equations, too", () => {
    const { graph } = compile(cellWith("", "ramp(0.5, 1, 0, 10) * tanh(h @ Wh + x @ Wx)"));
    const study = new Study(graph, { dims: { D: 3, H: 4 }, batch: 2, time: 2 });
    expect(study.differenceError()).toBeLessThan(tolerance.differences);
  });
});

describe("the population's statistics before a batch", () => {
  const backend = opened(places.wasm);
  /** Its derivative reads the population's statistic, forward and backward. */
  const own = "norm own(x) {\n  stat m = mean(x^2, over batch)\n  x * population(m) / (1 + m)\n}\n";

  it.each(["column", "whole"] as const)("are overwritten when all else is done, loops of owner %s", async (owner) => {
    const { graph } = compile(cell("own", own));
    const loops = { forward: owner, backward: owner };
    const study = new Study(graph, { dims: { D: 3, H: 4 }, batch: 3, time: 3, loops });
    expect(study.differenceError()).toBeLessThan(tolerance.differences);
    const errors = await study.targetErrors(places.wasm.target, backend());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });

  it("are looked at with a cap on memory and with the batch in parts, too", async () => {
    const { graph } = compile(cell("own", own));
    for (const more of [{ memory: 1 << 13 }, { parts: 2 }]) {
      const study = new Study(graph, { dims: { D: 3, H: 4 }, batch: 4, time: 3, ...more });
      const errors = await study.targetErrors(places.wasm.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    }
  });

  it("are none in the first step of a training, and those of the first in the second", async () => {
    const text = model("batch_renorm(eps = 0, r_max = 3, d_max = 5)");
    const { graph, dims } = compile(text);
    const executable = compileGraph(graph, { dims, path: "m.cell", batch: 2, time: 1 }, places.wasm.target);
    const session = await Session.open(executable, backend(), { seed: 1 });
    const loss = async (...x: readonly number[]): Promise<number> => {
      const batch = { examples: 2, steps: 1, inputs: { x: Float32Array.from(x) } };
      return (await session.train(batch, { lr: 1e-30, momentum: 0.5 })).loss;
    };
    // γ is 0.1, and the loss the mean square.
    expect(await loss(1, 3)).toBeCloseTo(0.01 * ((1 + 1) / 2), 6);
    // By mean 2 and deviation 1.
    expect(await loss(2, 5)).toBeCloseTo(0.01 * ((0 + 9) / 2), 6);
    // By half of those and half of 3.5 and 1.5.
    expect(await loss(2.75, 5.25)).toBeCloseTo(0.01 * ((0 + 4) / 2), 6);
    session.close();
  });

  it("are collected anew by an estimation, in the middle of a schedule", async () => {
    const { graph, dims } = compile(model("batch_renorm(eps = 0)"));
    const executable = compileGraph(graph, { dims, path: "m.cell", batch: 2, time: 1 }, places.wasm.target);
    const session = await Session.open(executable, backend(), { seed: 1 });
    const batch = (...x: number[]) => ({ examples: 2, steps: 1, inputs: { x: Float32Array.from(x) } });
    await session.train(batch(10, 30), { lr: 1e-30 });
    expect(await session.estimate([batch(1, 3), batch(4, 8)])).toBe(2);
    expect([...(await session.read("s/m")), ...(await session.read("s/s"))]).toEqual([4, 1.5]);
    session.close();
  });
});

describe("the population of a value that is over no steps", () => {
  const backend = opened(places.wasm);
  const text = `model m(D = 1) {
  input x : [D] over time
  target y : [D]
  site s = last(x)
  output s
  loss mse(s, y)
  place s : batch(eps = 0)
}`;

  it.each(["estimated", "of the first two steps of a training"])(
    "%s has each example once, however long it is",
    async (how) => {
      const { graph, dims } = compile(text);
      const options = { dims, path: "main.cell", batch: 2, time: 8, ragged: true, optimizer: "sgd" } as const;
      const session = await Session.open(compileGraph(graph, options, places.wasm.target), backend(), { seed: 1 });
      const batch = (last: readonly number[], length: number) => ({
        steps: length,
        examples: 2,
        lengths: [length, length],
        inputs: {
          x: Float32Array.from({ length: 2 * length }, (_, i) => (i < 2 * length - 2 ? 9 : last[i % 2])),
          y: new Float32Array(2),
        },
      });
      // Means 1 and 5: of 8 steps and of one.
      const batches = [batch([0, 2], 8), batch([4, 6], 1)];
      if (how === "estimated") await session.estimate(batches);
      else for (const one of batches) await session.train(one, { lr: 1e-3, momentum: 0 });
      const { seenOver } = (await session.state()).counters;
      expect(seenOver).toEqual({ "": [2] });
      const mean = (await session.state()).tensors.get("s/m")!.data;
      expect([...mean]).toEqual([3]);
      session.close();
    },
  );
});
