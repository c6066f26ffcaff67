/** A step of a stream at once: the numbers of a step that waits, whatever else the session does in between. */
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { Backend } from "../../runtime/backend.ts";
import { keepStates } from "../../runtime/missing-readings.ts";
import type { EntryName } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { Stream } from "../../runtime/stream.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { lstmText } from "../compile/lstm-text.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { executableOf } from "./compiled.ts";

const D = 3;
const entries: readonly EntryName[] = ["train", "update", "infer", "start", "step"];
const text = lstmText("batch(stats = per_step)", { name: "c" });
const executable = (batch: number, entry = entries) =>
  executableOf(text, { batch, time: 3, dims: { D, H: 5 }, entries: entry });
const numbers = (seed: number, count: number): Float32Array => Float32Array.from(sample(count, [-1, 1], uniform(seed)));
const inputs = (seed: number, examples: number) => ({ x: numbers(seed, examples * D) });

/** The same backend, whose memory nobody sees. */
const apart = (backend: Backend): Backend => ({
  ...backend,
  async open(executable) {
    const { direct: _, ...machine } = await backend.open(executable);
    return machine;
  },
});

async function trained(backend: Backend): Promise<Session> {
  const session = await Session.open(executable(2), backend, { seed: 4 });
  await session.attach(executable(1, ["infer", "start", "step"]));
  await train(session, 1);
  return session;
}

async function train(session: Session, seed: number): Promise<void> {
  const batch = { inputs: { x: numbers(seed, 4 * 2 * D), d_h: numbers(seed + 1, 4 * 2 * 5) }, steps: 4, examples: 2 };
  await session.train(batch, { lr: 0.1 });
}

type Act = (session: Session, streams: readonly Stream[], sync: boolean) => Promise<unknown>;
const stream = fc.integer({ min: 0, max: 2 });
const seed = fc.nat(1000);
/** What a program may do with a session and three streams, one of which has one example. */
const acts: readonly fc.Arbitrary<Act>[] = [
  ...Array.from({ length: 4 }, () =>
    fc.tuple(stream, seed).map(
      ([k, seed]): Act =>
        async (_, streams, sync) => {
          const given = inputs(seed, streams[k].examples);
          const made = sync ? streams[k].nextSync(given) : await streams[k].next(given);
          return Object.entries(made).map(([name, values]) => [name, [...values]]);
        },
    ),
  ),
  fc.tuple(stream, seed).map(
    ([k, seed]): Act =>
      async (_, streams) =>
        Object.values(await streams[k].next(inputs(seed, streams[k].examples))).map((values) => [...values]),
  ),
  stream.map(
    (k): Act =>
      async (_, streams) => {
        const { step, tensors } = await streams[k].state();
        return { step, tensors: [...tensors].map(([name, { data }]) => [name, [...data]]) };
      },
  ),
  fc.tuple(stream, stream).map(
    ([from, to]): Act =>
      async (_, streams) => {
        if (streams[from].examples === streams[to].examples)
          await streams[to].restore(await streams[from].state(), { at: 5 });
      },
  ),
  stream.map(
    (k): Act =>
      (_, streams) =>
        streams[k].reset(),
  ),
  seed.map(
    (seed): Act =>
      async (session) => {
        const { outputs } = await session.infer({
          inputs: { x: numbers(seed, 6 * 2 * D), d_h: null },
          ...{ steps: 6, examples: 2 },
        });
        return Object.values(outputs).map((values) => [...values]);
      },
  ),
  seed.map(
    (seed): Act =>
      async (session, streams) => {
        await train(session, seed);
        // The stream of another batch size is sent the new weights when it next waits.
        await streams[2].next(inputs(seed, 1));
      },
  ),
  stream.map(
    (k): Act =>
      async (_, streams, sync) => {
        const given = { x: new Float32Array(streams[k].examples * D).fill(Number.NaN) };
        const made = sync ? Promise.resolve().then(() => streams[k].nextSync(given)) : streams[k].next(given);
        return made.catch((error: Error) => error.message);
      },
  ),
];

test("gives the numbers of steps that wait, whatever the session does in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...acts), { minLength: 4, maxLength: 25 }), async (program) => {
      const results: unknown[] = [];
      for (const sync of [true, false]) {
        const backend = wasmBackend({ threads: 1 });
        const session = await trained(sync ? backend : apart(backend));
        const streams = [
          await session.stream(),
          await session.stream(),
          await session.stream({ examples: 1, warn: () => {} }),
        ];
        const seen: unknown[] = [];
        for (const act of program) seen.push(await act(session, streams, sync));
        results.push(seen);
        session.close();
      }
      expect(results[0]).toEqual(results[1]);
    }),
    { numRuns: 12 },
  );
});

afterEach(() => vi.restoreAllMocks());

async function opened(threads = 1): Promise<{ readonly session: Session; readonly stream: Stream }> {
  const session = await trained(wasmBackend({ threads }));
  return { session, stream: await session.stream() };
}

test("calls WebAssembly once a step", async () => {
  let calls = 0;
  const instantiate = WebAssembly.instantiate.bind(WebAssembly) as (
    ...args: unknown[]
  ) => Promise<WebAssembly.Instance>;
  vi.spyOn(WebAssembly, "instantiate").mockImplementation((async (...args: unknown[]) => {
    const { exports } = await instantiate(...args);
    const counted = Object.entries(exports).map(([name, value]) => {
      if (typeof value !== "function" || name !== "start") return [name, value];
      const start = value as (...args: number[]) => number;
      return [
        name,
        (...args: number[]) => {
          calls++;
          return start(...args);
        },
      ];
    });
    return { exports: Object.fromEntries(counted) };
  }) as typeof WebAssembly.instantiate);
  const { session, stream } = await opened(2);
  const before = calls;
  for (let t = 0; t < 10; t++) stream.nextSync(inputs(t, 2));
  expect(calls - before).toBe(10);
  session.close();
});

test("allocates nothing", async () => {
  const { session, stream } = await opened();
  const given = inputs(1, 2);
  const into = { h: new Float32Array(2 * 5) };
  const grown: number[] = [];
  for (let round = 0; round < 12; round++) {
    const before = process.memoryUsage().heapUsed;
    for (let t = 0; t < 5000; t++) stream.nextSync(given, into);
    grown.push(process.memoryUsage().heapUsed - before);
  }
  // Once the code is compiled. A collection in between makes it negative.
  expect(Math.min(...grown.filter((bytes) => bytes >= 0))).toBeLessThan(5000);
  session.close();
});

test("returns the stream's own arrays, or fills those that are given", async () => {
  const { session, stream } = await opened();
  const first = stream.nextSync(inputs(1, 2));
  const own = first.h;
  const values = [...own];
  const into = { h: new Float32Array(10) };
  expect(stream.nextSync(inputs(2, 2), into)).toBe(into);
  expect([...own]).toEqual(values);
  expect(stream.nextSync(inputs(3, 2)).h).toBe(own);
  expect(stream.step).toBe(3);
  session.close();
});

test("is refused where a step must wait, and leaves the stream as it was", async () => {
  const { session, stream } = await opened();
  const one = inputs(1, 2);
  for (const [act, message] of [
    [() => stream.nextSync({}), "lacks input `x` [2, 3]"],
    [() => stream.nextSync({ ...one, y: one.x }), "no input `y`"],
    [() => stream.nextSync({ x: new Float32Array(5) }), "6 numbers, and 5 were given"],
    [() => stream.nextSync(one, { h: new Float32Array(9) }), "the output `h` to a Float32Array of 10 numbers"],
    [() => stream.nextSync(one, {}), "the output `h`"],
    [() => stream.nextSync(undefined as never), "`inputs`"],
  ] as const)
    expect(act).toThrow(message);
  expect(stream.step).toBe(0);
  const waiting = stream.next(one);
  expect(() => stream.nextSync(one)).toThrow("another call is not done yet");
  await waiting;
  const inferring = session.infer({ inputs: { x: numbers(1, 6), d_h: null }, steps: 1, examples: 2 });
  expect(() => stream.nextSync(one)).toThrow("another call is not done yet");
  await inferring;
  expect(stream.nextSync(one).h.length).toBe(10);
  session.close();
  expect(() => stream.nextSync(one)).toThrow("the session is closed");

  const slow = await trained(apart(wasmBackend({ threads: 1 })));
  const other = await slow.stream();
  expect(() => other.nextSync(one)).toThrow("must be waited for");
  slow.close();
});

test("is refused where a step reads noise or its number, or may lack readings", async () => {
  const counting = executableOf(
    `cell k(H = 2) {
      input x : [H]
      state h : [H] = 0
      h' = h + x * step()
      output h'
    }`,
    { batch: 1, entries: ["infer", "start", "step"] },
  );
  const session = await Session.open(counting, wasmBackend({ threads: 1 }), { seed: 1 });
  const stream = await session.stream();
  expect(() => stream.nextSync({ x: new Float32Array(2) })).toThrow("a step reads more than inputs and states");
  session.close();
  const other = await trained(wasmBackend({ threads: 1 }));
  const gaps = await other.stream({ missing: keepStates });
  expect(() => gaps.nextSync(inputs(1, 2))).toThrow("may lack readings");
  other.close();
});
