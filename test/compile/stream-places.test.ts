/** One place of a stream is given to a new sequence: it then gives what a fresh stream gives, and the others go on. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Session } from "../../runtime/session.ts";
import type { Stream } from "../../runtime/stream.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { opened, type Place, places } from "./backends.ts";
import { openStreamed } from "./streamed.ts";

const [D, H, S, B, T] = [3, 4, 2, 3, 9];
/** Kernels of another number of examples sum in another order. */
const tolerance = 1e-6;

const cell = (norm: string, first = "0.25"): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = ${first}
  site hh = h @ Wh
  h' = tanh(hh + x @ Wx + 0.1 * step())
  output h'
  place hh : ${norm}
}
`;

/** Everything that a stream carries: states, delays, sums so far, counts; `first`: what the scan begins with. */
const model = (norm: string, first = "", own?: string): string => `${cell(norm, own)}
model m(D = 3, H = 4, S = 2) {
  param Wc : [S, H] = xavier
  input x : [D] over time
  input s : [S]
  hs = scan c(D, H) over x ${first}
  late = delay(hs, 2) + cumsum(hs)
  recent = last(hs, 3)
  now = step()
  output hs, late, recent, now
}
`;
const plain = model("batch(stats = shared)");
const begun = model("layer", "from h = tanh(s @ Wc)");

const open = (text: string, place: Place, backend: Backend): Promise<Session> =>
  openStreamed(text, place, backend, { time: T, batch: B });

const numbers = (n: number, seed: number): Float32Array => Float32Array.from(sample(n, [-1, 1], uniform(seed)));
const x = numbers(T * B * D, 5);
const s = numbers(B * S, 6);
const row = (values: ArrayLike<number>, b: number, width: number): Float32Array =>
  Float32Array.from({ length: width }, (_, i) => values[b * width + i]);

type Outputs = Readonly<Record<string, Float32Array>>;

/** Runs steps `from` … `to` − 1, of example `only` if given. */
async function run(stream: Stream, from: number, to: number, only?: number): Promise<readonly Outputs[]> {
  const made: Outputs[] = [];
  for (let t = from; t < to; t++) {
    const step = x.subarray(t * B * D, (t + 1) * B * D);
    made.push(await stream.next({ x: only === undefined ? step : row(step, only, D) }));
  }
  return made;
}

/** Compares example `b` of `many` with `one`, the only example of another stream. */
function expectAlike(many: readonly Outputs[], b: number, one: readonly Outputs[]): void {
  expect(many.length).toBe(one.length);
  many.forEach((outputs, t) => {
    for (const [name, values] of Object.entries(outputs)) {
      const mine = row(values, b, values.length / B);
      expect(relativeError(one[t][name], mine), `${name} at ${t}`).toBeLessThan(tolerance);
    }
  });
}

describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);

  it("a place begins as a fresh stream does: states, delays, sums and counts", async () => {
    const session = await open(plain, place, backend());
    const [stream, undisturbed, fresh, later] = [
      ...[await session.stream(), await session.stream()],
      ...[await session.stream({ examples: 1 }), await session.stream({ examples: 1 })],
    ];
    const [before, alike] = [await run(stream, 0, 4), await run(undisturbed, 0, 4)];
    expect(before).toEqual(alike);
    await stream.reset({}, { examples: [1] });
    expect(stream.step).toBe(4);
    const next = await run(stream, 4, 6);
    await stream.reset(undefined, { examples: [2] });
    const made = [...next, ...(await run(stream, 6, T))];
    expectAlike(made, 1, await run(fresh, 4, T, 1));
    expectAlike(made.slice(2), 2, await run(later, 6, T, 2));
    // The others go on, up to the bit.
    const others = await run(undisturbed, 4, T);
    made.forEach((outputs, t) => {
      for (const [name, values] of Object.entries(outputs)) {
        const width = values.length / B;
        expect(row(values, 0, width)).toEqual(row(others[t][name], 0, width));
      }
    });
    session.close();
  });

  it("a place begins with inputs of its own, or again with those it had", async () => {
    const session = await open(begun, place, backend());
    const stream = await session.stream({ inputs: { s } });
    const alone = async (s: Float32Array): Promise<Stream> => session.stream({ examples: 1, inputs: { s } });
    await run(stream, 0, 2);
    const own = numbers(2 * S, 7);
    await stream.reset({ s: { data: own, shape: [2, S] } }, { examples: [2, 1] });
    const made = await run(stream, 2, 5);
    expectAlike(made, 2, await run(await alone(row(own, 0, S)), 2, 5, 2));
    expectAlike(made, 1, await run(await alone(row(own, 1, S)), 2, 5, 1));
    await stream.reset({}, { examples: [0, 1] });
    const again = await run(stream, 5, T);
    expectAlike(again, 0, await run(await alone(row(s, 0, S)), 5, T, 0));
    expectAlike(again, 1, await run(await alone(row(own, 1, S)), 5, T, 1));
    // All of them, each with the inputs that it had last.
    await stream.reset();
    expectAlike(await run(stream, 0, 3), 2, await run(await alone(row(own, 0, S)), 0, 3, 2));
    session.close();
  });
});

describe("a place of a stream", () => {
  const backend = opened(places.wasm);

  it("of a state that is saved and restored has its own step", async () => {
    const session = await open(plain, places.wasm, backend());
    const stream = await session.stream();
    await run(stream, 0, 3);
    await stream.reset({}, { examples: [1] });
    await run(stream, 3, 4);
    const saved = await stream.state();
    expect([saved.step, saved.began]).toEqual([4, [0, 3, 0]]);
    const other = await session.stream();
    await other.restore(saved);
    const rest = await run(other, 4, T);
    expect(rest).toEqual(await run(stream, 4, T));
    expect([...rest[0].now]).toEqual([4, 1, 4]);
    await other.restore(saved, { at: 2 });
    expect([...(await run(other, 0, 1))[0].now]).toEqual([2, 2, 2]);
    for (const began of [[0, 5, 0], [0, 1], [0, -1, 0], "no"])
      await expect(other.restore({ ...saved, began } as never)).rejects.toMatchObject({ code: "C0404" });
    session.close();
  });

  it("begins with noise of its own", async () => {
    const session = await open(model("layer", "", "noise(0.5)"), places.wasm, backend());
    const stream = await session.stream({ noise: "drawn" });
    const before = (await stream.state()).tensors.get("state/h")!.data;
    await stream.reset({}, { examples: [1] });
    const after = (await stream.state()).tensors.get("state/h")!.data;
    expect(row(after, 1, H)).not.toEqual(row(before, 1, H));
    for (const b of [0, 2]) expect(row(after, b, H)).toEqual(row(before, b, H));
    session.close();
  });

  it("is refused one where each step has its own statistics, unless all begin together", async () => {
    const session = await open(model("batch"), places.wasm, backend());
    const stream = await session.stream();
    await stream.reset({}, { examples: [1] });
    const [first] = await run(stream, 0, 1);
    const saved = await stream.state();
    await expect(stream.reset({}, { examples: [1] })).rejects.toMatchObject({
      code: "C0406",
      message: "m has statistics for each step, `c/hh/m`, and one count of steps for all examples, which is 1",
      help: "keep one set for all steps, with `stats = shared` at its norm, or open a stream for each sequence",
    });
    expect(await stream.state()).toEqual(saved);
    await stream.reset({}, { examples: [2, 0, 1] });
    expect(stream.step).toBe(0);
    expect(await run(stream, 0, 1)).toEqual([first]);
    session.close();
  });

  it("is refused what is no example, and inputs in the wrong place", async () => {
    const session = await open(begun, places.wasm, backend());
    const stream = await session.stream({ inputs: { s } });
    await run(stream, 0, 2);
    const saved = await stream.state();
    const refused = async (inputs: object, examples: unknown, message: string | RegExp) =>
      expect(stream.reset(inputs as never, { examples } as never)).rejects.toMatchObject({
        code: "C0406",
        message: typeof message === "string" ? message : expect.stringMatching(message),
      });
    await refused({}, [3], "this stream has examples 0 to 2, not 3");
    await refused({}, [0.5], "this stream has examples 0 to 2, not 0.5");
    await refused({}, [1, 1], "example 1 cannot begin anew twice");
    await refused({}, 1, "`examples` is a list of numbers of examples, not 1");
    await refused({ s }, [1], "`s` is [1, 2]: 2 numbers, and 6 were given");
    await refused({ s: [Number.NaN, 0] }, [1], /NaN at \[1, 0\]/);
    await expect(stream.reset({ examples: [1] })).rejects.toMatchObject({
      help: "some examples begin anew by the second argument: reset({}, { examples: [1] })",
    });
    await stream.reset({}, { examples: [] });
    expect(await stream.state()).toEqual(saved);
    session.close();
  });
});
