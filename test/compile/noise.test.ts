/** Noise at inference: its mean, so that the same input has the same outputs, or drawn as in training. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import type { Batch } from "../../runtime/batch.ts";
import { Session } from "../../runtime/session.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";

const [D, H, T, B] = [2, 3, 4, 3];

/** In a first state, in each step, and in a model; with `std` 0 there is none. */
const text = (std: number): string => `cell c(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.2 + noise(${std})
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx + noise(${std}, [H]))
  output h'
  place hh : batch
}
model m(D = ${D}, H = ${H}) {
  input x : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  z = hs + noise(${std}, [H])
  output z
  loss mse(z, y)
}`;
const [noisy, still] = [0.5, 1e-30].map((std) => compile(text(std)).graph);

const x = Float32Array.from({ length: T * B * D }, (_, i) => Math.sin(i));
const batch: Batch = { inputs: { x, y: new Float32Array(T * B * H) }, steps: T, examples: B };

describe.each([places.wasm, places.wgsl])("on $name noise at inference", (place) => {
  const backend = opened(place);
  const open = async (graph: Graph): Promise<Session> => {
    const entries = ["estimate", "infer", "step", "start"] as const;
    const options = { dims: { D, H }, path: "main.cell", batch: B, time: T, entries };
    return Session.open(compileGraph(graph, options, place.target), backend(), { seed: 7 });
  };
  /** Two sessions with the same parameters and statistics, with noise and without. */
  const both = async (): Promise<readonly [Session, Session]> => {
    const [session, other] = [await open(noisy), await open(still)];
    await session.estimate([batch]);
    for (const name of ["c/hh/m", "c/hh/v"]) await other.write(name, await session.read(name));
    return [session, other];
  };

  it("is its mean: outputs, losses and streams are those of a model without it", async () => {
    const [session, other] = await both();
    const [found, wanted] = [await session.infer(batch), await other.infer(batch)];
    expect(found).toEqual(wanted);
    expect(await session.infer(batch)).toEqual(found);
    expect(await session.evaluate([batch])).toEqual(await other.evaluate([batch]));
    const stream = await session.stream();
    for (let t = 0; t < T; t++) {
      const { z } = await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) });
      z.forEach((v, i) => {
        expect(v).toBeCloseTo(wanted.outputs.z[t * B * H + i], 5);
      });
    }
    await expect(session.infer(batch, { noise: "none" as "mean" })).rejects.toMatchObject({ code: "C0406" });
    await expect(session.stream({ noise: "none" as "mean" })).rejects.toMatchObject({ code: "C0406" });
    session.close();
    other.close();
  });

  it("is drawn where asked for: anew at each call, and in an evaluation the same for the same batches", async () => {
    const [session, other] = await both();
    const drawn = { noise: "drawn" } as const;
    const [first, second] = [await session.infer(batch, drawn), await session.infer(batch, drawn)];
    expect(first.outputs.z).not.toEqual(second.outputs.z);
    expect(await session.evaluate([batch, batch], drawn)).toEqual(await session.evaluate([batch, batch], drawn));
    expect((await session.evaluate([batch], drawn)).loss).not.toBeCloseTo((await session.evaluate([batch])).loss, 3);
    const streams = [await session.stream(drawn), await session.stream(drawn)];
    const made = await Promise.all(streams.map((stream) => stream.next({ x: x.subarray(0, B * D) })));
    expect(made[0].z).not.toEqual(made[1].z);
    session.close();
    other.close();
  });

  it("is drawn where statistics are estimated, which noise keeps from being zero", async () => {
    const [session, other] = [await open(noisy), await open(still)];
    for (const each of [session, other]) await each.estimate([batch]);
    // At the first step all states are alike but for their noise.
    const least = async (each: Session): Promise<number> => Math.min(...(await each.read("c/hh/v")).subarray(0, H));
    expect(await least(session)).toBeGreaterThan(1e-3);
    expect(await least(other)).toBeLessThan(1e-10);
    session.close();
    other.close();
  });
});
