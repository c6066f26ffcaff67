/** Population statistics from batches of several sizes, down to a single example. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, type Place, places } from "./backends.ts";

const [D, T] = [2, 4];
/** In some batches a step is left to one example. */
const lengths = [4, 4, 2, 2, 3, 3, 1, 1];
const N = lengths.length;
const sizes = [1, 2, 4, N];

const model = (norm: string): Graph =>
  compile(`model m(D = ${D}) {
  input x : [D] over time
  param V : [D, D] = xavier
  site s = x @ V
  output s
  loss sum(s, over feature)
  place s : ${norm}
}`).graph;

const made = (graph: Graph, place: Place, batch: number, ragged = false, time = T): Executable =>
  compileGraph(graph, { dims: { D }, path: "main.cell", batch, time, ragged }, place.target);

const random = uniform(8);
/** [N, T, D], far from zero, where a variance from squares would not do. */
const all = Float32Array.from({ length: N * T * D }, () => 20 + 2 * random());
const batchOf = (examples: readonly number[], ragged: boolean): Batch => {
  const own = ragged ? examples.map((e) => lengths[e]) : undefined;
  const steps = Math.max(...(own ?? [T]));
  const x = new Float32Array(steps * examples.length * D);
  for (let t = 0; t < steps; t++)
    examples.forEach((e, i) => {
      x.set(all.subarray((e * T + t) * D, (e * T + t + 1) * D), (t * examples.length + i) * D);
    });
  return { inputs: { x }, steps, examples: examples.length, ...(own && { lengths: own }) };
};
const everyone = lengths.map((_, e) => e);

async function open(graph: Graph, place: Place, backend: Backend, ragged: boolean): Promise<Session> {
  const session = await Session.open(made(graph, place, 4, ragged), backend, { seed: 5 });
  for (const size of sizes) if (size !== 4) await session.attach(made(graph, place, size, ragged));
  return session;
}

/** Everyone in some order, in batches of one, two, four or all. */
const groupings = fc
  .tuple(
    fc.shuffledSubarray(everyone, { minLength: N }),
    fc.array(fc.constantFrom(...sizes), { minLength: N, maxLength: N }),
  )
  .map(([order, wanted]) => {
    const rest = [...order];
    return wanted.flatMap((size) => (rest.length === 0 ? [] : [rest.splice(0, size > rest.length ? 1 : size)]));
  });

const norms = ["batch", "batch(stats = shared)", "batch(stats = per_step(2))", "sequence"];

describe.each([places.wasm, places.wgsl])("on $name, by the law of total variance", (place) => {
  const backend = opened(place);
  const some = place === places.wasm ? norms : norms.slice(0, 1);
  it.each(some.flatMap((norm) => (place === places.wasm ? [false, true] : [true]).map((ragged) => ({ norm, ragged }))))(
    "statistics do not depend on how examples are grouped: $norm, of different lengths: $ragged",
    async ({ norm, ragged }) => {
      const session = await open(model(norm), place, backend(), ragged);
      const read = async (): Promise<number[]> => [...(await session.read("s/m")), ...(await session.read("s/v"))];
      await session.estimate([batchOf(everyone, ragged)], { variance: "total" });
      const wanted = await read();
      await fc.assert(
        fc.asyncProperty(groupings, async (groups) => {
          const batches = groups.map((group) => batchOf(group, ragged));
          expect(await session.estimate(batches, { variance: "total" })).toBe(groups.length);
          const found = await read();
          // f32 beside means of some twenty.
          found.forEach((v, i) => {
            expect(Math.abs(v - wanted[i])).toBeLessThan(1e-6 * Math.max(20, Math.abs(wanted[i])));
          });
        }),
        { numRuns: place === places.wasm ? 8 : 2 },
      );
      session.close();
    },
  );
});

describe("estimating", () => {
  const backend = opened(places.wasm);

  it("weighs what batches have within by their examples", async () => {
    const session = await open(model("batch"), places.wasm, backend(), false);
    const own: number[] = [];
    for (const group of [
      [0, 1, 2, 3],
      [4, 5],
    ]) {
      await session.estimate([batchOf(group, false)]);
      own.push((await session.read("s/v"))[0]);
    }
    await session.estimate([batchOf([0, 1, 2, 3], false), batchOf([4, 5], false)]);
    expect((await session.read("s/v"))[0]).toBeCloseTo((4 * own[0] + 2 * own[1]) / 6, 6);
    expect((await session.state()).counters.seen).toEqual([1.5, 1.5, 1.5, 1.5]);
    session.close();
  });

  it("serves inference of every size, and says what to attach for another", async () => {
    const session = await open(model("batch"), places.wasm, backend(), false);
    await session.estimate([batchOf([0, 1], false), batchOf([2, 3, 4, 5], false)]);
    const { outputs } = await session.infer(batchOf([0, 1, 2, 3], false));
    const { outputs: first } = await session.infer(batchOf([0, 1], false));
    expect([...first.s.subarray(0, 2 * D)]).toEqual([...outputs.s.subarray(0, 2 * D)]);
    await expect(session.estimate([batchOf([0, 1], false), batchOf([0, 1, 2], false)])).rejects.toMatchObject({
      code: "C0406",
      help: expect.stringMatching(/compile m with a batch of 3 and `attach` it/),
    });
    // What the first batch made is no estimate: the one before stays.
    expect((await session.infer(batchOf([0, 1], false))).outputs.s).toEqual(first.s);
    session.close();
  });

  it("takes no statistics of other steps than the session's from an attached executable", async () => {
    const session = await Session.open(made(model("batch"), places.wasm, 4), backend(), { seed: 5 });
    await session.attach(made(model("batch"), places.wasm, 2, false, T + 1));
    await expect(session.estimate([batchOf([0, 1], false)])).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringMatching(/other steps/),
    });
    session.close();
  });
});

describe("batches of one example", () => {
  const backend = opened(places.wasm);
  const alone = everyone.map((e) => batchOf([e], false));

  it("are estimated from by the law of total variance by default, and refused otherwise", async () => {
    const session = await Session.open(made(model("batch"), places.wasm, 1), backend(), { seed: 5 });
    const several = await open(model("batch"), places.wasm, backend(), false);
    await several.estimate([batchOf(everyone, false)]);
    await session.estimate(alone);
    const wanted = await several.read("s/v");
    const found = await session.read("s/v");
    found.forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i], 5);
    });
    // Not what the session is compiled for says which it is, but what it is given.
    await several.estimate(alone);
    expect(await several.read("s/v")).toEqual(found);
    await expect(session.estimate(alone, { variance: "within" })).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringContaining("`s/v`"),
    });
    // As a smaller last batch, it is refused where it would count as if it had no variance.
    await expect(several.estimate([batchOf([0, 1, 2, 3], false), alone[4]])).rejects.toMatchObject({ code: "C0406" });
    session.close();
    several.close();
  });

  it("cannot be estimated from where a deviation is averaged, or after another norm", async () => {
    const recurrent = compile(`cell c(D = ${D}) {
  input x : [D]
  state h : [D] = 0
  site s = h + x
  h' = tanh(s)
  output h'
  place s : batch
}`).graph;
    for (const graph of [model("batch_renorm"), recurrent]) {
      const session = await Session.open(made(graph, places.wasm, 1), backend(), { seed: 5 });
      const cell: Batch["inputs"] = graph === recurrent ? { d_h: new Float32Array(T * D) } : {};
      const batches = alone.map((batch) => ({ ...batch, inputs: { ...batch.inputs, ...cell } }));
      for (const variance of ["within", "total"] as const)
        await expect(session.estimate(batches, { variance })).rejects.toMatchObject({ code: "C0406" });
      session.close();
    }
  });

  it("do not count for the moving statistics of training, so that inference is refused and not wrong", async () => {
    const session = await Session.open(made(model("batch"), places.wasm, 1), backend(), { seed: 5 });
    await session.train(alone[0], { lr: 0.1 });
    await expect(session.infer(alone[0])).rejects.toMatchObject({
      code: "C0501",
      message: expect.stringContaining("`s/v`"),
    });
    session.close();
    const over = await Session.open(made(model("sequence"), places.wasm, 1), backend(), { seed: 5 });
    await over.train(alone[0], { lr: 0.1 });
    expect((await over.infer(alone[0])).outputs.s.every(Number.isFinite)).toBe(true);
    over.close();
  });

  it("of a single step have no variance over steps either", async () => {
    const session = await Session.open(made(model("sequence"), places.wasm, 1), backend(), { seed: 5 });
    const step: Batch = { inputs: { x: all.subarray(0, D) }, steps: 1, examples: 1 };
    await expect(session.estimate([step], { variance: "within" })).rejects.toMatchObject({ code: "C0406" });
    await session.train(step, { lr: 0.1 });
    await expect(session.infer(step)).rejects.toMatchObject({ code: "C0501" });
    session.close();
  });
});
