/** Dropout, zoneout and the masks they are made of: drawn to train, exact at inference, the same from the same seed everywhere. */

import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Batch } from "../../runtime/batch.ts";
import { keyOf, noiseAt } from "../../runtime/random.ts";
import { Session } from "../../runtime/session.ts";
import { uniform } from "../ir/numbers.ts";
import { cellWith, compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { cutInSegments } from "./segments-of.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 5, 4, 6];

const example = (file: string, entry: string): Graph => elaborate(`examples/${file}.cell`, fileHost, { entry }).graph;

/** With every kind of mask: for steps, for sequences, for a parameter; and with a statistic after one. */
const everything = compile(
  cellWith(
    `site s = dropout(h, 0.3) @ dropout(Wh, 0.2)
  place s : batch
  n = tanh(s + variational_dropout(x, 0.4) @ Wx)`,
    "zoneout(n, h, 0.25)",
  ),
).graph;

const graphs = {
  zoneout: example("zoneout", "zoneout_lstm"),
  recurrent: example("dropout_lstm", "recurrent_dropout_lstm"),
  variational: example("dropout_lstm", "variational_lstm"),
  everything,
};
type Name = keyof typeof graphs;
const names = Object.keys(graphs) as Name[];

const study = (name: Name, memory?: number, time = T): Study =>
  new Study(graphs[name], { dims: { D, H }, batch: B, time, memory });

describe("gradients through masks", () => {
  const wasm = opened(places.wasm);

  it.each(names)("of %s are what differences with the same masks show, also on WebAssembly", async (name) => {
    const checked = study(name);
    expect(checked.directionError()).toBeLessThan(tolerance.differences);
    const errors = await checked.targetErrors(places.wasm.target, wasm());
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });

  it("are the same where a cap on memory has the sequence cut in segments", async () => {
    const time = 40;
    const capped = cutInSegments((memory) => study("everything", memory, time), places.wasm.target, time);
    const errors = await capped.targetErrors(places.wasm.target, wasm());
    expect(errors.forward).toBeLessThan(tolerance.stacked.forward);
    expect(errors.gradient).toBeLessThan(tolerance.stacked.gradient);
  });

  const wgsl = opened(places.wgsl);
  it("are the reference's on WebGPU", async () => {
    const errors = await study("everything").targetErrors(places.wgsl.target, wgsl(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

/** The entries of a cell as text, its numbers alone. */
const entriesOf = (h: string, more = "") => lower(compile(cellWith(more, h)).graph).entries;

describe("at inference", () => {
  const plain = "tanh(h @ Wh + x @ Wx)";

  it("dropout is not there, and neither is it where statistics are estimated", () => {
    const without = entriesOf(plain);
    const dropped = entriesOf("tanh(dropout(h, 0.3) @ Wh + dropout(x @ Wx, 0.1))");
    const variational = entriesOf("tanh(variational_dropout(h, 0.3) @ dropout(Wh, 0.7) + x @ Wx)");
    for (const entry of ["infer", "estimate"] as const) {
      expect(printGraph(dropped[entry])).toBe(printGraph(without[entry]));
      expect(printGraph(variational[entry])).toBe(printGraph(without[entry]));
    }
    expect(printGraph(dropped.train)).toContain("bernoulli");
  });

  it("zoneout is the mean of the new value and the old one by their rates", () => {
    const ofText = (next: string, numbers = {}): Study =>
      new Study(compile(cellWith(`n = ${plain}`, next)).graph, { dims: { D, H }, batch: B, time: T, numbers });
    const zoned = ofText("zoneout(n, h, 0.25)");
    const mean = ofText("0.75 * n + 0.25 * h", zoned.numbers);
    for (const entry of ["infer", "estimate"] as const) expect(zoned.reference(entry)).toEqual(mean.reference(entry));
  });

  it("a rate of 0 is no regulariser, in training either", () => {
    const zero = entriesOf("zoneout(dropout(n, 0), h, 0)", `n = ${plain}`);
    const without = entriesOf("n", `n = ${plain}`);
    for (const entry of ["train", "estimate", "infer"] as const)
      expect(printGraph(zero[entry])).toBe(printGraph(without[entry]));
  });

  it("the plan has no mask to fill, as it has in training", () => {
    const options = { dims: { D, H }, batch: B, time: T, path: "" };
    const { entries } = compileGraph(everything, options, places.wasm.target).plan;
    const masks = (entry: keyof typeof entries) => entries[entry]!.tensors.filter(({ role }) => role.kind === "noise");
    expect(masks("infer")).toEqual([]);
    expect(masks("estimate")).toEqual([]);
    expect(masks("train").map(({ name, time, shape }) => [name, time, shape])).toEqual([
      ["mask/step", true, [B, H]],
      ["mask/sequence", false, [H, H]],
      ["mask/sequence_2", false, [B, D]],
      ["mask/step_2", true, [B, H]],
    ]);
  });
});

function batchOf(examples: number, seed = 1): Batch {
  const random = uniform(seed);
  const some = (n: number): Float32Array => Float32Array.from({ length: T * examples * n }, () => 2 * random() - 1);
  return { examples, steps: T, inputs: { x: some(D), d_h: some(H) } };
}

describe("a session", () => {
  const backend = opened(places.wasm);
  const open = (batch: number, seed: number): Promise<Session> => {
    const options = { dims: { D, H }, batch, time: T, path: "" };
    return Session.open(compileGraph(everything, options, places.wasm.target), backend(), { seed });
  };

  it("draws masks that are 1 as often as they keep, each step and each run its own", async () => {
    const [examples, seed] = [600, 5];
    const session = await open(examples, seed);
    const masks: Float32Array[] = [];
    for (let run = 0; run < 2; run++) {
      await session.run("train", batchOf(examples));
      // What is drawn is a pure function of seed, name, place and run, so every target has the same.
      masks.push(await session.read("mask/step"), await session.read("mask/step_2"));
      const key = keyOf(seed, "noise/train/mask/step");
      const noise = { distribution: "bernoulli", keep: 0.7 } as const;
      expect(masks[2 * run]).toEqual(Float32Array.from(masks[0], (_, i) => noiseAt(noise, key, i, run)));
      await session.train(batchOf(examples), { lr: 1e-30 });
    }
    session.close();
    for (const [i, mask] of masks.entries()) {
      const keep = i % 2 === 0 ? 1 - 0.3 : 1 - 0.25;
      expect(mask).toHaveLength(T * examples * H);
      expect(mask.every((m) => m === 0 || m === 1)).toBe(true);
      // Four standard deviations of a binomial share, over all, of a step, and of a unit.
      const near = (share: number, n: number): void =>
        expect(Math.abs(share - keep)).toBeLessThan(4 * Math.sqrt((keep * (1 - keep)) / n));
      near(shareOf(mask, mask), mask.length);
      const step = mask.length / T;
      for (let t = 0; t < T; t++) near(shareOf(mask.subarray(t * step, (t + 1) * step)), step);
      for (let h = 0; h < H; h++) near(shareOf(mask.filter((_, at) => at % H === h)), mask.length / H);
      // Independent of the next step's, of the next run's, and of the other mask's: they are both 1 as often as chance has it.
      const others = [mask.subarray(step), masks[(i + 2) % 4], masks[i ^ 1]];
      const keeps = [keep, keep, i % 2 === 0 ? 1 - 0.25 : 1 - 0.3];
      others.forEach((other, at) => {
        const both = keep * keeps[at];
        const share = shareOf(other.map((m, k) => m * mask[k]));
        expect(Math.abs(share - both)).toBeLessThan(4 * Math.sqrt((both * (1 - both)) / other.length));
      });
    }
  });

  it("restored from a checkpoint goes on with the same masks, so with the same bits", async () => {
    const straight = await open(B, 3);
    const losses: number[] = [];
    const train = async (session: Session, step: number) => (await session.train(batchOf(B, step), { lr: 0.01 })).loss;
    for (const step of [1, 2]) await train(straight, step);
    const kept = await straight.state();
    for (const step of [3, 4]) losses.push(await train(straight, step));
    const masks = async (session: Session): Promise<Float32Array> => {
      await session.run("train", batchOf(B));
      return session.read("mask/step");
    };

    // Of another seed until it is restored.
    const resumed = await open(B, 4);
    await resumed.restore(kept);
    const again: number[] = [];
    for (const step of [3, 4]) again.push(await train(resumed, step));
    expect(again).toEqual(losses);
    expect((await resumed.state()).tensors).toEqual((await straight.state()).tensors);
    expect(await masks(resumed)).toEqual(await masks(straight));
    straight.close();
    resumed.close();
  });

  it("estimates the statistics of the network without masks, and infers the same each time", async () => {
    const session = await open(B, 3);
    const means = async (seed: number): Promise<Float32Array> => {
      await session.estimate([batchOf(B, seed)]);
      return session.read("s/m");
    };
    const first = await means(1);
    expect(first.some((m) => m !== 0)).toBe(true);
    expect(await means(1)).toEqual(first);
    const { outputs } = await session.infer(batchOf(B));
    expect((await session.infer(batchOf(B))).outputs).toEqual(outputs);
    // In training the batch's own statistics are those of the masked network, others in each run.
    const own = async (): Promise<Float32Array> => {
      await session.run("train", batchOf(B));
      return session.read("s/m");
    };
    const masked = await own();
    expect(masked).not.toEqual(first);
    session.close();
  });
});

const shareOf = (mask: Float32Array, of: Float32Array = mask): number =>
  mask.reduce((sum, m) => sum + m, 0) / of.length;
