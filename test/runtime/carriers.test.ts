/** What a state says of batches that go on is checked before a session takes it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import type { Batch } from "../../runtime/batch.ts";
import { carrying } from "../../runtime/carriers.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { fit as train } from "../../runtime/fit/fit.ts";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.ts";
import { Session } from "../../runtime/session.ts";
import type { SessionState } from "../../runtime/state.ts";
import { type WasmBackend, wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { compile } from "../semantics/sources.ts";

const [T, B, D, H] = [3, 2, 2, 2];
const text = `cell c(D = 2, H = 2) {
  param W : [D, H] = xavier
  input x : [D]
  state h : [H] = 0
  h' = tanh(0.5 * h + x @ W)
  output h'
}`;

const inputs = { x: new Float32Array(T * B * D).fill(0.5), d_h: new Float32Array(T * B * H).fill(1) };
const batch: Batch = { inputs, steps: T, examples: B };

let backend: WasmBackend;
let session: Session;
let state: SessionState;
beforeAll(async () => {
  const { graph, dims } = compile(text);
  const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, carry: true }, wasm);
  backend = wasmBackend({ threads: 1 });
  session = await Session.open(made, backend, { seed: 1, carrying });
  await session.train(batch, { lr: 0.1, carry: true });
  state = await session.state();
});
afterAll(() => backend.close());

const h = "carried:train/state/h";
const of = (change: object): unknown => ({ ...state, carried: { ...state.carried, ...change } });
const numbers = (data: unknown, shape: unknown = [B, H]): object => ({ tensors: new Map([[h, { shape, data }]]) });

describe("a state is refused whose carried states", () => {
  it.each([
    ["are no object", { ...({} as SessionState), carried: 3 }],
    ["have no steps", { steps: undefined }],
    ["are no map", { tensors: { [h]: [] } }],
    ["count steps by a text", { steps: { train: { step: "3", began: [0, 0] } } }],
    ["began after the next step", { steps: { train: { step: 3, began: [0, 4] } } }],
    ["are no numbers", numbers([0, 0, 0, 0])],
    ["have another shape", numbers(new Float32Array(B * H), [B])],
    ["are not finite", numbers(Float32Array.of(0, Number.NaN, 0, 0))],
  ])("%s", async (_, change) => {
    const wrong = "carried" in change ? { ...state, ...change, ...{ name: state.name } } : of(change);
    const whole = { ...state, ...(wrong as object) };
    await expect(session.restore(whole as SessionState)).rejects.toMatchObject({ code: "C0404" });
    expect(await session.state()).toEqual(state);
  });
});

it("a checkpoint that carries something is read back, and without `carrying` loses only that", async () => {
  const bytes = encodeCheckpoint(state);
  expect(decodeCheckpoint(bytes)).toEqual(state);
  const averaged = { ...state, average: new Map([["W", state.tensors.get("W")!]]), notes: { scale: "3" } };
  expect(decodeCheckpoint(encodeCheckpoint(averaged))).toEqual(averaged);
  const { tensors, metadata } = decodeSafetensors(bytes);
  expect([...tensors.keys()]).toContain(h);
  const damaged = encodeSafetensors({ tensors, metadata: { ...metadata, carried: "{" } });
  expect(() => decodeCheckpoint(damaged)).toThrow(expect.objectContaining({ code: "C0404" }));
  const { graph, dims } = compile(text);
  const plain = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T }, wasm);
  const other = await Session.open(plain, backend, { state: decodeCheckpoint(bytes) });
  const { carried: _, ...rest } = state;
  expect(await other.state()).toEqual(rest);
});

it("a step on several batches neither goes on nor has outputs", async () => {
  const batches = [batch, batch];
  for (const [name, option] of Object.entries({ carry: { carry: true }, outputs: { outputs: true } })) {
    const message = `\`${name}\` is for a step on a single batch, not on 2`;
    await expect(session.train(batches, { lr: 0.1, ...option })).rejects.toMatchObject({ code: "C0406", message });
  }
  expect(await session.state()).toEqual(state);
});

it("only training and inference go on from call to call", async () => {
  await expect(session.carried("estimate" as never)).rejects.toMatchObject({ code: "C0406" });
  await expect(session.resetCarry("evaluate" as never)).rejects.toMatchObject({ code: "C0406" });
  expect(await session.carried("infer")).toBeUndefined();
  expect(await session.carried()).toMatchObject({ step: T, began: [0, 0] });
});

const learnt = `model m(D = 2, H = 2) {
  input x  : [D] over time
  target y : [H] over time
  hs = scan c(D, H) over x
  loss mse(hs, y)
}
${text}`;

it("`fit` goes on from batch to batch, evaluates so, and goes on bit for bit from its state, in an average", async () => {
  const { graph, dims } = compile(learnt);
  const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, carry: true }, wasm);
  const open = (from?: SessionState) =>
    Session.open(made, backend, { ...(from === undefined ? { seed: 1 } : { state: from }), carrying });
  const parts = Array.from({ length: 4 }, (_, p): Batch => {
    const numbers = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 5 * p));
    const inputs = { x: numbers(T * B * D), y: numbers(T * B * H) };
    return { inputs, steps: T, examples: B, ...(p === 0 && { reset: "all" as const }) };
  });
  const options = { lr: 0.1, carry: true, validation: () => parts, evaluateEvery: 2 } as const;
  const [byHand, byFit] = [await open(), await open()];
  for (const part of [...parts, ...parts.slice(0, 2)]) await byHand.train(part, { lr: 0.1, carry: true });
  const { best, state } = await train(byFit, parts, { ...options, steps: 6 });
  expect(encodeCheckpoint(await state())).toEqual(encodeCheckpoint(await byHand.state()));
  expect((await byFit.carried())?.step).toBe(2 * T);
  const { examples, ...measured } = await byHand.evaluate(parts, { carry: true });
  expect(best).toEqual({ step: 6, ...measured });

  const averaging = { ...options, steps: 6, average: 0.9, estimate: () => parts };
  const whole = await train(await open(), parts, averaging);
  const half = await train(await open(), parts, { ...averaging, steps: 3 });
  const saved = decodeCheckpoint(encodeCheckpoint(await half.state()));
  async function* rest() {
    yield* [parts[3], parts[0], parts[1]];
  }
  const resumed = await train(await open(saved), rest(), { ...averaging, averaged: saved.average });
  expect(encodeCheckpoint(await resumed.state())).toEqual(encodeCheckpoint(await whole.state()));
  await expect(train(await open(), parts, { ...options, steps: 2, accumulate: 2 })).rejects.toMatchObject({
    code: "C0406",
  });
});
