/** Labels that are missing are NaN, and a loss that leaves them out is as if they had not been asked for. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";

const { graph } = compile(`model m(D = 2) {
  input x    : [D] over time
  input seen : [] over time
  target y   : [] over time
  param V    : [D] = 0.5
  z = sum(x * V, over feature)
  output z
  loss where(seen, square(z - y), 0)
}`);

const x = [1, 2, -1, 0.5, 0.3, 0.7, 2, -1, 0.1, 0.9, -0.4, 0.2];
const seen = [1, 1, 0, 1, 1, 1];
const y = [1, 2, Number.NaN, 1, 0, 1];
const batchOf = (given: {
  readonly x?: readonly number[];
  readonly y?: readonly number[];
  readonly seen?: readonly number[];
}) => ({ inputs: { x, y, seen, ...given }, steps: 3, examples: 2 }) satisfies Batch;

/** What is known of the loss and its gradient at V = (0.5, 0.5). */
const errors = y.map((label, i) => (seen[i] ? 0.5 * x[2 * i] + 0.5 * x[2 * i + 1] - label : 0));
const loss = errors.reduce((sum, e) => sum + e * e, 0) / 6;
const gradient = [0, 1].map((d) => errors.reduce((sum, e, i) => sum + (2 * e * x[2 * i + d]) / 6, 0));

describe.each([places.wasm, places.wgsl])("on $name", (place) => {
  const backend = opened(place);
  const open = (): Promise<Session> => {
    const options = { dims: { D: 2 }, batch: 2, time: 3, path: "m.cell", optimizer: "sgd" } as const;
    return Session.open(compileGraph(graph, options, place.target), backend(), { seed: 1 });
  };

  it("loss and gradient are those of the labels that are there", async () => {
    const session = await open();
    expect((await session.infer(batchOf({}))).loss).toBeCloseTo(loss, 6);
    expect((await session.evaluate([batchOf({})])).loss).toBeCloseTo(loss, 6);
    expect((await session.train(batchOf({}), { lr: 1 })).loss).toBeCloseTo(loss, 6);
    const found = await session.read("V");
    gradient.forEach((g, d) => {
      expect(found[d]).toBeCloseTo(0.5 - g, 6);
    });
    session.close();
  });

  it("a step whose loss does not leave them out changes nothing, and other numbers may not be missing", async () => {
    const session = await open();
    await expect(session.train(batchOf({ seen: seen.map(() => 1) }), { lr: 1 })).rejects.toMatchObject({
      code: "C0502",
    });
    for (const [wrong, name] of [
      [{ x: x.with(3, Number.NaN) }, "x"],
      [{ seen: seen.with(2, Number.NaN) }, "seen"],
      [{ y: y.with(1, Number.POSITIVE_INFINITY) }, "y"],
    ] as const)
      await expect(session.train(batchOf(wrong), { lr: 1 }), name).rejects.toMatchObject({ code: "C0406" });
    expect([...(await session.read("V"))]).toEqual([0.5, 0.5]);
    session.close();
  });
});
