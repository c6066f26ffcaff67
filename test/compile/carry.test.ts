/** Sequences that go on from batch to batch: their parts have together what each sequence has as a whole. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import type { Target } from "../../compiler/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { carrying } from "../../runtime/carriers.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { lstmText } from "./lstm-text.ts";
import { Study, type StudyOptions } from "./study.ts";
import { floor, tolerance } from "./tolerances.ts";

const [D, H, B] = [3, 4, 4];
/** A whole sequence, and its parts. */
const [T, W] = [100, 10];
/** So small that parameters stay what they are. */
const lr = 1e-30;

const lstm = (norm: string): string => lstmText(norm, { first: "h0", params: "param h0 : [H] = uniform(0.5)" });

const gru = `cell gru(D = 3, H = 4) {
  param Wx : [D, 3H] = orthogonal
  param Wh : [H, 3H] = orthogonal
  input x  : [D]
  state h  : [H] = 0
  hr, hz, hn = split(h @ Wh, 3)
  xr, xz, xn = split(x @ Wx, 3)
  z = sigmoid(hz + xz)
  n = tanh(xn + sigmoid(hr + xr) * hn)
  h' = (1 - z) * n + z * h
  output h'
}
`;

const over = (cell: string, scans: string, last = "hs"): string => `${cell}
model m(D = 3, H = 4) {
  param V : [H, D] = xavier
  input x : [D] over time
  target y : [D] over time
  ${scans}
  output hs
  loss mse(${last} @ V, y)
  metric error = mae(${last} @ V, y)
}
`;

const one = "hs = scan CELL(D, H) over x";
const stacked = `below = scan lstm(D, H) over x
  hs = scan lstm(H, H) over below + delay(below, 2) + 0.1 * sin(step())`;
const shared = `left = scan lstm(D, H) as rnn over x
  right = scan rnn over 0.5 * x
  hs = left + right`;

const texts = {
  lstm: over(lstm("none"), one.replace("CELL", "lstm")),
  "batch norm by steps": over(lstm("batch(gamma = 0.3)"), one.replace("CELL", "lstm")),
  "batch norm that all steps share": over(lstm("batch(stats = shared)"), one.replace("CELL", "lstm")),
  gru: over(gru, one.replace("CELL", "gru")),
  "two layers, a delay and the number of each step": over(lstm("layer"), stacked),
  "shared weights": over(lstm("none"), shared),
  "a running sum": over(gru, `${one.replace("CELL", "gru")} + 0.1 * cumsum(x)`),
  "norms with states": over(lstm("atn(k = 3)"), one.replace("CELL", "lstm")),
} as const;
type Name = keyof typeof texts;
const names = Object.keys(texts) as readonly Name[];

const known = new Map<string, Executable>();

/** Compiled once. */
function executable(text: string, target: Target, options: CompileOptions): Executable {
  const key = JSON.stringify([text, target.name, options]);
  const { graph, dims } = compile(text);
  const entries = ["train", "estimate", "infer", "update"] as const;
  const all = { dims, path: "main.cell", batch: B, time: T, entries, ...options };
  const made = known.get(key) ?? compileGraph(graph, all, target);
  known.set(key, made);
  return made;
}

const random = uniform(8);
const [X, Y] = [D, D].map((width) => Float32Array.from(sample(T * B * width, [-1, 1], random)));

/** The steps from … to of all examples, or of one of them. */
function part(from: number, to: number, example?: number): Batch {
  const cut = (all: Float32Array): Float32Array => {
    const rows = all.subarray(from * B * D, to * B * D);
    return example === undefined ? rows : rows.filter((_, i) => Math.floor(i / D) % B === example);
  };
  return { inputs: { x: cut(X), y: cut(Y) }, steps: to - from, examples: example === undefined ? B : 1 };
}

const windows = Array.from({ length: T / W }, (_, k) => part(k * W, (k + 1) * W));

/** Outputs of [T, B, H], of one example. */
const ofExample = (all: ArrayLike<number>, example: number): number[] =>
  Array.from(all).filter((_, i) => Math.floor(i / H) % B === example);

interface Found {
  readonly outputs: number[];
  readonly loss: number;
  readonly error: number;
}

/** What `run` gives of each batch, all together; losses by the number of steps. */
async function together(
  batches: readonly Batch[],
  run: (batch: Batch) => Promise<{
    readonly loss: number | undefined;
    readonly metrics: Readonly<Record<string, number>>;
    readonly outputs?: Readonly<Record<string, Float32Array>>;
  }>,
): Promise<Found> {
  let [loss, error, steps] = [0, 0, 0];
  const outputs: number[] = [];
  for (const batch of batches) {
    const found = await run(batch);
    const own = batch.steps!;
    outputs.push(...(found.outputs?.hs ?? []));
    loss += found.loss! * own;
    error += found.metrics.error * own;
    steps += own;
  }
  return { outputs, loss: loss / steps, error: error / steps };
}

const training = (session: Session, carry: boolean) => (batch: Batch) =>
  session.train(batch, { lr, outputs: true, ...(carry && { carry }) });

function expectAlike(found: Found, truth: Found, within: number = tolerance.forward): void {
  expect(relativeError(truth.outputs, found.outputs)).toBeLessThan(within);
  expect(relativeError([truth.loss, truth.error], [found.loss, found.error])).toBeLessThan(within);
}

async function opening(text: string, backend: Backend, target: Target = wasm, options: CompileOptions = {}) {
  const open = (carry: boolean) =>
    Session.open(executable(text, target, { ...options, carry }), backend, { seed: 3, carrying });
  return { whole: await open(false), parts: await open(true) };
}

describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
  const backend = opened(place);
  const some = place.target === wasm ? names : (["batch norm by steps"] as const);

  it.each(some)("%s: ten parts of ten steps have what a sequence of a hundred has", async (name) => {
    const { whole, parts } = await opening(texts[name], backend(), place.target);
    const batch = part(0, T);
    expectAlike(await together(windows, training(parts, true)), await together([batch], training(whole, false)));
    // Statistics are those of the steps of whole sequences, too.
    const [ours, truth] = [await parts.state(), await whole.state()];
    for (const { name, role } of parts.plan.entries.infer!.tensors) {
      if (role.kind !== "stat") continue;
      const [wanted, found] = [truth, ours].map(({ tensors }) => tensors.get(name)!.data);
      expect(relativeError(wanted, found), name).toBeLessThan(tolerance.forward);
    }
    const total = (seen: readonly number[]): number => seen.reduce((a, b) => a + b, 0);
    expect(total(ours.counters.seen)).toBe(total(truth.counters.seen));
    if (name === "batch norm by steps") expect(ours.counters.seen).toEqual(truth.counters.seen);
    const inferred = await together(windows, (b) => parts.infer(b, { carry: true }));
    expectAlike(inferred, await together([batch], (b) => whole.infer(b)));
    const [found, wanted] = [await parts.evaluate(windows, { carry: true }), await whole.evaluate([batch])];
    expect(relativeError([wanted.loss, wanted.metrics.error], [found.loss, found.metrics.error])).toBeLessThan(
      tolerance.forward,
    );
    // An evaluation begins anew, whatever was carried.
    expect(await parts.evaluate(windows, { carry: true })).toEqual(found);
    await parts.estimate(windows, { carry: true });
    await whole.estimate([batch]);
    for (const { name, role } of parts.plan.entries.infer!.tensors)
      if (role.kind === "stat")
        // A mean of terms that nearly cancel rounds by their own size.
        expect(relativeError(await whole.read(name), await parts.read(name), floor.mean), name).toBeLessThan(
          tolerance.forward,
        );
    whole.close();
    parts.close();
  });

  it.each(place.target === wasm ? (["lstm", "batch norm that all steps share"] as const) : (["gru"] as const))(
    "%s: an example that begins anew has what its new sequence has by itself",
    async (name) => {
      const { parts } = await opening(texts[name], backend(), place.target);
      const one = executable(texts[name], place.target, { batch: 1, entries: ["infer"] });
      const alone = await Session.open(one, backend(), { seed: 3, carrying });
      for (const { name, role, shape } of parts.plan.entries.infer!.tensors) {
        if (role.kind !== "stat") continue;
        const data = Float32Array.from(
          sample(
            shape.reduce((a, b) => a * b, 1),
            [0.2, 0.6],
            uniform(6),
          ),
        );
        for (const session of [parts, alone]) await session.write(name, data);
      }
      const batches = windows.map((batch, k) => (k === 4 ? { ...batch, reset: [1] } : batch));
      const { outputs } = await together(batches, (batch) => parts.infer(batch, { carry: true }));
      const by = async (from: number, to: number, example: number) =>
        Array.from((await alone.infer(part(from, to, example))).outputs.hs);
      expect(relativeError(await by(0, T, 0), ofExample(outputs, 0))).toBeLessThan(tolerance.forward);
      const pieces = [...(await by(0, 4 * W, 1)), ...(await by(4 * W, T, 1))];
      expect(relativeError(pieces, ofExample(outputs, 1))).toBeLessThan(tolerance.forward);
      parts.close();
      alone.close();
    },
  );
});

it("sequences cut anywhere, whose examples begin anew anywhere, have what each has by itself", async () => {
  const backend = wasmBackend({ threads: 1 });
  const { parts } = await opening(texts["two layers, a delay and the number of each step"], backend);
  const text = texts["two layers, a delay and the number of each step"];
  const alone = await Session.open(executable(text, wasm, { batch: 1, entries: ["infer"] }), backend, {
    seed: 3,
    carrying,
  });
  const cuts = fc.uniqueArray(
    fc.record({ at: fc.integer({ min: 1, max: 29 }), reset: fc.uniqueArray(fc.integer({ min: 0, max: B - 1 })) }),
    { selector: ({ at }) => at, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(cuts, async (found) => {
      const all = [{ at: 0, reset: [] }, ...found.toSorted((a, b) => a.at - b.at)];
      const batches = all.map(({ at, reset }, k) => ({ ...part(at, all[k + 1]?.at ?? 30), reset }));
      await parts.resetCarry("infer");
      const { outputs } = await together(batches, (batch) => parts.infer(batch, { carry: true }));
      for (let b = 0; b < B; b++) {
        const begins = [0, ...all.filter(({ reset }) => reset.includes(b as never)).map(({ at }) => at), 30];
        const pieces: number[] = [];
        for (let k = 1; k < begins.length; k++)
          pieces.push(...(await alone.infer(part(begins[k - 1], begins[k], b))).outputs.hs);
        expect(relativeError(pieces, ofExample(outputs, b))).toBeLessThan(tolerance.forward);
      }
    }),
    { seed: 4, numRuns: 25 },
  );
  backend.close();
});

describe("of sequences that end in different parts", () => {
  const lengths = [T, 37, 40, 5];
  const own = (k: number): number[] => lengths.map((n) => Math.min(W, Math.max(0, n - k * W)));

  it.each(["lstm", "batch norm that all steps share"] as const)(
    "%s: parts have what whole sequences have, and a state waits where there are no steps",
    async (name) => {
      const backend = wasmBackend({ threads: 1 });
      const { whole, parts } = await opening(texts[name], backend, wasm, { ragged: true });
      for (const { name, role, shape } of parts.plan.entries.infer!.tensors) {
        if (role.kind !== "stat") continue;
        const data = Float32Array.from(
          sample(
            shape.reduce((a, b) => a * b, 1),
            [0.2, 0.6],
            uniform(6),
          ),
        );
        for (const session of [whole, parts]) await session.write(name, data);
      }
      const batches = windows.map((batch, k) => ({ ...batch, lengths: own(k) }));
      const truth = await whole.infer({ ...part(0, T), lengths });
      const { outputs } = await together(batches, (batch) => parts.infer(batch, { carry: true }));
      expect(relativeError(truth.outputs.hs, outputs)).toBeLessThan(tolerance.forward);
      const found = await parts.evaluate(batches, { carry: true });
      expect(relativeError([truth.loss!], [found.loss])).toBeLessThan(tolerance.forward);
      const carried = await parts.carried("infer");
      expect(carried).toMatchObject({ step: T, began: lengths.map((n) => T - n) });
      const h = carried!.tensors.get("state/h")!.data;
      if (name === "lstm") {
        const last = (b: number) =>
          Array.from(truth.outputs.hs)
            .slice(((lengths[b] - 1) * B + b) * H)
            .slice(0, H);
        expect(relativeError([0, 1, 2, 3].flatMap(last), h)).toBeLessThan(tolerance.forward);
      }
      backend.close();
    },
  );
});

/** States that can be those of a norm, too, which are mean squares. */
const positive: StudyOptions["draw"] = ({ kind }, n, random) =>
  kind === "carry" ? sample(n, [0.1, 0.6], random) : undefined;

describe("the gradient is that of a part by itself, whose first states are constants", () => {
  const study = (name: Name, more: Partial<StudyOptions> = {}): Study => {
    const { graph, dims } = compile(texts[name]);
    return new Study(graph, { dims, batch: B, time: 7, seed: 5, carry: true, draw: positive, ...more });
  };

  it.each(names)("%s: by differences", (name) => {
    expect(study(name).directionError()).toBeLessThan(tolerance.differences);
    expect(study(name, { lengths: [7, 3, 1, 5] }).directionError()).toBeLessThan(tolerance.differences);
  });

  it("no example that goes on counts in the gradient of first states", () => {
    const of = (begins: readonly number[]) =>
      study("lstm", { numbers: { "lengths/begins": begins } })
        .reference("train")
        .get("grad:lstm/h0")!;
    expect(Math.max(...of([0, 0, 0, 0]).map(Math.abs))).toBe(0);
    expect(Math.max(...of([0, 1, 0, 0]).map(Math.abs))).toBeGreaterThan(0);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);
    const some = ["batch norm by steps", "two layers, a delay and the number of each step"] as const;
    it.each(place.target === wasm ? some : (["a running sum"] as const))(
      "%s: as the reference has it, and the states that a part ends with",
      async (name) => {
        for (const lengths of place.target === wasm ? [undefined, [7, 3, 1, 5]] : [undefined]) {
          const errors = await study(name, { lengths }).targetErrors(place.target, backend());
          expect(errors.forward).toBeLessThan(tolerance.forward);
          expect(errors.gradient).toBeLessThan(tolerance.gradient);
        }
      },
    );
  });

  it.each(["lstm", "two layers, a delay and the number of each step"] as const)(
    "%s: also in segments",
    async (name) => {
      const backend = wasmBackend({ threads: 1 });
      const { plan } = study(name, { time: 40, memory: 2 ** 40 }).compile(wasm, ["train"]);
      const bytes = 4 * Object.values(regionSizes(plan, 40)).reduce((a, b) => a + b, 0);
      const made = study(name, { time: 40, memory: Math.floor(0.8 * bytes) });
      expect(made.compile(wasm, ["train"]).plan.entries.train!.regions.work.segment?.length).toBeLessThan(40);
      const errors = await made.targetErrors(wasm, backend, ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
      backend.close();
    },
  );
});

describe("a session that carries states", () => {
  const step = { lr: 0.05, carry: true } as const;

  it.each(["lstm", "batch norm by steps"] as const)("%s: resumes from a checkpoint bit by bit", async (name) => {
    const backend = wasmBackend({ threads: 1 });
    const made = executable(texts[name], wasm, { carry: true, time: 35 });
    const session = await Session.open(made, backend, { seed: 3, carrying });
    for (const batch of windows.slice(0, 4)) await session.train(batch, step);
    await session.evaluate(windows, { carry: true });
    await session.infer(windows[0], { carry: true });
    const saved = encodeCheckpoint(await session.state());
    const resumed = await Session.open(made, backend, { state: decodeCheckpoint(saved), carrying });
    expect(await resumed.state()).toEqual(await session.state());
    for (const batch of windows.slice(4)) {
      const reports = [await session.train(batch, step), await resumed.train(batch, step)];
      expect(reports[1]).toEqual(reports[0]);
    }
    expect((await resumed.state()).tensors).toEqual((await session.state()).tensors);
    const inferred = [session, resumed].map((s) => s.infer(windows[1], { carry: true }));
    expect(await inferred[1]).toEqual(await inferred[0]);
    backend.close();
  });

  it("begins anew after a checkpoint of batches of another size, and in a plan without `carry`", async () => {
    const backend = wasmBackend({ threads: 1 });
    const session = await Session.open(executable(texts.lstm, wasm, { carry: true }), backend, { seed: 3, carrying });
    await session.train(windows[0], step);
    const state = await session.state();
    const smaller = await Session.open(executable(texts.lstm, wasm, { carry: true, batch: 2 }), backend, {
      state,
      carrying,
    });
    expect(await smaller.carried()).toBeUndefined();
    const without = await Session.open(executable(texts.lstm, wasm, {}), backend, { state, carrying });
    expect((await without.state()).carried).toBeUndefined();
    backend.close();
  });

  it("goes on in training as if nothing was evaluated, estimated or inferred in between", async () => {
    const backend = wasmBackend({ threads: 1 });
    const made = executable(texts["batch norm that all steps share"], wasm, { carry: true });
    const [quiet, busy] = [
      await Session.open(made, backend, { seed: 3, carrying }),
      await Session.open(made, backend, { seed: 3, carrying }),
    ];
    for (const batch of windows.slice(0, 5)) {
      const report = await quiet.train(batch, step);
      expect(await busy.train(batch, step)).toEqual(report);
      await busy.evaluate(windows.slice(0, 3), { carry: true });
      await busy.infer(windows[7], { carry: true });
      expect(await busy.carried()).toEqual(await quiet.carried());
    }
    // A batch without `carry` is a whole sequence, and leaves what is carried alone.
    await busy.train(windows[8], { lr });
    expect(await busy.carried()).toEqual(await quiet.carried());
    backend.close();
  });

  it("goes on from the step before one that is refused", async () => {
    const backend = wasmBackend({ threads: 1 });
    const made = executable(texts["batch norm by steps"], wasm, { carry: true, time: 15 });
    const session = await Session.open(made, backend, { seed: 3, carrying });
    for (const batch of windows.slice(0, 2)) await session.train(batch, step);
    const before = await session.state();
    const wild = {
      ...windows[2],
      inputs: { x: X.subarray(0, W * B * D), y: Y.subarray(0, W * B * D).map(() => 3e38) },
    };
    for (const report of [true, false])
      await expect(session.train(wild, { ...step, report } as never)).rejects.toMatchObject({ code: "C0502" });
    expect(await session.state()).toEqual(before);
    expect((await session.carried())!.step).toBe(2 * W);
    await session.train(windows[2], step);
    backend.close();
  });

  it("carries the same with and without a report", async () => {
    const backend = wasmBackend({ threads: 1 });
    const made = executable(texts.gru, wasm, { carry: true });
    const [told, quiet] = [
      await Session.open(made, backend, { seed: 3, carrying }),
      await Session.open(made, backend, { seed: 3, carrying }),
    ];
    for (const batch of windows) {
      await told.train(batch, step);
      await quiet.train(batch, { ...step, report: false });
    }
    expect(await quiet.state()).toEqual(await told.state());
    await told.resetCarry();
    expect(await told.carried()).toBeUndefined();
    backend.close();
  });

  it("is opened with `carrying`, or carries nothing", async () => {
    const backend = wasmBackend({ threads: 1 });
    const made = executable(texts.lstm, wasm, { carry: true });
    const plain = await Session.open(made, backend, { seed: 3 });
    const session = await Session.open(made, backend, { seed: 3, carrying });
    await expect(plain.train(windows[0], step)).rejects.toMatchObject({
      help: expect.stringContaining("{ carrying }"),
    });
    // Without `carry`, each batch begins anew.
    expect(await plain.train(windows[0], { lr })).toEqual(await session.train(windows[0], { lr }));
    const state = await session.state();
    expect(state.carried).toBeUndefined();
    backend.close();
  });

  it.each([
    ["a plan without `carry`", {}, windows[0], { carry: true }, "compiled without `carry`"],
    [
      "an example that is none",
      { carry: true },
      { ...windows[0], reset: [B] },
      { carry: true },
      "has examples 0 to 3, not 4",
    ],
    ["`reset` alone", { carry: true }, { ...windows[0], reset: [0] }, {}, "have no `reset`"],
    ["unknown statistics", { carry: true }, windows[0], { carry: { statistics: "none" } }, "continue or window"],
    ["outputs without a report", { carry: true }, windows[0], { report: false, outputs: true }, "part of the report"],
  ] as const)("refuses %s", async (_, options, batch, more, why) => {
    const backend = wasmBackend({ threads: 1 });
    const session = await Session.open(executable(texts.lstm, wasm, options), backend, { seed: 3, carrying });
    await expect(session.train(batch as Batch, { lr, ...more } as never)).rejects.toThrow(why);
    backend.close();
  });
});

describe("statistics for each step", () => {
  const text = texts["batch norm by steps"];

  it("are refused to examples at different steps, unless each part begins at row 0", async () => {
    const backend = wasmBackend({ threads: 1 });
    const session = await Session.open(executable(text, wasm, { carry: true, time: 25 }), backend, {
      seed: 3,
      carrying,
    });
    await session.train(windows[0], { lr, carry: true });
    const some = { ...windows[1], reset: [2] };
    await expect(session.train(some, { lr, carry: true })).rejects.toThrow(
      "example 2 is at step 0 where the batch is at step 10",
    );
    await session.train(some, { lr, carry: { statistics: "window" } });
    expect(await session.carried()).toMatchObject({ step: 20, began: [0, 0, 10, 0] });
    await session.train({ ...windows[2], reset: "all" }, { lr, carry: true });
    expect(await session.carried()).toMatchObject({ step: 10, began: [0, 0, 0, 0] });
    backend.close();
  });

  it("of parts that begin at row 0 are those of their own steps", async () => {
    const backend = wasmBackend({ threads: 1 });
    const session = await Session.open(executable(text, wasm, { carry: true, time: 25 }), backend, {
      seed: 3,
      carrying,
    });
    for (const batch of windows) await session.train(batch, { lr, momentum: 0, carry: { statistics: "window" } });
    const { seen } = (await session.state()).counters;
    expect(seen).toEqual(new Array(W).fill(T / W));
    backend.close();
  });

  it("are collected in the last row from all steps from there on", async () => {
    const backend = wasmBackend({ threads: 1 });
    const rows = 13;
    const session = await Session.open(executable(text, wasm, { carry: true, time: rows }), backend, {
      seed: 3,
      carrying,
    });
    const wanted = await Session.open(executable(text, wasm, { carry: true }), backend, { seed: 3, carrying });
    for (const batch of windows) {
      await session.train(batch, { lr, momentum: 0, carry: true });
      await wanted.train(batch, { lr, momentum: 0, carry: true });
    }
    for (const { name, role, shape } of wanted.plan.entries.infer!.tensors) {
      if (role.kind !== "stat") continue;
      const width = shape.reduce((a, b) => a * b, 1);
      const [few, each] = [await session.read(name), await wanted.read(name)];
      expect(relativeError(each.subarray(0, (rows - 1) * width), few.subarray(0, (rows - 1) * width))).toBeLessThan(
        1e-5,
      );
      const mean = Array.from({ length: width }, (_, i) => {
        const late = Array.from({ length: T - rows + 1 }, (_, t) => each[(rows - 1 + t) * width + i]);
        return late.reduce((a, b) => a + b) / late.length;
      });
      expect(relativeError(mean, few.subarray((rows - 1) * width)), name).toBeLessThan(1e-5);
    }
    backend.close();
  });
});

describe("what cannot go on from part to part is refused:", () => {
  const parts = (body: string, loss = "mse(hs @ V, y)", cell = gru): string => `${cell}
model m(D = 3, H = 4, S = 5) {
  param V : [H, D] = xavier
  input x : [D] over time
  target y : [D] over time
  ${body}
  output hs
  loss ${loss}
}
`;
  const forward = "hs = scan gru(D, H) over x";
  it.each([
    ["a scan in reverse", parts(`${forward} reverse`), "from the last step to the first"],
    ["a later step", parts("hs = scan gru(D, H) over x + delay(x, -1)"), "made of later steps"],
    ["the first step", parts(`as = scan gru(D, H) over x\n  hs = as + first(as)`), "the value at the first step"],
    [
      "the mean of all steps",
      parts(`as = scan gru(D, H) over x\n  hs = mean(as, over time)`, "mse(hs @ V, last(y))"),
      "over all steps",
    ],
    ["a loss of the mean of all steps", parts(forward, "mse(mean(hs, over time) @ V, last(y))"), "over all steps"],
    [
      "a loss that reads the last step at each",
      parts(forward, "mse((hs - last(hs)) @ V, y)"),
      "what the last one makes",
    ],
    ["the number of steps", parts(`${forward} + 0.1 * step() / steps()`), "the number of steps"],
    ["a model without states", parts("hs = x @ transpose(V)"), "it has no states"],
  ])("%s", (_, text, why) => {
    const made = (): Executable => executable(text, wasm, { carry: true });
    expect(made).toThrow(why);
    expect(made).toThrow("C0310");
  });

  it("the last step is the current one", () => {
    const text = parts(forward, "mse(last(hs) @ V, last(y))");
    expect(executable(text, wasm, { carry: true }).plan.entries.train).toBeDefined();
  });
});
