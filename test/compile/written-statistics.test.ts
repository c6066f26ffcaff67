/** Statistics that are written by hand, as those of a converted model are: each is known when it is written, and no other. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Batch } from "../../runtime/batch.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { Session } from "../../runtime/session.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";

const [D, B, rows] = [2, 2, 4];
const { graph } = compile(`model m(D = ${D}) {
  input x : [D] over time
  site r = x
  site s = last(x)
  output r, s
  loss sum(s, over feature)
  place r : batch(gamma = 1, beta = none)
  place s : batch(gamma = 1, beta = none)
}`);
const names = ["r/m", "r/v", "s/m", "s/v"];
const lengthOf = (name: string): number => (name.startsWith("r") ? rows * D : D);

const batchOf = (steps: number, add = 0): Batch => ({
  inputs: { x: Float32Array.from({ length: steps * B * D }, (_, i) => Math.sin(i) + add) },
  steps,
  examples: B,
});

const backend = opened(places.wasm);
const open = (): Promise<Session> =>
  Session.open(
    compileGraph(graph, { dims: { D }, path: "main.cell", batch: B, time: rows }, places.wasm.target),
    backend(),
    {
      seed: 1,
    },
  );
const ones = (name: string): Float32Array => new Float32Array(lengthOf(name)).fill(1);
const refusal = (session: Session) =>
  session.infer(batchOf(2)).then(
    () => undefined,
    (error: { readonly code: string; readonly message: string }) => `${error.code} ${error.message}`,
  );

it("inference is refused until all are written, with the names of those that are not", () =>
  fc.assert(
    fc.asyncProperty(fc.subarray(names), async (written) => {
      const session = await open();
      for (const name of written) await session.write(name, ones(name));
      const missing = names.filter((name) => !written.includes(name));
      const said = await refusal(session);
      if (missing.length === 0) expect(said).toBeUndefined();
      else expect(said).toMatch(/^C0501 /);
      for (const name of names) expect(said?.includes(`\`${name}\``) ?? false).toBe(missing.includes(name));
      session.close();
    }),
    { numRuns: 12 },
  ));

describe("what is known", () => {
  it("goes with a checkpoint", async () => {
    const [session, other] = [await open(), await open()];
    for (const name of ["r/m", "s/v"]) await session.write(name, ones(name));
    const state = await session.state();
    expect(state.counters).toMatchObject({ seen: [], written: ["r/m", "s/v"] });
    await other.restore(decodeCheckpoint(encodeCheckpoint(state)));
    expect(await refusal(other)).toMatch(/`r\/v`, `s\/m`/);
    for (const name of ["r/v", "s/m"]) await other.write(name, ones(name));
    expect(await refusal(other)).toBeUndefined();
    expect((await other.state()).counters).toMatchObject({ seen: [1, 1, 1, 1] });
    expect((await other.state()).counters.written).toBeUndefined();
    session.close();
    other.close();
  });

  it("is forgotten by an estimate, whose first batch takes the place of what was written", async () => {
    const [session, other] = [await open(), await open()];
    await session.write("r/m", new Float32Array(lengthOf("r/m")).fill(100));
    for (const each of [session, other]) await each.estimate([batchOf(rows)]);
    for (const name of names) expect(await session.read(name)).toEqual(await other.read(name));
    session.close();
    other.close();
  });

  it("is replaced by the first batch of a training, where not all was written", async () => {
    const [session, other] = [await open(), await open()];
    await session.write("r/m", new Float32Array(lengthOf("r/m")).fill(100));
    for (const each of [session, other]) await each.train(batchOf(rows), { lr: 1e-30 });
    for (const name of names) expect(await session.read(name)).toEqual(await other.read(name));
    expect((await session.state()).counters.written).toBeUndefined();
    session.close();
    other.close();
  });

  it("of steps that no batch has reached is what was written, and of the others the last step's that one has", async () => {
    const session = await open();
    await session.estimate([batchOf(2)]);
    const variance = await session.read("r/v");
    await session.write(
      "r/m",
      Float32Array.from({ length: rows * D }, (_, i) => i),
    );
    await session.infer(batchOf(rows));
    expect([...(await session.read("r/m"))]).toEqual(Array.from({ length: rows * D }, (_, i) => i));
    const last = [...variance.subarray(D, 2 * D)];
    expect([...(await session.read("r/v")).subarray(2 * D)]).toEqual([...last, ...last]);
    session.close();
  });
});
