/** Loss and metrics of many batches: those of all examples, however they are grouped, of one length or of several. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, type Place, places } from "./backends.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T] = [2, 3, 5];
/** Steps of each example. */
const lengths = [5, 1, 4, 1, 2, 3];
const N = lengths.length;

const cell = (place: string): string => `cell c(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = noise(0.3)
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
  ${place}
}
`;

const model = (place: string, body: string): Graph =>
  compile(`${cell(place)}
model m(D = ${D}, H = ${H}) {
  input x : [D] over time
  target y : [H] over time
  target z : [H]
  param e : [D] = 0.3
  hs = scan c(D, H) over x
  ${body}
}`).graph;

type Over = "steps" | "examples";
interface Case {
  readonly graph: Graph;
  /** What each metric is a mean over; the loss is their sum. */
  readonly metrics: Readonly<Record<string, Over>>;
}

const each = "loss mse(hs, y)\nmetric a = mse(hs, y)";
const end = "loss mse(last(hs), z)\nmetric b = mse(last(hs), z)";
const cases: Readonly<Record<string, Case>> = {
  "a loss at each step": { graph: model("place hh, xh : batch", each), metrics: { a: "steps" } },
  "a loss of the last step": { graph: model("place hh : layer", end), metrics: { b: "examples" } },
  "a loss of both, added up": {
    graph: model("place xh : sequence", `${each}\n${end}`),
    metrics: { a: "steps", b: "examples" },
  },
  "a loss whose terms are means of their own": {
    graph: model(
      "",
      `loss 2 * mean(square(hs - y)) - -mean(sum(last(hs) - z)) / 4 + mse(last(hs), z)
  metric a = 2 * mean(square(hs - y))\nmetric b = mean(sum(last(hs) - z) / 4) + mse(last(hs), z)`,
    ),
    metrics: { a: "steps", b: "examples" },
  },
  "a loss of means over time, one for each example": {
    graph: model(
      "place hh, xh : batch(stats = shared)",
      "loss mse(mean(hs, over time), z)\nmetric b = mse(mean(hs, over time), z)",
    ),
    metrics: { b: "examples" },
  },
  "a loop from the last step to the first": {
    graph: model("", `r = scan c(D, H) over x reverse\nloss mse(r + hs, y)\nmetric a = mse(r + hs, y)`),
    metrics: { a: "steps" },
  },
  "what all examples share at each step": {
    graph: model(
      "",
      `s = scan c(D, H) over e\nloss mse(s, 0.1)\nloss mse(hs, y)\nmetric p = mse(s, 0.1)\nmetric a = mse(hs, y)`,
    ),
    metrics: { p: "steps", a: "steps" },
  },
};

const random = uniform(4);
/** [T, N, width] */
const numbers = (width: number, steps: number): Float32Array =>
  Float32Array.from({ length: steps * N * width }, () => 2 * random() - 1);
const data = {
  x: { width: D, steps: T, all: numbers(D, T) },
  y: { width: H, steps: T, all: numbers(H, T) },
  z: { width: H, steps: 1, all: numbers(H, 1) },
};

interface Plain extends Batch {
  readonly inputs: Readonly<Record<string, Float32Array>>;
}

/** Some of the examples as a batch, as long as the longest of them. */
function batchOf(graph: Graph, examples: readonly number[], ragged: boolean): Plain {
  const own = ragged ? examples.map((e) => lengths[e]) : undefined;
  const steps = Math.max(...(own ?? [T]));
  const inputs: Readonly<Record<string, Float32Array>> = Object.fromEntries(
    Object.entries(data)
      .filter(([name]) => leaves(graph).has(name))
      .map(([name, { width, steps: most, all }]) => {
        const rows = Math.min(steps, most);
        const part = new Float32Array(rows * examples.length * width);
        for (let t = 0; t < rows; t++)
          examples.forEach((e, i) => {
            part.set(all.subarray((t * N + e) * width, (t * N + e + 1) * width), (t * examples.length + i) * width);
          });
        return [name, part];
      }),
  );
  return { inputs, steps, examples: examples.length, ...(own && { lengths: own }) };
}

const leaves = (graph: Graph): ReadonlySet<string> =>
  new Set(graph.ops.flatMap((op) => (op.op === "leaf" ? [op.attrs.leaf.name] : [])));

const sizes = [1, 2, 3, N];

async function open({ graph }: Case, place: Place, backend: Parameters<typeof Session.open>[1], ragged: boolean) {
  const executable = (batch: number, entries: readonly ("estimate" | "infer")[]) =>
    compileGraph(graph, { dims: { D, H }, path: "main.cell", batch, time: T, ragged, entries }, place.target);
  const session = await Session.open(executable(N, ["estimate", "infer"]), backend, { seed: 2 });
  for (const size of sizes) if (size < N) await session.attach(executable(size, ["infer"]));
  await session.estimate([batchOf(graph, everyone, ragged)]);
  // Rows of steps that too few examples have are filled when they are first asked for.
  await session.infer(batchOf(graph, everyone, ragged));
  return session;
}
const everyone = lengths.map((_, e) => e);

/** The measures of all examples as the reference computes them, one example after the other, without any padding. */
async function truth(
  { graph, metrics }: Case,
  session: Session,
  ragged: boolean,
): Promise<Readonly<Record<string, number>>> {
  const { entries } = lower(graph, {}, ["infer"]);
  const known = new Map<string, Float32Array>();
  for (const op of entries.infer.ops) {
    const name = op.op === "leaf" ? op.attrs.leaf.name : "";
    if (op.op === "leaf" && (op.attrs.leaf.kind === "param" || op.attrs.leaf.kind === "population"))
      known.set(name, await session.read(name));
  }
  const sums = Object.fromEntries(Object.keys(metrics).map((name) => [name, { sum: 0, weight: 0 }]));
  for (const e of everyone) {
    const steps = ragged ? lengths[e] : T;
    const { inputs } = batchOf(graph, [e], ragged);
    const dims = { D, H, batch: 1, time: steps, steps: T };
    const made = interpret(entries.infer, {
      dims,
      leaf: (name, leaf, type) => {
        const size = [...(type.time ? [steps] : []), ...type.shape.map((d) => dim.evaluate(d, dims))].reduce(
          (a, b) => a * b,
          1,
        );
        if (leaf.kind === "noise") return new Float32Array(size);
        const stored = known.get(name);
        return (stored ?? inputs[name]!).subarray(0, size);
      },
    });
    for (const [name, over] of Object.entries(metrics)) {
      const weight = over === "steps" ? steps : 1;
      sums[name].sum += weight * made.get(`metric:${name}`)!.data[0];
      sums[name].weight += weight;
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([name, { sum, weight }]) => [name, sum / weight]));
}

/** The examples in some order, cut in batches of sizes that there are executables for. */
const groupings = fc
  .tuple(
    fc.shuffledSubarray([...everyone], { minLength: N }),
    fc.array(fc.constantFrom(...sizes), { minLength: N, maxLength: N }),
  )
  .map(([order, wanted]) => {
    const rest = [...order];
    return wanted.flatMap((size) => (rest.length === 0 ? [] : [rest.splice(0, size > rest.length ? 1 : size)]));
  });

describe.each([places.wasm, places.wgsl])(
  "on $name an evaluation is the reference's of all examples, however they are grouped:",
  (place) => {
    const backend = opened(place);
    // A shader compiler takes its time.
    const some = place === places.wasm ? Object.keys(cases) : ["a loss of both, added up"];
    it.each(
      some
        .flatMap((name) => [true, false].map((ragged) => ({ name, ragged })))
        .filter(({ ragged }) => place === places.wasm || ragged),
    )("$name, of sequences of different lengths: $ragged", async ({ name, ragged }) => {
      const session = await open(cases[name], place, backend(), ragged);
      const wanted = await truth(cases[name], session, ragged);
      const loss = Object.values(wanted).reduce((a, b) => a + b);
      await fc.assert(
        fc.asyncProperty(groupings, async (groups) => {
          const found = await session.evaluate(groups.map((group) => batchOf(cases[name].graph, group, ragged)));
          expect(found.examples).toBe(N);
          expect(Math.abs(found.loss - loss)).toBeLessThan(tolerance.forward * loss);
          for (const [metric, value] of Object.entries(wanted))
            expect(Math.abs(found.metrics[metric] - value)).toBeLessThan(tolerance.forward * value);
        }),
        { numRuns: place === places.wasm ? 10 : 2 },
      );
      session.close();
    });
  },
);

describe("an evaluation", () => {
  const backend = opened(places.wasm);

  it("of batches of a size that nothing is compiled for says what to attach", async () => {
    const session = await open(cases["a loss at each step"], places.wasm, backend(), false);
    const four = batchOf(cases["a loss at each step"].graph, [0, 1, 2, 3], false);
    await expect(session.evaluate([four])).rejects.toMatchObject({
      code: "C0406",
      help: expect.stringMatching(/compile m with a batch of 4 and `attach` it/),
    });
    session.close();
  });

  it("of a cell, whose loss is the mean over steps of its outputs times what is given, is that of all steps, too", async () => {
    const { graph } = compile(cell("place hh : layer"));
    const executable = (batch: number) =>
      compileGraph(
        graph,
        { dims: { D, H }, path: "main.cell", batch, time: T, ragged: true, entries: ["infer"] },
        places.wasm.target,
      );
    const session = await Session.open(executable(3), backend(), { seed: 2 });
    await session.attach(executable(1));
    const of = (examples: readonly number[]): Batch => {
      const { inputs, ...rest } = batchOf(cases["a loss at each step"].graph, examples, true);
      return { ...rest, inputs: { x: inputs.x, d_h: inputs.y } };
    };
    const one = await session.evaluate([of([0, 1, 2])]);
    expect((await session.evaluate([of([1]), of([0]), of([2])])).loss).toBeCloseTo(one.loss, 6);
    session.close();
  });
});
