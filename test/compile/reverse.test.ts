/** A scan in `reverse` is the forward scan of the sequence that is turned around by hand, norms and statistics included. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { lower } from "../../compiler/lower.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [2, 16, 5, 7];
const lengths = [7, 3, 5, 1, 2];
const cells = ["lstm", "gru"].map((file) => readFileSync(`examples/cells/${file}.cell`, "utf8")).join("\n");

/** One loop, or one on another, the second the other way; a loss at each step. */
const shapes = {
  lstm: (way: string) => `hs = scan lstm(D, H) over x ${way}`,
  "gru_after on top of lstm": (way: string) =>
    `below = scan lstm(D, H) over x ${way}\nhs = scan gru_after(H, H) over below ${way}`,
} as const;

const norms = {
  "per-step batch norm": "batch(beta = none)",
  "batch norm with shared statistics": "batch(beta = none, stats = shared)",
  "batch renormalization": "batch_renorm(r_max = 2, d_max = 1)",
  "layer norm": "layer",
} as const;

type Shape = keyof typeof shapes;
type Norm = keyof typeof norms;

const source = (shape: Shape, norm: Norm, way: "reverse" | ""): string => `${cells}
model m(D = ${D}, H = ${H}) {
  input x  : [D] over time
  target y : [H] over time
  ${shapes[shape](way)}
  output hs
  loss mse(hs, y)
  place hh, xh : ${norms[norm]}
}`;

/** [T, B, n], each example's own steps turned around. */
function turned(data: Float32Array, own: readonly number[], n: number): Float32Array {
  const made = new Float32Array(data.length);
  own.forEach((length, b) => {
    for (let t = 0; t < length; t++) {
      const from = ((length - 1 - t) * B + b) * n;
      made.set(data.subarray(from, from + n), (t * B + b) * n);
    }
  });
  return made;
}

interface Drawn {
  readonly batch: Batch & { readonly inputs: { readonly x: Float32Array; readonly y: Float32Array } };
  readonly own: readonly number[];
}

function draw(seed: number, steps: number, ragged: boolean): Drawn {
  const random = uniform(seed);
  const own = ragged ? lengths.map((length) => Math.min(length, steps)) : lengths.map(() => steps);
  const numbers = (n: number): Float32Array => Float32Array.from(sample(steps * B * n, [-1, 1], random));
  const inputs = { x: numbers(D), y: numbers(H) };
  return { own, batch: { inputs, steps, examples: B, ...(ragged && { lengths: own }) } };
}

const byHand = ({ batch, own }: Drawn): Batch => ({
  ...batch,
  inputs: { x: turned(batch.inputs.x, own, D), y: turned(batch.inputs.y, own, H) },
});

const cases = (Object.keys(shapes) as Shape[]).flatMap((shape) =>
  (Object.keys(norms) as Norm[])
    .filter((norm) => shape === "lstm" || norm === "per-step batch norm")
    .flatMap((norm) => [false, true].map((ragged) => ({ shape, norm, ragged }))),
);

describe.each([places.wasm, places.wgsl])("on $name", (place) => {
  const backend = opened(place);
  // A shader compiler takes its time.
  const some = place === places.wasm ? cases : cases.filter((c) => c.norm === "per-step batch norm").slice(0, 2);

  it.each(some)("$shape, $norm, lengths differ: $ragged", async ({ shape, norm, ragged }) => {
    const open = async (way: "reverse" | ""): Promise<Session> => {
      const { graph, dims } = compile(source(shape, norm, way));
      const options = { dims, batch: B, time: T, path: "main.cell", ragged };
      return Session.open(compileGraph(graph, options, place.target), backend(), { seed: 3 });
    };
    const [reverse, forward] = [await open("reverse"), await open("")];
    const same = (a: Float32Array, b: Float32Array, what: string, most: number = tolerance.forward): void =>
      expect(relativeError(Float64Array.from(a), Float64Array.from(b)), what).toBeLessThan(most);

    for (let step = 0; step < 3; step++) {
      const drawn = draw(step, T, ragged);
      const [a, b] = [
        await reverse.train(drawn.batch, { lr: 0.01, clip: 1 }),
        await forward.train(byHand(drawn), { lr: 0.01, clip: 1 }),
      ];
      expect(Math.abs(a.loss - b.loss), `loss of step ${step}`).toBeLessThan(tolerance.training * b.loss);
      expect(Math.abs(a.gradientNorm! - b.gradientNorm!)).toBeLessThan(tolerance.gradient * b.gradientNorm!);
    }
    const batches = [4, 5, 6].map((seed) => draw(seed, T, ragged));
    await reverse.estimate(batches.map(({ batch }) => batch));
    await forward.estimate(batches.map(byHand));
    const [a, b] = [await reverse.state(), await forward.state()];
    expect([...a.tensors.keys()]).toEqual([...b.tensors.keys()]);
    for (const [name, { data }] of a.tensors) same(data, b.tensors.get(name)!.data, name, tolerance.stacked.gradient);
    expect(a.counters.seen).toEqual(b.counters.seen);

    // At any length, the statistics of a loop's step are those of its place in the loop.
    for (const steps of [3, T, 12]) {
      const drawn = draw(7, steps, ragged);
      const found = (await reverse.infer(drawn.batch)).outputs.hs;
      const truth = turned((await forward.infer(byHand(drawn))).outputs.hs, drawn.own, H);
      same(found, truth, `${steps} steps`, tolerance.stacked.gradient);
    }
    reverse.close();
    forward.close();
  });
});

it("the end of a loop in reverse, its output at the first step, is read without reversing the outputs", () => {
  const { graph } = compile(`${cells}
model m(D = ${D}, H = ${H}) {
  input x  : [D] over time
  target y : [H]
  ends = concat(last(scan lstm(D, H) over x), first(scan lstm(D, H) over x reverse))
  output ends
  loss mse(sum(ends, over feature), sum(y, over feature))
}`);
  for (const ragged of [false, true]) {
    const { train, infer } = lower(graph, { ragged }).entries;
    for (const { ops } of [train, infer]) {
      const reversed = ops.filter(({ op }) => op === "reverse");
      expect(reversed.map(({ operands }) => operands[0].name)).toEqual(["x"]);
    }
  }
});
