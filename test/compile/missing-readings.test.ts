/** A reading that a stream lacks: refused, or the example stays as it was, as if it had not been given that step. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { keepStates } from "../../runtime/missing-readings.ts";
import type { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { opened, type Place, places } from "./backends.ts";
import { openStreamed } from "./streamed.ts";

const [D, K, B, T] = [3, 5, 3, 9];
/** Kernels of another number of examples sum in another order. */
const tolerance = 1e-6;

/** Everything that a stream carries: states, delays, sums so far, counts. It reads numbers and a class. */
const model = (norm: string): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.25
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx + 0.1 * step())
  output h'
  place hh : ${norm}
}
model m(D = 3, H = 4, K = 5) {
  param E : [K, D] = uniform(0.5)
  input x : [D] over time
  input k : index(K) over time
  hs = scan c(D, H) over x + embed(k, E)
  late = delay(hs, 2) + cumsum(hs)
  now = step()
  output hs, late, now
}
`;
const shared = model("batch(stats = shared)");
/** Statistics of three steps. */
const ROWS = 3;
const perStep = model(`batch(stats = per_step(${ROWS}))`);

const open = (text: string, place: Place, backend: Backend): Promise<Session> =>
  openStreamed(text, place, backend, { time: T, batch: B });

const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
const k = Float32Array.from({ length: T * B }, (_, i) => (7 * i) % K);

type Outputs = Readonly<Record<string, Float32Array>>;

/** The inputs of a step: of all examples, or of one alone. */
function stepOf(t: number, only?: number): Batch["inputs"] {
  const of = (values: Float32Array, width: number): Float32Array => {
    const all = values.slice(t * B * width, (t + 1) * B * width);
    return only === undefined ? all : all.slice(only * width, (only + 1) * width);
  };
  return { x: of(x, D), k: of(k, 1) };
}

/** With one number of an example gone. */
function without(t: number, examples: readonly number[], mark = Number.NaN): Batch["inputs"] {
  const { x, k } = stepOf(t) as Readonly<Record<string, Float32Array>>;
  for (const b of examples) {
    if (b === 2) k[b] = mark;
    else x[b * D + ((t + b) % D)] = mark;
  }
  return { x, k };
}

/** The examples that lack a reading at each step. */
const gaps: readonly (readonly number[])[] = [[1], [], [0, 1, 2], [2], [0, 1], [], [2], [0], []];

async function expectOwnSteps(session: Session, gaps: readonly (readonly number[])[], missing = keepStates) {
  const stream = await session.stream({ missing });
  const alone = await Promise.all(Array.from({ length: B }, () => session.stream({ examples: 1 })));
  for (const [t, lacking] of gaps.entries()) {
    const made: Outputs = await stream.next(without(t, lacking, t % 2 === 0 ? Number.NaN : Number.NEGATIVE_INFINITY));
    for (let b = 0; b < B; b++) {
      const own: Outputs | undefined = lacking.includes(b) ? undefined : await alone[b].next(stepOf(t, b));
      for (const [name, values] of Object.entries(made)) {
        const width = values.length / B;
        const mine = values.slice(b * width, (b + 1) * width);
        if (own === undefined) expect([...mine].every(Number.isNaN), `${name} of ${b} at ${t}`).toBe(true);
        else expect(relativeError(own[name], mine), `${name} of ${b} at ${t}`).toBeLessThan(tolerance);
      }
    }
  }
  return stream;
}

describe.each([places.wasm, places.wgsl, places.glsl, places.relaxed])("on $name, a missing reading", (place) => {
  const backend = opened(place);

  it("is refused with its place, and the stream stays as it was", async () => {
    const session = await open(shared, place, backend());
    const stream = await session.stream();
    await stream.next(stepOf(0));
    const before = await stream.state();
    for (const [mark, shown] of [
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
      [1e39, "1e+39"],
    ] as const) {
      const { x, k } = stepOf(1) as Readonly<Record<string, Float32Array>>;
      const numbers = Array.from(x);
      numbers[1 * D + 2] = mark;
      await expect(stream.next({ x: numbers, k })).rejects.toMatchObject({
        code: "C0406",
        message: `input \`x\` holds ${shown} at [1, 2], and takes finite numbers of f32`,
        help: expect.stringContaining("missing: keepStates"),
      });
    }
    expect(await stream.state()).toEqual(before);
    session.close();
  });

  it("leaves an example as it was, if asked, and the others go on", async () => {
    const session = await open(shared, place, backend());
    const stream = await expectOwnSteps(session, gaps);
    expect(stream.step).toBe(8);
    const saved = await stream.state();
    expect(saved.began).toEqual([2, 2, 2]);
    // Where all lack one, nothing has changed, and a saved state goes on in the same way.
    await stream.next(without(2, [0, 1, 2]));
    expect(await stream.state()).toEqual(saved);
    const other = await session.stream({ missing: keepStates });
    await other.restore(saved);
    expect(await other.next(without(3, [1]))).toEqual(await stream.next(without(3, [1])));
    session.close();
  });
});

describe("where statistics are of each step", () => {
  const backend = opened(places.wasm);

  it("a stream of one sequence goes on with the row of its own step", async () => {
    const session = await open(perStep, places.wasm, backend());
    const [stream, whole] = [
      await session.stream({ examples: 1, missing: keepStates }),
      await session.stream({ examples: 1 }),
    ];
    for (let t = 0; t < 5; t++) {
      const gap = await stream.next({ ...stepOf(t, 0), x: [0, Number.NaN, 0] });
      expect([stream.step, ...gap.now]).toEqual([t, Number.NaN]);
      expect(await stream.next(stepOf(t, 0))).toEqual(await whole.next(stepOf(t, 0)));
    }
    session.close();
  });

  it("some may lack a reading once all are at the last row, and before that it is refused", async () => {
    const session = await open(perStep, places.wasm, backend());
    const full = Array.from({ length: ROWS - 1 }, (): readonly number[] => []);
    await expectOwnSteps(session, [...full, [1], [0, 2], [], [0, 1, 2], [1]]);
    const stream = await session.stream({ missing: keepStates });
    await stream.next(stepOf(0));
    await stream.next(without(1, [0, 1, 2]));
    const before = await stream.state();
    await expect(stream.next(without(1, [2]))).rejects.toMatchObject({
      code: "C0406",
      message:
        "example 2 of a stream of m lacks a reading that others have, and all are normalized by `c/hh/m` of one step, until step 2",
    });
    expect(await stream.state()).toEqual(before);
    session.close();
  });
});

describe("a stream that keeps states", () => {
  const backend = opened(places.wasm);

  it("still refuses what is no reading: another size, an unknown class or input", async () => {
    const session = await open(shared, places.wasm, backend());
    const stream = await session.stream({ missing: keepStates });
    const { x, k } = stepOf(0);
    const mistakes: Batch["inputs"][] = [{ x, k: [0, 5, 1] }, { x: [Number.NaN], k }, { x }, { x, k, z: x }];
    for (const wrong of mistakes) await expect(stream.next(wrong)).rejects.toMatchObject({ code: "C0406" });
    expect(stream.step).toBe(0);
    await expect(session.stream({ missing: "keep" as never })).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringContaining("`keepStates`"),
    });
    session.close();
  });
});
