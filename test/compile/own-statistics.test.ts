/** Inference and evaluations in which each batch has its own statistics, as in training; and sequences longer than statistics have rows. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ir/tensor.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { type Lowerable, lower } from "../../compiler/lower.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { carrying } from "../../runtime/carriers.ts";
import type { EntryName } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, type Place, places } from "./backends.ts";
import { floor, tolerance } from "./tolerances.ts";

const [D, H, B, T] = [2, 3, 4, 5];

const model = (norm: string, { drop = "h", first = "0.3" } = {}): Graph =>
  compile(`cell c(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = ${first}
  site hh = ${drop} @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
  place hh, xh : ${norm}
}
model m(D = ${D}, H = ${H}) {
  param V : [H, H] = xavier
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  site z = last(hs) @ V
  place z : batch(stats = shared)
  output hs
  loss mse(hs, y)
  loss mse(z, 0.5)
  metric each = mse(hs, y)
  metric end = mse(z, 0.5)
}`).graph;

const norms = ["batch", "batch(stats = shared)", "batch(stats = per_step(3))", "batch_renorm", "ghost(2)", "sequence"];
/** A norm over all steps needs the whole sequence. */
const placed = (norm: string): Graph =>
  norm === "sequence"
    ? compile(`model m(D = ${D}, H = ${H}) {
  param V : [D, H] = xavier
  input x : [D] over time
  target y : [H] over time
  site s = x @ V
  place s : sequence
  output s
  loss mse(s, y)
  metric each = mse(s, y)
}`).graph
    : model(norm);

const random = uniform(11);
const batchOf = (steps = T, examples = B): Batch & { readonly inputs: Readonly<Record<string, Float32Array>> } => ({
  inputs: {
    x: Float32Array.from({ length: steps * examples * D }, () => 4 * random() - 1),
    y: Float32Array.from({ length: steps * examples * H }, () => 2 * random() - 1),
  },
  steps,
  examples,
});

interface How {
  readonly entries?: readonly EntryName[];
  readonly batch?: number;
  readonly ragged?: boolean;
  readonly carry?: boolean;
}

const executable = (graph: Graph, place: Place, { batch = B, ...how }: How = {}) =>
  compileGraph(graph, { dims: { D, H }, path: "main.cell", time: T, batch, optimizer: "sgd", ...how }, place.target);

const open = (graph: Graph, place: Place, backend: Backend, how?: How): Promise<Session> =>
  Session.open(executable(graph, place, how), backend, { seed: 3, carrying });

/** What an entry's graph gives of a batch, with the session's parameters and statistics, whose last row serves later steps. */
async function reference(
  graph: Graph,
  entry: Lowerable,
  session: Session,
  batch: ReturnType<typeof batchOf>,
): Promise<ReadonlyMap<string, Tensor>> {
  const lowered = lower(graph, {}, [entry]).entries[entry];
  const known = new Map<string, Float32Array>();
  for (const op of lowered.ops) {
    const { leaf } = op.op === "leaf" ? op.attrs : {};
    if (leaf?.kind === "param" || leaf?.kind === "population") known.set(leaf.name, await session.read(leaf.name));
  }
  const dims = { D, H, batch: batch.examples!, time: batch.steps!, steps: T };
  return interpret(lowered, {
    dims,
    leaf(name, leaf, type) {
      const row = type.shape.reduce((product, extent) => product * dim.evaluate(extent, dims), 1);
      if (leaf.kind === "hyper") return new Float32Array(type.time ? dims.time : 1);
      if (leaf.kind === "noise") return new Float32Array(row * dims.batch * (type.time ? dims.time : 1));
      const stored = known.get(name);
      if (stored === undefined) return batch.inputs[name];
      if (leaf.kind !== "population" || !type.time) return stored;
      const last = stored.length / row - 1;
      return Float32Array.from({ length: dims.time * row }, (_, i) => {
        const at = Math.min(Math.floor(i / row), last);
        return stored[at * row + (i % row)];
      });
    },
  });
}

/** Checks loss, metrics and outputs of a batch, and that an evaluation has the same loss. */
async function expectAsReference(
  graph: Graph,
  session: Session,
  batch: ReturnType<typeof batchOf>,
  statistics: "batch" | "population",
): Promise<void> {
  const wanted = await reference(graph, statistics === "batch" ? "estimate" : "infer", session, batch);
  const { loss, metrics, outputs } = await session.infer(batch, { statistics });
  const near = (found: ArrayLike<number>, kind: string, least: number): void => {
    expect([...Array.from(found)].every(Number.isFinite)).toBe(true);
    expect(relativeError(found, wanted.get(kind)!.data, least), kind).toBeLessThan(tolerance.forward);
  };
  near([loss!], "loss:loss", floor.mean);
  for (const [name, value] of Object.entries(metrics)) near([value], `metric:${name}`, floor.mean);
  for (const [name, value] of Object.entries(outputs)) near(value, `output:${name}`, floor.tensor);
  expect((await session.evaluate([batch], { statistics })).loss).toBeCloseTo(loss!, 6);
}

describe.each([places.wasm, places.wgsl, places.glsl])("on $name, with the batch's own statistics,", (place) => {
  const backend = opened(place);
  const some = place === places.wasm ? norms : norms.slice(0, 1);

  it.each(some)("a batch has what the reference computes, and the population's stay as they are: %s", async (norm) => {
    const graph = placed(norm);
    const session = await open(graph, place, backend());
    const batch = batchOf();
    // Nothing is known of the population, and need not be.
    await expect(session.infer(batch)).rejects.toMatchObject({ code: "C0501" });
    if (norm !== "batch_renorm") await expectAsReference(graph, session, batch, "batch");
    await session.estimate([batchOf(), batchOf(3), batchOf()]);
    const before = await session.state();
    await expectAsReference(graph, session, batch, "batch");
    // Sequences of other lengths than the statistics have rows, too.
    for (const steps of [2, 13]) await expectAsReference(graph, session, batchOf(steps), "batch");
    expect(await session.state()).toEqual(before);
    session.close();
  });

  // What changes in the course of training, as `batch_renorm` does, is here as at its end.
  it.each(some.filter((norm) => norm !== "batch_renorm"))(
    "the loss is that of a training step before its update: %s",
    async (norm) => {
      const session = await open(placed(norm), place, backend());
      await session.estimate([batchOf()]);
      for (const batch of [batchOf(), batchOf(2)]) {
        const own = await session.evaluate([batch], { statistics: "batch" });
        const population = await session.evaluate([batch]);
        const trained = await session.train(batch, { lr: 0.1 });
        expect(own.loss).toBeCloseTo(trained.loss, 5);
        for (const [name, value] of Object.entries(own.metrics)) expect(value).toBeCloseTo(trained.metrics[name], 5);
        expect(Math.abs(population.loss - own.loss)).toBeGreaterThan(1e-4);
      }
      session.close();
    },
  );

  it("sequences longer than the statistics have rows go on with the last row, as shorter ones with the first", async () => {
    const graph = model("batch");
    const session = await open(graph, place, backend());
    await session.estimate([batchOf(), batchOf()]);
    for (const steps of [1, 3, T, T + 1, 10 * T]) await expectAsReference(graph, session, batchOf(steps), "population");
    session.close();
  });
});

describe("with the batch's own statistics,", () => {
  const backend = opened(places.wasm);
  const own = { statistics: "batch" } as const;

  it("masks are their expectation, and noise is its mean or drawn, as with the population's", async () => {
    const graph = model("batch", { drop: "dropout(h, 0.5)", first: "noise(0.3)" });
    const session = await open(graph, places.wasm, backend());
    const batch = batchOf();
    await expectAsReference(graph, session, batch, "batch");
    const drawn = await session.evaluate([batch], { ...own, noise: "drawn" });
    expect(drawn).toEqual(await session.evaluate([batch], { ...own, noise: "drawn" }));
    expect(drawn.loss).not.toBe((await session.evaluate([batch], own)).loss);
    session.close();
  });

  it("batches of several sizes are averaged, each by its own", async () => {
    const graph = model("batch");
    const session = await open(graph, places.wasm, backend());
    await session.attach(executable(graph, places.wasm, { batch: 2 }));
    const batches = [batchOf(), batchOf(T, 2), batchOf(3)];
    const { loss, metrics, examples } = await session.evaluate(batches, own);
    const each = await Promise.all(batches.map((batch) => session.infer(batch, own)));
    const mean = (of: (at: number) => number, weights: readonly number[]): number =>
      weights.reduce((sum, weight, at) => sum + weight * of(at), 0) / weights.reduce((a, b) => a + b);
    expect(examples).toBe(2 * B + 2);
    expect(metrics.each).toBeCloseTo(
      mean((at) => each[at].metrics.each, [B * T, 2 * T, 3 * B]),
      6,
    );
    expect(metrics.end).toBeCloseTo(
      mean((at) => each[at].metrics.end, [B, 2, B]),
      6,
    );
    expect(loss).toBeCloseTo(metrics.each + metrics.end, 6);
    session.close();
  });

  it("of different lengths, the loss is that of training, too", async () => {
    const session = await open(model("batch"), places.wasm, backend(), { ragged: true });
    const batch = { ...batchOf(), lengths: [5, 2, 4, 1] };
    const { loss } = await session.evaluate([batch], own);
    expect(loss).toBeCloseTo((await session.train(batch, { lr: 0.1 })).loss, 5);
    session.close();
  });

  it("parts that go on have together what a whole sequence has", async () => {
    const graph = compile(`cell c(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.3
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx)
  output h'
  place hh : batch
}
model m(D = ${D}, H = ${H}) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  output hs
  loss mse(hs, y)
}`).graph;
    const [whole, parts] = await Promise.all([
      open(graph, places.wasm, backend()),
      open(graph, places.wasm, backend(), { carry: true }),
    ]);
    const batch = batchOf(12);
    const cut = [
      [0, 5],
      [5, 9],
      [9, 12],
    ].map(([from, to]) => ({
      inputs: {
        x: batch.inputs.x.subarray(from * B * D, to * B * D),
        y: batch.inputs.y.subarray(from * B * H, to * B * H),
      },
      steps: to - from,
      examples: B,
    }));
    const { loss } = await whole.evaluate([batch], own);
    expect((await parts.evaluate(cut, { ...own, carry: true })).loss).toBeCloseTo(loss, 6);
    expect((await parts.evaluate(cut, own)).loss).not.toBeCloseTo(loss, 4);
    for (const session of [whole, parts]) session.close();
  });

  it("a batch that has none, an executable that cannot, and an option that is none are refused", async () => {
    const graph = model("batch");
    const session = await open(graph, places.wasm, backend());
    await session.attach(executable(graph, places.wasm, { batch: 1 }));
    await session.estimate([batchOf()]);
    const before = await session.state();
    await expect(session.evaluate([batchOf(), batchOf(T, 1)], own)).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringMatching(/^a batch of one example says nothing about .*`c\/hh\/v`/),
      help: "take batches of two examples or more, or the population's statistics",
    });
    expect(await session.state()).toEqual(before);
    await expect(session.infer(batchOf(), { statistics: "own" as "batch" })).rejects.toMatchObject({ code: "C0406" });
    session.close();
    const only = await open(graph, places.wasm, backend(), { entries: ["infer"] });
    await expect(only.infer(batchOf(), own)).rejects.toMatchObject({
      code: "C0406",
      message: 'm was compiled without "estimate"',
    });
    only.close();
  });
});
