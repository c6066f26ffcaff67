/** Inference without training. */
import { describe, expect, test } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { drawNoise } from "../../runtime/draw-noise.ts";
import { openStream } from "../../runtime/inference.ts";
import { InferenceSession } from "../../runtime/inference-session.ts";
import { ragged } from "../../runtime/lengths.ts";
import type { EntryName } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { SessionState } from "../../runtime/state.ts";
import { wasmBackend, wasmModuleBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";

const bnlstm = (options: CompileOptions) =>
  compile("examples/cells/bnlstm.cell", { dims: { D: 3, H: 5 }, batch: 2, time: 4, ...options }, wasm, fileHost)
    .executable;

const backend = wasmBackend({ threads: 1 });
const x = Float32Array.from({ length: 4 * 2 * 3 }, (_, i) => Math.sin(3 * i));
const d_h = new Float32Array(4 * 2 * 5).fill(0.5);
const batch = { inputs: { x, d_h }, steps: 4, examples: 2 };

async function trained(): Promise<{ readonly session: Session; readonly state: SessionState }> {
  const session = await Session.open(bnlstm({}), backend, { seed: 5 });
  for (let step = 0; step < 3; step++) await session.train(batch, { lr: 1e-2 });
  return { session, state: await session.state() };
}

const open = (options: CompileOptions = { entries: ["infer", "step"] }) =>
  InferenceSession.open(bnlstm(options), backend, {});

describe("an inference session", () => {
  test("gives what a session gives, from a checkpoint of training, whatever its optimiser", async () => {
    const { session, state } = await trained();
    const inference = await open({ entries: ["infer", "step"], optimizer: "sgd" });
    expect(await inference.load(encodeCheckpoint(state))).toEqual([]);
    expect(await inference.infer(batch)).toEqual(await session.infer(batch));
    expect(await inference.read("hh/v")).toEqual(await session.read("hh/v"));
    const [stream, other] = [await openStream(inference.holder, {}), await session.stream()];
    for (let t = 0; t < 6; t++) {
      const now = { x: x.slice(0, 6) };
      expect(await stream.next(now)).toEqual(await other.next(now));
    }
  });

  test("takes checkpoints without the optimiser's state", async () => {
    const { session, state } = await trained();
    const tensors = new Map([...state.tensors].filter(([name]) => !name.startsWith("slot/")));
    const inference = await open();
    await inference.load(encodeCheckpoint({ ...state, tensors }));
    expect(await inference.infer(batch)).toEqual(await session.infer(batch));
  });

  test("refuses what lacks a parameter, is of another model, damaged or not finite, and keeps what it had", async () => {
    const { session, state } = await trained();
    const inference = await open();
    await inference.load(encodeCheckpoint(state));
    const without = new Map([...state.tensors].filter(([name]) => name !== "Wx"));
    const spoilt = new Map(state.tensors);
    spoilt.set("b", { shape: [20], data: new Float32Array(20).fill(Number.NaN) });
    const refused: readonly (readonly [bytes: Uint8Array, code: string, said: string])[] = [
      [encodeCheckpoint({ ...state, tensors: without }), "C0403", "it lacks `Wx`"],
      [encodeCheckpoint({ ...state, fingerprint: "0", equations: {} }), "C0403", "does not fit bnlstm"],
      [encodeCheckpoint({ ...state, tensors: spoilt }), "C0404", "`b` holds NaN at 0"],
      [encodeCheckpoint(state).slice(0, 100), "C0404", "ends"],
    ];
    for (const [bytes, code, said] of refused)
      await expect(inference.load(bytes)).rejects.toMatchObject({ code, message: expect.stringContaining(said) });
    expect(await inference.infer(batch)).toEqual(await session.infer(batch));
  });

  test("infers only once every parameter and statistic has values", async () => {
    const { session, state } = await trained();
    const inference = await open();
    await expect(inference.infer(batch)).rejects.toMatchObject({
      code: "C0406",
      message: expect.stringContaining("`Wx`"),
    });
    const names = [...state.tensors.keys()].filter((name) => !name.startsWith("slot/"));
    const statistics = names.filter((name) => /\/[mv]$/.test(name));
    for (const name of names.filter((other) => !statistics.includes(other)))
      await inference.write(name, state.tensors.get(name)!.data);
    expect(await inference.unknown()).toEqual(statistics);
    await expect(inference.infer(batch)).rejects.toMatchObject({ code: "C0501" });
    for (const name of statistics) await inference.write(name, state.tensors.get(name)!.data);
    expect(await inference.unknown()).toEqual([]);
    expect(await inference.infer(batch)).toEqual(await session.infer(batch));
  });

  test("draws the same noise as a session, or takes its mean", async () => {
    const text = `cell noisy(D = 3, H = 5) {
  param W : [D, H] = orthogonal
  input x : [D]
  state h : [H] = noise(0.3)
  h' = tanh(x @ W + h)
  output h'
}
`;
    const host = { read: () => text, resolve: (_: string, to: string) => to };
    const noisy = (entries?: readonly EntryName[]) =>
      compile("noisy.cell", { batch: 2, entries }, wasm, host).executable;
    const session = await Session.open(noisy(), backend, { seed: 9 });
    const inference = await InferenceSession.open(noisy(["infer"]), backend, { noise: drawNoise });
    await inference.load(encodeCheckpoint(await session.state()));
    for (const noise of ["drawn", "mean", "drawn"] as const)
      expect(await inference.infer(batch, { noise })).toEqual(await session.infer(batch, { noise }));
    const [one, other] = [await inference.infer(batch, { noise: "drawn" }), await inference.infer(batch)];
    expect(one.outputs.h).not.toEqual(other.outputs.h);
  });

  test("takes sequences that differ in length as a session does, and says so if its module names nothing for them", async () => {
    const [session, inference] = [
      await Session.open(bnlstm({ ragged: true }), backend, { seed: 5 }),
      await InferenceSession.open(bnlstm({ ragged: true, entries: ["infer"] }), backend, { ragged }),
    ];
    const padded = { ...batch, inputs: { x: x.map((value, i) => (i % 6 < 3 && i >= 12 ? Number.NaN : value)), d_h } };
    const ends = { ...padded, lengths: [2, 4] };
    for (const name of ["hh/m", "hh/v", "xh/m", "xh/v", "cc/m", "cc/v"]) {
      const data = (await session.read(name)).fill(1);
      await session.write(name, data);
    }
    await inference.load(encodeCheckpoint(await session.state()));
    expect(await inference.infer(ends)).toEqual(await session.infer(ends));
    const without = await InferenceSession.open(bnlstm({ ragged: true, entries: ["infer"] }), backend, {});
    await without.load(encodeCheckpoint(await session.state()));
    await expect(without.infer(ends)).rejects.toThrow("names nothing for `ragged`");
  });

  test("refuses other batches, unknown names, wrong sizes, and calls after it is closed", async () => {
    const { state } = await trained();
    const inference = await open();
    await inference.load(encodeCheckpoint(state));
    const three = { inputs: { x: new Float32Array(36), d_h: null }, steps: 4, examples: 3 };
    for (const wrong of [
      () => inference.infer(three),
      () => inference.write("V", new Float32Array(1)),
      () => inference.write("b", new Float32Array(19)),
      () => inference.read("slot/m/Wx"),
    ])
      await expect(wrong()).rejects.toMatchObject({ code: "C0406" });
    inference.close();
    await expect(inference.infer(batch)).rejects.toMatchObject({ code: "C0508" });
  });
});

describe("a module's backend", () => {
  test("refuses a plan that is not the one its code was sealed with, though it does not check the plan itself", async () => {
    const { plan, code } = bnlstm({ entries: ["infer"] });
    const own = wasmModuleBackend({ threads: 1 });
    for (const changed of [
      { ...plan, name: "other" },
      { ...plan, dims: { ...plan.dims, batch: 3 } },
    ])
      await expect(own.open({ plan: changed, code })).rejects.toMatchObject({ code: "C0411" });
    await expect(own.open({ plan, code: { kind: "wgsl", modules: {} } })).rejects.toMatchObject({ code: "C0411" });
    (await own.open({ plan, code })).close();
    own.close();
  });
});
