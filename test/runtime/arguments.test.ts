import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, test } from "vitest";
import {
  type Batch,
  decodeCheckpoint,
  encodeCheckpoint,
  type Numbers,
  Session,
  type SessionState,
  type StreamState,
  type TrainOptions,
  wasmBackend,
} from "../../runtime/index.ts";
import { executables, type Name, names, soundBatch } from "./compiled.ts";
import { leaky, leakyPlan } from "./leaky.ts";

const backend = wasmBackend({ threads: 1 });
afterAll(() => backend.close());

const steps = 5;
const open = (name: Name) => Session.open(executables[name], backend, { seed: 1 });
const refused = (message: RegExp, code = "C0406") => ({ code, message: expect.stringMatching(message) as string });

/** Everything that a session tells about itself, which a refused call must leave unchanged. */
const everything = async (session: Session) => {
  const { tensors, counters } = await session.state();
  return [counters, [...tensors].map(([name, { data }]) => [name, [...data]])];
};

/** A batch with one input replaced. */
const withInput = (batch: Batch, name: string, input: unknown): Batch => ({
  ...batch,
  inputs: { ...batch.inputs, [name]: input as Float32Array },
});

describe.each(names)("%s", (name) => {
  const { plan } = executables[name];
  const batch = soundBatch(plan, steps);
  const inputs = Object.keys(batch.inputs);

  test("what is not finite in an input is refused by every call, with its place, before anything is changed", async () => {
    const session = await open(name);
    await session.train(batch, { lr: 0.01 });
    await session.estimate([batch, soundBatch(plan, steps, 1)]);
    const before = await everything(session);
    for (const input of inputs) {
      const index = batch.inputs[input].length - 1;
      const { role } = plan.entries.train!.tensors.find((tensor) => tensor.name === input)!;
      const mayLack = role.kind === "input" && role.target === true;
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        // Labels may be missing.
        if (mayLack && Number.isNaN(bad)) continue;
        const data = batch.inputs[input].slice();
        data[index] = bad;
        const wrong = withInput(batch, input, data);
        const says = refused(new RegExp(`input \`${input}\` .*holds ${bad} at \\[`));
        await expect(session.train(wrong, { lr: 0.01 })).rejects.toMatchObject(says);
        await expect(session.infer(wrong)).rejects.toMatchObject(says);
        await expect(session.evaluate([batch, wrong])).rejects.toMatchObject(says);
        await expect(session.run("train", wrong)).rejects.toMatchObject(says);
        // A model without statistics has nothing to estimate, so it checks nothing.
        if (name.startsWith("words")) await expect(session.estimate([batch, wrong])).rejects.toMatchObject(says);
      }
    }
    expect(await everything(session)).toEqual(before);
    session.close();
  });

  const some = inputs[0];
  const sound = batch.inputs[some];
  const { shape } = plan.entries.train!.tensors.find((tensor) => tensor.name === some)!;
  const rows = (numbers: Float32Array) => [...numbers].map((value) => [value]);

  test.each<[string, unknown]>([
    ["a nested list", rows(sound)],
    ["a list of texts", [...sound].map(String)],
    ["a list of objects", [...sound].map((value) => ({ value }))],
    ["a list with a hole", Object.assign([...sound], { 1: undefined })],
    ["a list of whole numbers of any size", [...sound].map(() => 1n)],
    ["a BigInt64Array", new BigInt64Array(sound.length)],
    ["a DataView", new DataView(new ArrayBuffer(4 * sound.length))],
    ["a buffer", new ArrayBuffer(4 * sound.length)],
    ["a text", "1".repeat(sound.length)],
    ["a number", 1],
    ["a map", new Map([[0, 1]])],
    ["a function", () => sound],
    ["what only has a length", { length: sound.length }],
    ["one number too few", sound.subarray(1)],
    ["data without a shape", { data: sound }],
    ["a shape without data", { shape: [steps, ...shape] }],
    ["a shape of one axis", { data: sound, shape: [sound.length] }],
    ["a shape that is a text", { data: sound, shape: "5,3" }],
    ["shaped data of another size", { data: sound.subarray(1), shape: [steps, ...shape] }],
  ])("%s for an input is refused", async (_, input) => {
    const session = await open(name);
    await expect(session.run("train", withInput(batch, some, input))).rejects.toMatchObject(
      refused(new RegExp(`\`${some}\``)),
    );
    session.close();
  });

  test("[B, T, …] instead of [T, B, …] is refused, with a hint if the shape is given", async () => {
    const session = await open(name);
    const [examples, ...rest] = shape;
    const turned = { data: sound, shape: [examples, steps, ...rest] };
    await expect(session.run("train", withInput(batch, some, turned))).rejects.toMatchObject({
      ...refused(/\[3, 5/),
      help: expect.stringMatching(/time comes first/) as string,
    });
    session.close();
  });

  test("numbers of any type give what the same f32 give", async () => {
    const results: unknown[] = [];
    const whole = sound.map((value) => Math.round(value));
    const kinds: ((numbers: Float32Array) => Numbers)[] = [
      (n) => n,
      (n) => [...n],
      (n) => Float64Array.from(n),
      (n) => Int32Array.from(n),
      (n) => Int8Array.from(n),
      (n) => new Float32Array(new SharedArrayBuffer(4 * n.length)).map((_, i) => n[i]),
    ];
    for (const kind of kinds) {
      for (const input of [kind(whole), { data: kind(whole), shape: [steps, ...shape] }]) {
        const session = await open(name);
        await session.train(withInput(batch, some, input), { lr: 0.1 });
        results.push((await session.state()).tensors);
        session.close();
      }
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test.each<[string, object, RegExp]>([
    ["no inputs", { inputs: undefined }, /needs `inputs`/],
    ["inputs that are null", { inputs: null }, /`inputs` is an object/],
    ["inputs in a list", { inputs: [sound] }, /`inputs` is an object/],
    ["an input of a prototype", { inputs: Object.create(batch.inputs) }, /lacks input/],
    ["an input that is not there", { inputs: {} }, /lacks input/],
    ["half a step", { steps: 4.5 }, /`steps` is a whole number/],
    ["steps in a text", { steps: "5" }, /`steps` is a whole number, .*, not "5"/],
    ["steps that are no number", { steps: Number.NaN }, /`steps`/],
    ["endless steps", { steps: Number.POSITIVE_INFINITY }, /`steps`/],
    ["more steps than there are numbers", { steps: 2 ** 30 }, /were given/],
    ["more steps than 32 bits count", { steps: 2 ** 40 }, /`steps`/],
    ["half an example", { examples: 1.5 }, /`examples` is a whole number/],
    ["no examples", { examples: 0 }, /`examples`/],
    ["a misspelt part", { length: [5, 5, 5] }, /have no `length`/],
    ["lengths that are null", { lengths: null }, /`lengths` is a list/],
    ["lengths in a text", { lengths: "555" }, /`lengths` is a list/],
    ["too few lengths", { lengths: [5, 5] }, /as many lengths, not 2/],
    ["lengths that are no number", { lengths: [5, Number.NaN, 5] }, /0 to 5 steps, not NaN/],
    ["lengths in texts", { lengths: ["5", "5", "5"] }, /0 to 5 steps, not "5"/],
    ["a length that is missing", { lengths: [5, undefined, 5] }, /0 to 5 steps, not undefined/],
    ["a length beyond the steps", { lengths: [5, 6, 5] }, /0 to 5 steps, not 6/],
    ["lengths of any size", { lengths: BigInt64Array.of(5n, 5n, 5n) }, /0 to 5 steps, not 5n/],
  ])("a batch with %s is refused by every call", async (_, part, message) => {
    const session = await open(name);
    await session.train(batch, { lr: 0.01 });
    const before = await everything(session);
    const wrong = { ...batch, ...part } as Batch;
    for (const call of [
      () => session.train(wrong, { lr: 0.01 }),
      () => session.infer(wrong),
      () => session.evaluate([wrong]),
      () => session.run("train", wrong),
    ])
      await expect(call()).rejects.toMatchObject(refused(message));
    expect(await everything(session)).toEqual(before);
    session.close();
  });

  test("what is not a batch is refused", async () => {
    const session = await open(name);
    for (const none of [undefined, null, 3, "batch", [batch]])
      await expect(session.infer(none as unknown as Batch)).rejects.toMatchObject(
        refused(/parts of a batch are an object/),
      );
    session.close();
  });

  test("a target that is left out cannot be trained on", async () => {
    const session = await open(name);
    const without = withInput(batch, "y", null);
    await expect(session.train(without, { lr: 0.01 })).rejects.toMatchObject(refused(/leaves out `y`/));
    session.close();
  });

  test.each<[string, unknown, RegExp]>([
    ["no options", undefined, /options of a training step are an object/],
    ["no learning rate", {}, /needs a learning rate/],
    ["lr NaN", { lr: Number.NaN }, /`lr` is a finite number above 0, not NaN/],
    ["lr 0", { lr: 0 }, /`lr` is a finite number above 0, not 0/],
    ["lr that is 0 in f32", { lr: 1e-60 }, /`lr`/],
    ["lr -1", { lr: -1 }, /`lr`/],
    ["lr ∞", { lr: Number.POSITIVE_INFINITY }, /`lr`/],
    ["lr beyond f32", { lr: 1e39 }, /`lr`/],
    ["lr in a text", { lr: "0.1" }, /`lr` is a finite number above 0, not "0.1"/],
    ["clip NaN", { lr: 0.1, clip: Number.NaN }, /`clip`/],
    ["clip 0", { lr: 0.1, clip: 0 }, /`clip`/],
    ["clip that is 0 in f32", { lr: 0.1, clip: 1e-60 }, /`clip`/],
    ["clip -1", { lr: 0.1, clip: -1 }, /`clip`/],
    ["momentum NaN", { lr: 0.1, momentum: Number.NaN }, /`momentum`/],
    ["momentum -0.1", { lr: 0.1, momentum: -0.1 }, /`momentum`/],
    ["momentum 1.5", { lr: 0.1, momentum: 1.5 }, /`momentum`/],
    ["report yes", { lr: 0.1, report: "yes" }, /`report` is true or false/],
    ["hyper that is a list", { lr: 0.1, hyper: [1] }, /`hyper`/],
    ["hyper lr", { lr: 0.1, hyper: { lr: 1 } }, /`hyper` does not set `lr`/],
    ["hyper that is not there", { lr: 0.1, hyper: { beta: 1 } }, /no hyper-parameter `beta`/],
    ["a misspelt option", { lr: 0.1, momentun: 0.1 }, /have no `momentun`/],
  ])("training with %s is refused and changes nothing", async (_, options, message) => {
    const session = await open(name);
    const before = await everything(session);
    await expect(session.train(batch, options as TrainOptions)).rejects.toMatchObject(refused(message));
    expect(await everything(session)).toEqual(before);
    session.close();
  });

  test("a run is refused a hyper-parameter that the plan does not have", async () => {
    const session = await open(name);
    const running = session.run("train", batch, { momentun: 0.5 });
    await expect(running).rejects.toMatchObject(refused(/no hyper-parameter `momentun`/));
    session.close();
  });

  test("an infinite clip means no clipping", async () => {
    const results = [];
    for (const clip of [undefined, Number.POSITIVE_INFINITY, 3.5e38]) {
      const session = await open(name);
      results.push(await session.train(batch, { lr: 0.1, clip }), (await session.state()).tensors);
      session.close();
    }
    expect(results.slice(2, 4)).toEqual(results.slice(0, 2));
    expect(results.slice(4)).toEqual(results.slice(0, 2));
  });

  test("a state that contradicts itself is refused, and nothing of it is taken over", async () => {
    const session = await open(name);
    await session.train(batch, { lr: 0.1 });
    const state = await session.state();
    const other = await open(name);
    const before = await everything(other);
    const [first, { shape: of, data }] = [...state.tensors][0];
    const last = [...state.tensors.keys()].at(-1)!;
    const tensor = (key: string, saved: unknown) => ({ tensors: new Map([...state.tensors, [key, saved]]) });
    const wrong: [unknown, string, RegExp][] = [
      [undefined, "C0404", /not a Map/],
      [{ ...state, tensors: Object.fromEntries(state.tensors) }, "C0404", /not a Map/],
      [JSON.parse(JSON.stringify(state)), "C0404", /not a Map/],
      [{ ...state, ...tensor(first, { shape: of, data: data.subarray(1) }) }, "C0404", /has \d+ numbers/],
      [{ ...state, ...tensor(first, { shape: of, data: [...data] }) }, "C0404", /not a Float32Array/],
      [{ ...state, ...tensor(first, { shape: "3", data }) }, "C0404", /has no shape/],
      [{ ...state, ...tensor(first, undefined) }, "C0404", /not a Float32Array/],
      [
        {
          ...state,
          ...tensor(last, { ...state.tensors.get(last), data: state.tensors.get(last)!.data.map(() => Number.NaN) }),
        },
        "C0404",
        /holds NaN at 0/,
      ],
      [{ ...state, ...tensor(first, { shape: [1, 1, 1], data: data.slice(0, 1) }) }, "C0403", /this one's/],
      [{ ...state, ...tensor("another", { shape: [1], data: Float32Array.of(1) }) }, "C0403", /`another` besides/],
      [{ ...state, fingerprint: "0" }, "C0403", /does not fit/],
      ...[
        undefined,
        { ...state.counters, seed: 0.5 },
        { ...state.counters, step: "1" },
        { ...state.counters, step: -1 },
        { ...state.counters, run: Number.NaN },
        { ...state.counters, seen: 3 },
        { ...state.counters, seen: ["1"] },
        { ...state.counters, seen: [Number.NaN] },
        { ...state.counters, estimated: "yes" },
      ].map((counters): [unknown, string, RegExp] => [{ ...state, counters }, "C0404", /counters are not numbers/]),
    ];
    for (const [given, code, message] of wrong) {
      await expect(other.restore(given as SessionState)).rejects.toMatchObject(refused(message, code));
      expect(await everything(other)).toEqual(before);
    }
    await other.restore(state);
    expect(await everything(other)).toEqual(await everything(session));
    session.close();
    other.close();
  });

  test("whatever is asked of a closed session is refused, and what was asked before is done", async () => {
    const session = await open(name);
    const [asked, state] = [session.train(batch, { lr: 0.1 }), session.state()];
    session.close();
    session.close();
    expect((await asked).step).toBe(1);
    expect((await state).counters.step).toBe(1);
    const calls = [
      () => session.train(batch, { lr: 0.1 }),
      () => session.infer(batch),
      () => session.evaluate([batch]),
      () => session.estimate([batch]),
      () => session.run("train", batch),
      () => session.read("loss"),
      () => session.write("y", batch.inputs.y),
      () => session.state(),
      async () => session.restore(await state),
      () => session.attach(executables[name]),
      () => session.stream(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(refused(/session is closed/, "C0508"));
  });

  test("a closed backend refuses its sessions and new ones", async () => {
    const own = wasmBackend({ threads: 1 });
    const session = await Session.open(executables[name], own, { seed: 1 });
    own.close();
    for (const call of [
      () => session.train(batch, { lr: 0.1 }),
      () => session.read("loss"),
      () => session.state(),
      () => Session.open(executables[name], own, { seed: 1 }),
    ])
      await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/C0508|C0406/) as string });
    await expect(session.state()).rejects.toMatchObject(refused(/backend is closed/, "C0508"));
  });
});

describe("sequences of different lengths", () => {
  test.each(["words, ragged", "filter, ragged"] as const)(
    "%s: padding may hold anything, and what is there may not",
    async (name) => {
      const { plan } = executables[name];
      const lengths = [5, 2, 4];
      const batch = { ...soundBatch(plan, steps), lengths };
      const [first] = Object.keys(batch.inputs);
      const data = batch.inputs[first];
      const row = data.length / steps / 3;
      const dirty = data.map((value, i) =>
        Math.floor(i / row / 3) >= lengths[Math.floor(i / row) % 3] ? Number.NaN : value,
      );
      expect(dirty.some(Number.isNaN)).toBe(true);
      const results = [];
      for (const input of [data, dirty, { data: [...dirty], shape: [steps, 3, ...(row > 1 ? [row] : [])] }]) {
        const session = await open(name);
        results.push(await session.train(withInput(batch, first, input), { lr: 0.1 }), (await session.state()).tensors);
        session.close();
      }
      expect(results.slice(2, 4)).toEqual(results.slice(0, 2));
      expect(results.slice(4)).toEqual(results.slice(0, 2));
      const session = await open(name);
      dirty[0] = Number.NaN;
      await expect(session.train(withInput(batch, first, dirty), { lr: 0.1 })).rejects.toMatchObject(
        refused(/holds NaN at \[0, 0/),
      );
      session.close();
    },
  );

  test("lengths that are changed while a call waits count as they were when its turn came", async () => {
    const session = await open("filter, ragged");
    const batch = soundBatch(session.plan, steps);
    const lengths = Int32Array.of(5, 2, 4);
    const { loss } = await session.infer({ ...batch, lengths: lengths.slice() });
    const asked = session.infer({ ...batch, lengths });
    await Promise.resolve();
    await Promise.resolve();
    lengths.fill(1000);
    expect((await asked).loss).toBe(loss);
    session.close();
  });
});

test("an index that another thread goes on changing is refused or in range", async () => {
  const session = await open("words");
  const batch = soundBatch(session.plan, steps);
  const shared = new Float32Array(new SharedArrayBuffer(4 * batch.inputs.w.length));
  shared.set(batch.inputs.w);
  shared[7] = 6;
  await session.run("train", withInput(batch, "w", shared));
  const [sound] = await session.read("loss");
  const text = `const { workerData } = require("node:worker_threads");
    for (;;) { workerData[7] = 1e6; workerData[7] = 6; workerData[7] = NaN; workerData[7] = 6; }`;
  const thread = new Worker(text, { eval: true, workerData: shared });
  await once(thread, "online");
  let [refusals, runs] = [0, 0];
  for (; runs < 300 || (refusals === 0 && runs < 30_000); runs++) {
    try {
      await session.run("train", withInput(batch, "w", shared));
      expect((await session.read("loss"))[0]).toBe(sound);
    } catch (error) {
      expect(error).toMatchObject(refused(/`w` takes whole numbers/));
      refusals++;
    }
  }
  await thread.terminate();
  expect(refusals).toBeGreaterThan(0);
  session.close();
});

test.each([
  undefined,
  null,
  {},
  { seed: 1.5 },
  { seed: "1" },
  { seed: Number.NaN },
  { seed: 2 ** 60 },
  { seed: 1, sede: 1 },
])("a session with options %o is refused", async (options) => {
  const opening = Session.open(executables.filter, backend, options as { seed: number });
  await expect(opening).rejects.toMatchObject(refused(/seed|have no `sede`/));
});

test("options of an estimate, a stream and a backend that mean nothing are refused", async () => {
  const session = await open("words");
  const batch = soundBatch(session.plan, steps);
  await session.estimate([batch]);
  const before = await everything(session);
  for (const options of [{ variance: "all" }, { variance: 1 }, { varience: "total" }, null])
    await expect(session.estimate([batch], options as never)).rejects.toMatchObject(
      refused(/variance|varience|estimate/),
    );
  for (const options of [{ examples: 1.5 }, { examples: "3" }, { warn: "loud" }, { exampels: 3 }, null])
    await expect(session.stream(options as never)).rejects.toMatchObject(refused(/examples|warn|exampels|stream/));
  for (const options of [{ simd: "fast" }, { costs: 3 }, { costs: { barrier: Number.NaN, start: 0 } }, { thread: 2 }])
    expect(() => wasmBackend(options as never)).toThrow(expect.objectContaining({ code: "C0406" }));
  expect(await everything(session)).toEqual(before);
  session.close();
});

test("an estimate that fails at a later batch leaves the statistics as they were", async () => {
  const session = await open("words");
  const batch = soundBatch(session.plan, steps);
  await session.train(batch, { lr: 0.1 });
  await session.estimate([batch]);
  const before = await everything(session);
  const { outputs } = await session.infer(batch);
  async function* failing() {
    yield soundBatch(session.plan, steps, 1);
    throw new Error("no more");
  }
  await expect(session.estimate(failing())).rejects.toThrow("no more");
  expect(await everything(session)).toEqual(before);
  // Noise is drawn anew; the statistics are the same.
  expect(Object.keys((await session.infer(batch)).outputs)).toEqual(Object.keys(outputs));
  session.close();
});

test("what is written by hand is finite numbers, as many as there are", async () => {
  const session = await open("filter");
  const before = await session.read("leak/a").catch(() => session.read("a"));
  const name = [...(await session.state()).tensors.keys()][0];
  for (const data of [
    Float32Array.of(1),
    [1, "2"],
    Float32Array.of(1, Number.NaN),
    Float64Array.of(1, 1e39),
    "12",
    null,
    undefined,
  ])
    await expect(session.write(name, data as Float32Array)).rejects.toMatchObject({ code: "C0406" });
  expect(await session.read(name)).toEqual(before);
  session.close();
});

test("an attached executable whose statistics have fewer rows is refused", async () => {
  const { executableOf, wordsText } = await import("./compiled.ts");
  const session = await open("words");
  const other = executableOf(wordsText, { batch: 2, time: steps - 1 });
  await expect(session.attach(other)).rejects.toMatchObject(refused(/is not .* at another batch size/, "C0403"));
  await session.attach(executableOf(wordsText, { batch: 2, time: steps }));
  session.close();
});

describe("a stream", () => {
  const { plan } = executables.filter;
  const x = (value = 0.5) => new Float32Array(6).fill(value);

  test("refuses a reading that is not finite, and goes on as if it had not been there", async () => {
    const session = await open("filter");
    const [stream, undisturbed] = [await session.stream(), await session.stream()];
    for (let i = 0; i < 4; i++) {
      for (const wrong of [
        x(Number.NaN),
        x(Number.POSITIVE_INFINITY),
        x().subarray(1),
        [..."123456"],
        undefined,
        null,
      ]) {
        if (wrong === null) continue;
        await expect(stream.next({ x: wrong as Float32Array })).rejects.toMatchObject({ code: "C0406" });
      }
      for (const none of [undefined, null, 7, x()])
        await expect(stream.next(none as never)).rejects.toMatchObject({ code: "C0406" });
      expect(await stream.next({ x: x(i) })).toEqual(await undisturbed.next({ x: x(i) }));
    }
    expect(stream.step).toBe(4);
    session.close();
    await expect(stream.next({ x: x() })).rejects.toMatchObject(refused(/session is closed/, "C0508"));
    await expect(stream.reset()).rejects.toMatchObject({ code: "C0508" });
  });

  test("refuses a state that contradicts itself or is another's, and stays as it was", async () => {
    const session = await open("filter");
    const stream = await session.stream();
    await stream.next({ x: x() });
    const state = await stream.state();
    const [name, { shape, data }] = [...state.tensors][0];
    const tensor = (saved: unknown) => ({ ...state, tensors: new Map([[name, saved]]) });
    const wrong: [unknown, string][] = [
      [undefined, "C0404"],
      [JSON.parse(JSON.stringify(state)), "C0404"],
      [tensor({ shape, data: data.subarray(1) }), "C0404"],
      [tensor({ shape, data: new Float32Array(12) }), "C0404"],
      [tensor({ shape, data: [...data] }), "C0404"],
      [tensor({ shape, data: data.map(() => Number.NaN) }), "C0404"],
      [tensor({ shape: [1, 2], data: data.subarray(0, 2) }), "C0406"],
      [{ ...state, tensors: new Map() }, "C0406"],
      [{ ...state, step: "1" }, "C0404"],
      [{ ...state, step: Number.NaN }, "C0404"],
      [{ ...state, step: -1 }, "C0404"],
      [{ ...state, run: undefined }, "C0404"],
      [{ ...state, name: "another" }, "C0403"],
      [{ ...state, fingerprint: "0" }, "C0403"],
    ];
    for (const [given, code] of wrong) {
      await expect(stream.restore(given as StreamState)).rejects.toMatchObject({ code });
      expect(await stream.state()).toEqual(state);
    }
    for (const at of [-1, 0.5, Number.NaN, "0"])
      await expect(stream.restore(state, { at: at as number })).rejects.toMatchObject({ code: "C0406" });
    const misspelt = stream.restore(state, { att: 0 } as object);
    await expect(misspelt).rejects.toMatchObject(refused(/options of restoring a stream have no `att`/));
    await stream.restore(state);
    expect(await stream.state()).toEqual(state);
    expect(plan.name).toBe(state.name);
    session.close();
  });
});

describe("names of a prototype", () => {
  const strange = ["__proto__", "constructor", "toString", "hasOwnProperty"];

  test.each(strange)("`%s` is a parameter, an input, an output and a metric like any other", async (name) => {
    const renamed = (from: string) => {
      const named = (tensor: string) => (tensor === from ? name : tensor);
      const entries = Object.entries(leakyPlan.entries).map(([key, entry]) => [
        key,
        { ...entry, tensors: entry.tensors.map((t) => ({ ...t, name: named(t.name), role: of(t.role, named) })) },
      ]);
      return { ...leakyPlan, entries: Object.fromEntries(entries) as typeof leakyPlan.entries };
    };
    const of = <R extends object>(role: R, named: (name: string) => string): R =>
      "of" in role ? { ...role, of: named(String(role.of)) } : role;
    const results: unknown[] = [];
    for (const from of ["cell/a", "cell/m", "x", "h", "first_error", "unchanged"]) {
      const session = await Session.open(leaky("wasm", renamed(from)), backend, { seed: 1 });
      const values = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i));
      const inputs = Object.fromEntries([
        [from === "x" ? name : "x", values],
        ["y", values.map((v) => -v)],
      ]);
      const batch = { inputs, steps: 4, examples: 2 };
      await session.train(batch, { lr: 0.1 });
      const { loss, metrics, outputs } = await session.infer(batch);
      const back = decodeCheckpoint(encodeCheckpoint(await session.state()));
      await session.restore(back);
      const evaluated = await session.evaluate([batch, batch]);
      if (from !== "unchanged") expect(await session.read(name)).toBeInstanceOf(Float32Array);
      if (from === "h") expect(Object.hasOwn(outputs, name)).toBe(true);
      if (from === "first_error") expect(Object.hasOwn(evaluated.metrics, name)).toBe(true);
      expect(back.tensors.size).toBe(5);
      results.push([
        loss,
        Object.values(metrics),
        Object.values(outputs),
        evaluated.loss,
        Object.values(evaluated.metrics),
      ]);
      session.close();
    }
    // The initial value of a parameter follows from its name.
    for (const result of results.slice(1)) expect(result).toEqual(results[results.length - 1]);
  });

  test("an entry of a prototype's name is not there", async () => {
    const session = await open("filter");
    const batch = soundBatch(session.plan, steps);
    for (const entry of strange)
      await expect(session.run(entry as "train", batch)).rejects.toMatchObject({ code: "C0406" });
    session.close();
  });
});
