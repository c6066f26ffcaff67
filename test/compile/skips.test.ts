/** A training step that is not finite changes nothing, bit for bit, on every target, and the message names the cause. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { type OptimizerName, optimizers } from "../../compiler/optimizers.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import type { TrainOptions } from "../../runtime/session-types.ts";
import { compile } from "../semantics/sources.ts";
import { opened, type Place, places } from "./backends.ts";

const [B, T, D] = [4, 3, 2];
const names = Object.keys(optimizers) as OptimizerName[];

/** Statistics of each step and shared ones; w has the slope `push`, v that of a root, infinite where `base` is 0. */
const { graph } = compile(`cell rnn(D) {
  param Wh : [D, D] = orthogonal
  input x : [D]
  state h : [D] = noise(0.1)
  site hh = h @ Wh
  h' = tanh(hh + x)
  output h'
  place hh : batch
}
model m(D = ${D}) {
  input x : [D] over time
  input push : [D]
  input base : []
  site xs = x
  hs = scan rnn(D) over xs
  param w : [D] = 1
  param v : [] = 1
  root = (v * base)^0.5 - base^0.5
  loss mean(last(hs) * 0.1 + w * push, over feature) + (v * base)^1.5
  metric steady = root
  place xs : batch(stats = shared)
}`);

const batchOf = ({ push = 1, base = 1, x = 1, seed = 0 } = {}): Batch => ({
  inputs: {
    x: Float32Array.from({ length: T * B * D }, (_, i) => x * Math.sin(i * 7.3 + seed)),
    push: Float32Array.from({ length: B * D }, (_, i) => push * (1 + (i % D))),
    base: new Float32Array(B).fill(base),
  },
  steps: T,
  examples: B,
});

const usual = { lr: 1e-3, clip: 1 };

/** What is wrong, the batch that makes it so, and what the message says. */
const faults: readonly {
  readonly name: string;
  readonly batch: Batch;
  readonly options?: TrainOptions & { readonly report?: true };
  readonly message: RegExp;
}[] = [
  // The derivative of x^1.5 at 0 is computed as 0 · ∞.
  {
    name: "a gradient that is no number",
    batch: batchOf({ base: 0 }),
    message: /the gradient of `v` is not finite in step 3/,
  },
  { name: "a loss that is infinite", batch: batchOf({ push: 1e38, x: 0.1 }), message: /step 3/ },
  {
    // Normalized by an infinite deviation, it is 0, and loss and gradient are finite.
    name: "a variance that is infinite",
    batch: batchOf({ x: 3e38 }),
    message: /step 3/,
  },
  {
    name: "an update that is infinite",
    batch: batchOf({ push: 1e20 }),
    options: { lr: 1e30 },
    message:
      /step 3 would make parameters, the optimiser's state or statistics infinite: the gradient of `w` goes up to 1.00e\+20/,
  },
];

const stateOf = (session: Session) => session.state();

const open = async (place: Place, optimizer: OptimizerName, backend: Awaited<ReturnType<Place["open"]>>) => {
  const options = { dims: { D }, batch: B, time: T, optimizer, path: "m.cell", entries: ["train", "update"] as const };
  return Session.open(compileGraph(graph, options, place.target), backend, { seed: 5 });
};

describe.each([places.wasm, places.wgsl])("on $name", (place) => {
  const backend = opened(place);

  it.each(names)("%s takes no step that is not finite, and says why", async (optimizer) => {
    const session = await open(place, optimizer, backend());
    for (const seed of [1, 2]) await session.train(batchOf({ seed }), usual);
    const before = await stateOf(session);
    for (const { name, batch, options = usual, message } of faults) {
      const refused = session.train(batch, options);
      await expect(refused, name).rejects.toMatchObject({ code: "C0502", message: expect.stringMatching(message) });
      expect(await stateOf(session), name).toEqual(before);
    }
    await session.train(batchOf({ seed: 3 }), usual);
    expect(session.step).toBe(3);
    expect((await stateOf(session)).tensors).not.toEqual(before.tensors);
    session.close();
  });

  it("steps that are not reported stop at the first that is not finite, without being waited for", async () => {
    const session = await open(place, "adam", backend());
    const straight = await open(place, "adam", backend());
    for (const seed of [1, 2]) {
      await session.train(batchOf({ seed }), { ...usual, report: false });
      await straight.train(batchOf({ seed }), usual);
    }
    for (const batch of [faults[0].batch, batchOf({ seed: 3 }), batchOf({ seed: 4 })])
      await session.train(batch, { ...usual, report: false });
    await expect(session.state()).rejects.toMatchObject({
      code: "C0502",
      message: expect.stringMatching(/of step 3, which was not reported, .* the 2 steps after it were skipped, too/),
    });
    expect(await stateOf(session)).toEqual(await stateOf(straight));
    session.close();
    straight.close();
  });
});

describe.each([places.wasm, places.wgsl])("the norm of a gradient on $name", (place) => {
  const backend = opened(place);
  const { graph: linear } = compile(
    `model m(D = ${D}) { input x : [D]\nparam w : [D] = 0\nloss sum(w * x, over feature) }`,
  );
  const step = async (x: readonly number[], clip: number) => {
    const options = { dims: { D }, batch: 1, time: 1, optimizer: "sgd", path: "m.cell" } as const;
    const session = await Session.open(compileGraph(linear, options, place.target), backend(), { seed: 1 });
    const { gradientNorm } = await session.train(
      { inputs: { x: Float32Array.from(x) }, steps: 1, examples: 1 },
      { lr: 1, clip },
    );
    const w = await session.read("w");
    session.close();
    return { norm: gradientNorm!, w: [...w] };
  };

  it.each([
    [[5e19, 5e19], 1],
    [[1e38, -1e38], 2],
    [[3e-30, 4e-30], 1e-30],
    [[3, 4e-20], 1],
    [[2e-11, 2e-11], 1e-11],
    [[1e18, 3e18], 5],
  ])("%o is right, and so is what is clipped by it", async (x, clip) => {
    const { norm, w } = await step(x, clip);
    const truth = Math.hypot(...x);
    expect(Math.abs(norm / truth - 1)).toBeLessThan(1e-6);
    w.forEach((v, i) => {
      const wanted = (-clip * x[i]) / truth;
      expect(Math.abs(v - wanted)).toBeLessThanOrEqual(1e-6 * clip);
    });
  });

  it("of zeros is 0", async () => {
    expect(await step([0, 0], 1)).toEqual({ norm: 0, w: [0, 0] });
  });
});
