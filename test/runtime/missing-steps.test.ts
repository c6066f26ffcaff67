/** What the runtime makes of lengths from 0 and of masks. */
import { beforeAll, describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { existing } from "../../runtime/existing.ts";
import { filledAt, markOf, ragged } from "../../runtime/lengths.ts";
import type { Mark } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { places } from "../compile/backends.ts";
import { compile } from "../semantics/sources.ts";

const { graph } = compile(`cell rnn(D = 2, H = 2) {
  param W : [D, H] = xavier
  input x : [D]
  state h : [H] = 0
  site xh = x @ W
  h' = tanh(h + xh)
  output h'
}
model m(D = 2, H = 2) {
  input x : [D] over time
  target y : [H] over time
  hs = scan rnn(D, H) over x
  output hs
  loss mse(hs, y)
  place xh : batch
}`);

let backend: Backend;
beforeAll(async () => {
  backend = await places.wasm.open();
  return () => backend.close();
});

const open = async (examples: number, ragged = true): Promise<Session> =>
  Session.open(
    compileGraph(
      graph,
      { dims: { D: 2, H: 2 }, batch: examples, time: 3, path: "main.cell", ragged },
      places.wasm.target,
    ),
    backend,
    { seed: 1 },
  );

/** Examples [3 steps, 2 features] as a batch. */
function batchOf(examples: readonly (readonly number[])[], more: Pick<Batch, "lengths" | "mask">): Batch {
  const n = examples.length;
  const x = Float32Array.from(
    { length: 6 * n },
    (_, i) => examples[Math.floor(i / 2) % n][2 * Math.floor(i / 2 / n) + (i % 2)],
  );
  return { inputs: { x, y: x.map((v) => v / 2) }, steps: 3, examples: n, ...more };
}
const [a, b, c, none] = [
  [1, 2, 3, 4, 5, 6],
  [-1, 0.5, 2, 1, 0, 3],
  [0.3, -2, 1, 1, -1, 0],
  [9, 9, 9, 9, 9, 9],
];

describe("the marks of a mask", () => {
  // Example 0 lacks the first step, 1 the second, 2 all.
  const from = { steps: 3, examples: 3, has: [0, 1, 0, 1, 0, 0, 1, 0, 0] };
  it.each<readonly [Mark, readonly number[]]>([
    ["valid", [1, 1, 0, 1, 0, 0, 0, 0, 0]],
    ["first", [1, 1, 0, 0, 0, 0, 0, 0, 0]],
    ["last", [0, 1, 0, 1, 0, 0, 0, 0, 0]],
    ["examples", [2, 1, 0]],
    ["some", [1, 1, 0]],
    ["enough", [1, 0, 0]],
    ["until", [1, 0, 0]],
    ["after", [0, 1, 1]],
    ["span", [2, 1, 0]],
    ["present", [1, 1, 0]],
  ])("%s counts the steps of each example from its first", (mark, numbers) => {
    expect([...markOf(mark, from)]).toEqual(numbers);
  });

  it("leaves out what examples lack, and puts outputs back where they have steps", () => {
    const shape = [3, 3, 2];
    const range = { offset: 1, stride: 10, count: 3 };
    const image = Float32Array.from({ length: 30 }, (_, i) => i);
    ragged.compact(image, { shape, range }, from);
    const rows = (t: number): readonly number[] => [...image.subarray(10 * t, 10 * t + 8)];
    expect([0, 1, 2].map(rows)).toEqual([
      [0, 11, 12, 3, 4, 0, 0, 7],
      [10, 21, 22, 0, 0, 0, 0, 17],
      [20, 0, 0, 0, 0, 0, 0, 27],
    ]);
    ragged.spread(image, { shape, range }, from);
    expect([0, 1, 2].map(rows)).toEqual([
      [0, 0, 0, 3, 4, 0, 0, 7],
      [10, 11, 12, 0, 0, 0, 0, 17],
      [20, 21, 22, 0, 0, 0, 0, 27],
    ]);
    expect(ragged.stepOf(from, 1, 0)).toBe(2);
  });

  it("a step that a single example has counts if another step stands in for the others", () => {
    expect(filledAt(existing([3, 1], 3), false)).toEqual([1, 0.5, 0.5]);
    expect(filledAt({ steps: 3, examples: 2, has: [0, 0, 1, 0, 1, 0] }, false)).toEqual([0, 0, 0]);
    expect(filledAt({ steps: 3, examples: 2, has: [0, 0, 1, 0, 1, 1] }, true)).toEqual([1, 0.5, 0]);
  });
});

describe("a batch", () => {
  it("with a mask is the one with the same lengths", async () => {
    const session = await open(3);
    await session.estimate([batchOf([a, b, c], {})]);
    const lengths = await session.infer(batchOf([a, b, c], { lengths: [3, 0, 2] }));
    const has = [1, 0, 1, 1, 0, 1, 1, 0, 0];
    for (const mask of [has, has.map(Boolean), { data: Uint8Array.from(has), shape: [3, 3] }])
      expect(await session.infer(batchOf([a, b, c], { mask }))).toEqual(lengths);
    session.close();
  });

  it("that is filled up with empty sequences has the loss and the statistics of the others", async () => {
    const [some, more] = [await open(2), await open(3)];
    const full = batchOf([a, b], { lengths: [3, 2] });
    const filled = batchOf([a, b, none], { lengths: [3, 2, 0] });
    await some.estimate([full]);
    await more.estimate([filled]);
    for (const name of ["rnn/xh/m", "rnn/xh/v"]) expect(await more.read(name)).toEqual(await some.read(name));
    expect((await more.evaluate([filled, filled])).loss).toBeCloseTo((await some.evaluate([full])).loss, 6);
    const before = await more.read("rnn/xh/m");
    // One example alone has no statistics, and nor have none.
    await more.train(batchOf([c, none, none], { lengths: [3, 0, 0] }), { lr: 0.1 });
    await more.train(batchOf([none, none, none], { lengths: [0, 0, 0] }), { lr: 0.1 });
    expect(await more.read("rnn/xh/m")).toEqual(before);
    some.close();
    more.close();
  });

  it("that is padded on the left, or has gaps, is the one whose sequences begin together", async () => {
    const session = await open(2);
    const left = batchOf(
      [
        [9, 9, ...a.slice(0, 4)],
        [...b.slice(0, 2), 9, 9, ...b.slice(4)],
      ],
      { mask: [0, 1, 1, 0, 1, 1] },
    );
    const together = batchOf([a, [...b.slice(0, 2), ...b.slice(4), 0, 0]], { lengths: [2, 2] });
    await session.estimate([together]);
    const rows = await session.read("rnn/xh/m");
    await session.estimate([left]);
    expect(await session.read("rnn/xh/m")).toEqual(rows);
    const [found, truth] = [await session.infer(left), await session.infer(together)];
    expect(found.loss).toBe(truth.loss);
    const hs = truth.outputs.hs;
    const [first, second] = [hs.subarray(0, 4), hs.subarray(4, 8)];
    expect([...found.outputs.hs]).toEqual([
      ...[0, 0, first[2], first[3]],
      ...[first[0], first[1], 0, 0],
      ...[second[0], second[1], second[2], second[3]],
    ]);
    session.close();
  });

  it("with a mask is refused a wrong number by its place in the batch", async () => {
    const session = await open(2);
    const wrong = batchOf([a, [1, 2, Number.NaN, 4, 5, Number.NaN]], { mask: [0, 1, 1, 0, 1, 1] });
    await expect(session.train(wrong, { lr: 0.1 })).rejects.toThrow("`x` holds NaN at [2, 1, 1]");
    session.close();
  });

  it.each<readonly [string, Pick<Batch, "lengths" | "mask">, RegExp]>([
    ["a mask of other numbers", { mask: [0, 1, 2, 0, 0, 0] }, /holds 0 and 1, or false and true, and 2 at \[1, 0\]/],
    ["a mask that is too short", { mask: [0, 1] }, /`mask` is \[3, 2\]: 6 numbers, and 2 were given/],
    ["a mask in batches of steps", { mask: { data: new Uint8Array(6), shape: [2, 3] } }, /and \[2, 3\] was given/],
    ["both", { mask: new Uint8Array(6), lengths: [3, 3] }, /not both/],
    ["a mask in a text", { mask: "110011" as never }, /`mask` is a list of 0 and 1/],
  ])("with %s is refused", async (_, more, message) => {
    const session = await open(2);
    await expect(session.train(batchOf([a, b], more), { lr: 0.1 })).rejects.toThrow(message);
    session.close();
  });
});

it("a program for sequences of one length takes no mask", async () => {
  const session = await open(2, false);
  await expect(session.train(batchOf([a, b], { mask: new Uint8Array(6) }), { lr: 0.1 })).rejects.toThrow(/one length/);
  session.close();
});
