/** Population statistics with known moments: of batches that are merged, and of sequences that differ in length. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";

/** Statistics of x alone, at a site that has nothing else: outside of the loop, or in it. */
const statistics = (norm: string, where: "outside" | "inside" = "outside"): Graph =>
  compile(
    where === "outside"
      ? `model m(D = 2) {
  input x : [D] over time
  site s = x
  output s
  loss sum(s, over feature)
  place s : ${norm}
}`
      : `cell c(D = 2) {
  input x : [D]
  state h : [D] = 0
  site s = x + 0 * h
  h' = h
  output s
  place s : ${norm}
}
model m(D = 2) {
  input x : [D] over time
  s = scan c(D) over x
  output s
  loss sum(s, over feature)
}`,
  ).graph;

const site = (where: "outside" | "inside"): string => (where === "inside" ? "c/s" : "s");

type Numbers = readonly number[];
const mean = (n: Numbers): number => n.reduce((a, b) => a + b) / n.length;
const variance = (n: Numbers): number => mean(n.map((v) => (v - mean(n)) ** 2));

/** [T = 4, B = 3, D = 2] of sequences with 4, 2 and 1 steps; NaN where there is nothing. */
const three = { lengths: [4, 2, 1], steps: 4, examples: 3 };
const x = Float32Array.from([
  ...[1, 10, 3, 30, 8, 20],
  ...[2, 10, 4, 50, Number.NaN, Number.NaN],
  ...[5, 60, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
  ...[7, 70, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
]);
const batchOf = (data: Float32Array) => ({ inputs: { x: data }, ...three });
/** Another batch, of sequences with 2 steps. */
const two = { ...batchOf(x.map((v) => (Number.isNaN(v) ? 9 : v + 1))), lengths: [2, 2, 2] };

/** The numbers of unit `f` at step `t` of what is there. */
const there = ({ inputs, lengths }: { inputs: { x: Float32Array }; lengths: Numbers }, t: number, f: number): Numbers =>
  [0, 1, 2].flatMap((i) => (t < lengths[i] ? [inputs.x[(t * 3 + i) * 2 + f]] : []));
const steps = [0, 1, 2, 3];
const units = [0, 1];

describe.each([places.wasm, places.wgsl])("on $name", (place) => {
  const backend = opened(place);
  const open = (graph: Graph, ragged = true): Promise<Session> => {
    const options = { dims: { D: 2 }, batch: 3, time: 4, path: "main.cell", ragged };
    return Session.open(compileGraph(graph, options, place.target), backend(), { seed: 1 });
  };
  const close = (found: Float32Array, wanted: readonly number[]): void => {
    expect(found).toHaveLength(wanted.length);
    found.forEach((v, i) => {
      expect(Math.abs(v - wanted[i])).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted[i])));
    });
  };

  it.each(["outside", "inside"] as const)(
    "a step's statistics are of the examples that have it, and halfway to the last that two had where one is left, %s of the loop",
    async (where) => {
      const session = await open(statistics("batch", where));
      await session.run("train", batchOf(x));
      // Step 2: 5 and 60 alone, about the means (5 + 3) / 2 and (60 + 30) / 2; step 3 likewise.
      close(await session.read(`batch/${site(where)}/m`), [4, 20, 3, 30, 4, 45, 5, 50]);
      const alone = [(1 + 1) / 2, (15 ** 2 + 400) / 2, (4 + 1) / 2, (20 ** 2 + 400) / 2];
      close(await session.read(`batch/${site(where)}/v`), [26 / 3, 200 / 3, 1, 400, ...alone]);
      session.close();
    },
  );

  it("statistics over steps are of all steps that there are", async () => {
    const session = await open(statistics("sequence"));
    await session.run("train", batchOf(x));
    const all = units.map((f) => steps.flatMap((t) => there(batchOf(x), t, f)));
    close(await session.read("batch/s/m"), all.map(mean));
    close(await session.read("batch/s/v"), all.map(variance));
    session.close();
  });

  it("population statistics weigh a batch by its examples, and rows that none has seen take those of the last that some have", async () => {
    const session = await open(statistics("batch"));
    expect(await session.estimate([batchOf(x), two])).toBe(2);
    // At step 1: [2, 4] and [3, 5, 9].
    close((await session.read("s/m")).subarray(0, 4), [
      (4 + 5) / 2,
      (20 + 21) / 2,
      (2 + 4 + 3 + 5 + 9) / 5,
      (10 + 50 + 11 + 51 + 9) / 5,
    ]);
    expect((await session.state()).counters.seen.map((n) => Math.round(n * 3))).toEqual([6, 5, 1, 1]);
    expect(await session.estimate([two])).toBe(1);
    expect((await session.state()).counters.seen).toEqual([1, 1, 0, 0]);
    await session.infer(batchOf(x));
    const m = await session.read("s/m");
    expect([...m.subarray(4)]).toEqual([...m.subarray(2, 4), ...m.subarray(2, 4)]);
    session.close();
  });

  it.each(["outside", "inside"] as const)(
    "by the law of total variance statistics for each step are those of all examples at once, %s of the loop",
    async (where) => {
      const session = await open(statistics("batch", where));
      await session.estimate([batchOf(x), two, batchOf(x.map((v) => 2 * v))], { variance: "total" });
      const batches = [batchOf(x), two, batchOf(x.map((v) => 2 * v))];
      // Also of steps that a single example of a batch has.
      const all = steps.flatMap((t) => units.map((f) => batches.flatMap((batch) => there(batch, t, f))));
      close(await session.read(`${site(where)}/m`), all.map(mean));
      close(await session.read(`${site(where)}/v`), all.map(variance));
      // The paper's are the average of the batches' own.
      await session.estimate(batches);
      const counts = batches.map((batch) => there(batch, 1, 0).length);
      const own = batches.map((batch, i) => counts[i] * variance(there(batch, 1, 0)));
      expect((await session.read(`${site(where)}/v`))[2]).toBeCloseTo(
        own.reduce((a, b) => a + b) / counts.reduce((a, b) => a + b),
        3,
      );
      session.close();
    },
  );

  it.each([
    ["over the sequence", "sequence", "outside"],
    ["shared by the steps of a loop", "batch(stats = shared)", "inside"],
  ] as const)(
    "by the law of total variance statistics %s are those of all steps of all examples",
    async (_, norm, where) => {
      const session = await open(statistics(norm, where));
      const whole = (batch: typeof two) => ({ ...batch, lengths: [4, 4, 4] });
      const batches = [whole(batchOf(x.map((v, i) => (Number.isNaN(v) ? i : v)))), whole(two), batchOf(x)];
      await session.estimate(batches, { variance: "total" });
      const all = units.map((f) => batches.flatMap((batch) => steps.flatMap((t) => there(batch, t, f))));
      close(await session.read(`${site(where)}/m`), all.map(mean));
      close(await session.read(`${site(where)}/v`), all.map(variance));
      session.close();
    },
  );

  it("steps beyond those that have statistics are normalized by the last that does", async () => {
    const session = await open(statistics("batch(gamma = 1, stats = per_step(2), eps = 0)"), false);
    await session.write("s/m", Float32Array.of(1, 2, 3, 4));
    await session.write("s/v", Float32Array.of(1, 1, 4, 16));
    const data = x.map((v, i) => (Number.isNaN(v) ? i : v));
    const { outputs } = await session.infer({ inputs: { x: data }, steps: 4, examples: 3 });
    close(
      outputs.s,
      [...data].map((v, i) => {
        const row = Math.min(1, Math.floor(i / 6));
        return (v - [1, 2, 3, 4][2 * row + (i % 2)]) / [1, 1, 2, 4][2 * row + (i % 2)];
      }),
    );
    session.close();
  });

  it("the padding's content changes nothing", async () => {
    const session = await open(statistics("batch"));
    const other = batchOf(x.map((v) => (Number.isNaN(v) ? 1e30 : v)));
    const read = async (batch: Batch) => {
      await session.run("train", batch);
      return Promise.all(["s", "loss", "batch/s/v"].map((name) => session.read(name)));
    };
    expect(await read(other)).toEqual(await read(batchOf(x)));
    session.close();
  });

  it("lengths that cannot be are refused, and those of a program that has one length", async () => {
    const session = await open(statistics("batch"));
    for (const [wrong, message] of [
      [[4, 2], /3 examples has as many lengths, not 2/],
      [[4, -1, 1], /0 to 4 steps, not -1/],
      [[5, 2, 1], /0 to 4 steps, not 5/],
    ] as const) {
      await expect(session.run("train", { ...batchOf(x), lengths: wrong })).rejects.toThrow(message);
    }
    session.close();
    const even = await open(statistics("batch"), false);
    await expect(even.run("train", batchOf(x))).rejects.toThrow(/one length/);
    even.close();
  });
});
