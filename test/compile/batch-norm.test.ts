import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const sizes = { D: 3, H: 5 };
/** Wherever nothing else is meant, so that a device compiles the kernels of `bnlstm` once for all tests. */
const usual = { batch: 4, time: 4 };

function bnlstm(options: Omit<StudyOptions, "dims">): Study {
  const { graph, dims } = elaborate("examples/cells/bnlstm.cell", fileHost, { dims: sizes });
  return new Study(graph, { dims, ...options });
}

/** An LSTM-like cell whose first state is learned, and reaches all else through the site `hh` alone. */
const learned = (placement: string): string => `cell learned(D = 3, H = 5) {
  param Wx : [D, 2H] = xavier
  param Wh : [H, 2H] = orthogonal
  param h0 : [H] = 0.5
  input x : [D]
  state h : [H] = h0
  state c : [H] = 0
  site hh = h @ Wh
  i, g = split(hh + x @ Wx, 2)
  c' = 0.5 * c + sigmoid(i) * tanh(g)
  h' = tanh(c')
  output h'
  ${placement}
}
`;

const largest = (numbers: ArrayLike<number>): number => Math.max(...Array.from(numbers, Math.abs));

/** Sums over the batch: [T, B, D] → [T · D]. */
function overBatch(numbers: ArrayLike<number>, batch: number, width: number): readonly number[] {
  const steps = numbers.length / (batch * width);
  return Array.from({ length: steps * width }, (_, k) => {
    const from = Math.floor(k / width) * batch * width + (k % width);
    return Array.from({ length: batch }, (_, i) => numbers[from + i * width]).reduce((a, b) => a + b);
  });
}

describe.each(Object.values(places))("batch normalization on $name", (place) => {
  const backend = opened(place);
  const train = async (s: Study) => (await s.run(place.target, backend(), ["train"])).get("train")!;

  it("lets no gradient through for what all examples share: inputs' gradients cancel over the batch", async () => {
    const dx = (await train(bnlstm(usual))).get("output:d_x")!;
    expect(largest(dx)).toBeGreaterThan(1e-4);
    expect(largest(overBatch(dx, usual.batch, sizes.D))).toBeLessThan(tolerance.gradient * largest(dx));
  });

  it("gives a learned initial state no gradient, which has one without the norm", async () => {
    const gradient = async (placement: string): Promise<Float32Array> => {
      const { graph } = compile(learned(placement));
      return (await train(new Study(graph, { dims: sizes, batch: 6, time: 4 }))).get("grad:h0")!;
    };
    expect(largest(await gradient("place hh : batch"))).toBeLessThan(1e-6);
    expect(largest(await gradient(""))).toBeGreaterThan(1e-3);
  });

  it("stays finite, forward and backward, where all examples are alike", async () => {
    const x = Float64Array.from({ length: usual.time * usual.batch * sizes.D }, (_, k) => Math.sin(k % sizes.D));
    const alike = bnlstm({ ...usual, numbers: { x } });
    const results = await train(alike);
    for (const [key, numbers] of results) expect(numbers.every(Number.isFinite), key).toBe(true);
    expect(largest(results.get("batch_stat:xh/v")!)).toBeLessThan(1e-12);
  });

  it("makes nothing of a batch of one: its normalized value is zero, whatever it is", async () => {
    const of = async (seed: number): Promise<Float32Array> => {
      // The same parameters, another input.
      const { numbers } = bnlstm({ batch: 1, time: 4, seed: 1 });
      const { numbers: other } = bnlstm({ batch: 1, time: 4, seed });
      return (await train(bnlstm({ batch: 1, time: 4, numbers: { ...numbers, x: other.x } }))).get("output:h")!;
    };
    expect(largest(await of(2))).toBeGreaterThan(1e-3);
    expect(await of(2)).toEqual(await of(3));
  });

  it("serves steps beyond the last kept with its last row, in inference", async () => {
    const short = bnlstm({ batch: 4, time: 9, steps: 4 });
    expect((await short.targetErrors(place.target, backend(), ["infer"])).forward).toBeLessThan(tolerance.forward);
    // The same statistics, rows repeated by hand and kept for all nine steps.
    const repeated = Object.entries(short.numbers).map(([name, numbers]): [string, ArrayLike<number>] => {
      const leaf = short.leaves.get(name)!.leaf;
      if (leaf.kind !== "population") return [name, numbers];
      const width = numbers.length / 4;
      return [name, Array.from({ length: 9 * width }, (_, k) => numbers[k < 4 * width ? k : 3 * width + (k % width)])];
    });
    const long = bnlstm({ batch: 4, time: 9, numbers: Object.fromEntries(repeated) });
    const h = async (s: Study) => (await s.run(place.target, backend(), ["infer"])).get("infer")!.get("output:h")!;
    expect(await h(short)).toEqual(await h(long));
  });

  it.each([
    ["longer sequences move every row", 9, 4],
    ["shorter sequences leave the rows after their end alone", 3, 4],
  ])("keeps statistics for as many steps as it was compiled for: %s", async (_, time, steps) => {
    const study = bnlstm({ batch: 4, time, steps });
    for (const entry of ["train", "estimate"] as const) {
      const results = (await study.run(place.target, backend(), [entry])).get(entry)!;
      const { numbers } = study;
      const [kept, batch, old] = [results.get("population:cc/v")!, results.get("batch_stat:cc/v")!, numbers["cc/v"]];
      expect(kept).toHaveLength(steps * sizes.H);
      expect(batch).toHaveLength(time * sizes.H);
      const means = results.get("batch_stat:cc/m")!;
      const between = entry === "estimate" ? numbers.between[0] : 0;
      kept.forEach((v, k) => {
        const weight = k < batch.length ? numbers.momentum_step[Math.floor(k / sizes.H)] : 0;
        const apart = between * weight * (1 - weight) * (means[k] - numbers["cc/m"][k]) ** 2;
        expect(v).toBeCloseTo(weight === 0 ? old[k] : old[k] + weight * (batch[k] - old[k]) + apart, 6);
      });
    }
    expect((await study.targetErrors(place.target, backend(), ["train"])).forward).toBeLessThan(tolerance.forward);
  });
});
