/** Small models of different kinds, compiled and trained a little: what plans, checkpoints and calls are fuzzed on. */

import { compile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { Batch } from "../../runtime/batch.ts";
import { encodeCheckpoint } from "../../runtime/checkpoint.ts";
import type { Executable } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { SessionState } from "../../runtime/state.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { files } from "../semantics/sources.ts";
import { batchFor, type DrawnBatch } from "./batch-for.ts";

/** An LSTM under a norm, whose first state is `first`. */
const cell = (norm: string, first = "0.1"): string => `cell lstm(D = 3, H = 4) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = orthogonal
  param b  : [4H] = 0.1
  input x  : [D]
  state h  : [H] = ${first}
  state c  : [H] = 0.5
  site hh = h @ Wh
  site xh = x @ Wx
  f, i, o, g = split(hh + xh + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * dropout(tanh(g), 0.25)
  site cc = c'
  h' = sigmoid(o) * tanh(cc)
  output h'
  place hh, xh, cc : ${norm}
}
`;

const classifier = `model m(D = 3, H = 4, K = 5) {
  param V : [H, K] = xavier
  input x : [D] over time
  target y : index(K)
  hs = scan lstm(D, H) over x
  logits = last(hs) @ V
  output hs, logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
}
`;

const tagger = `model m(D = 3, H = 4, K = 5) {
  param E : [K, D] = normal(0.3)
  param V : [H, K] = xavier
  input w : index(K) over time
  target y : index(K) over time
  hs = scan lstm(D, H) over embed(w, E)
  logits = hs @ V
  output logits
  loss cross_entropy(logits, y)
}
`;

const STEPS = 5;

interface Kind {
  readonly text: string;
  readonly options?: Partial<CompileOptions>;
}

const kinds: readonly Kind[] = [
  { text: `${cell("batch(gamma = 0.5)")}${classifier}` },
  { text: `${cell("layer")}${classifier}`, options: { optimizer: "rmsprop" } },
  { text: `${cell("batch(gamma = 0.5)")}${tagger}`, options: { ragged: true, optimizer: "momentum" } },
  { text: `${cell("batch(gamma = 0.5)")}${tagger}`, options: { memory: 15_000, optimizer: "sgd" } },
  // Draws something new at each inference, so that a session never repeats itself.
  { text: `${cell("batch(gamma = 0.5)", "noise(0.1)")}${classifier}` },
];

export const backend: Backend = wasmBackend({ simd: "plain", threads: 1 });

export class Subject {
  readonly executable: Executable;
  /** A whole checkpoint: two steps of training, and statistics estimated after them. */
  readonly checkpoint: Uint8Array;
  readonly batches: readonly DrawnBatch[];

  constructor(executable: Executable, checkpoint: Uint8Array, batches: readonly DrawnBatch[]) {
    this.executable = executable;
    this.checkpoint = checkpoint;
    this.batches = batches;
  }
}

const made = new Map<number, Promise<Subject>>();

/** The n-th subject, made once. There are `count`; the first `repeatable` compute the same at each inference. */
export function subject(n: number): Promise<Subject> {
  const known = made.get(n) ?? make(kinds[n]);
  made.set(n, known);
  return known;
}

export const count: number = kinds.length;
export const repeatable: number = count - 1;

async function make({ text, options }: Kind): Promise<Subject> {
  const { executable } = compile(
    "main.cell",
    { batch: 3, time: STEPS, ...options },
    wasm,
    files({ "main.cell": text }),
  );
  const batches = [1, 2, 3].map((seed) => batchFor(executable.plan, STEPS, seed));
  const session = await Session.open(executable, backend, { seed: 7 });
  for (const batch of batches.slice(0, 2)) await session.train(batch, { lr: 0.01, clip: 1 });
  await session.estimate(batches);
  const checkpoint = encodeCheckpoint(await session.state());
  session.close();
  return new Subject(executable, checkpoint, batches);
}

/** Everything that a session makes of some batches, in order: the bytes of states and outputs, and the reported numbers. */
export async function exercise(session: Session, batches: readonly DrawnBatch[]): Promise<readonly Uint8Array[]> {
  const made: Uint8Array[] = [];
  const take = (numbers: Float32Array | readonly number[]): void => {
    made.push(
      Buffer.from(numbers instanceof Float32Array ? numbers.slice().buffer : Float64Array.from(numbers).buffer),
    );
  };
  const [first, second] = batches;
  for (const batch of [first, second]) {
    const { step, loss, metrics, gradientNorm = 0 } = await session.train(batch, { lr: 0.01, clip: 1 });
    take([step, loss, gradientNorm, ...Object.values(metrics)]);
  }
  take([await session.estimate(batches)]);
  const { loss = 0, metrics, outputs } = await session.infer(first);
  take([loss, ...Object.values(metrics)]);
  for (const output of Object.values(outputs)) take(output);
  const evaluation = await session.evaluate(batches);
  take([evaluation.loss, evaluation.examples]);
  if (session.plan.entries.step !== undefined) {
    const stream = await session.stream({ warn: () => {} });
    for (let step = 0; step < 2; step++) {
      for (const output of Object.values(await stream.next(firstStep(session, first)))) take(output);
    }
  }
  made.push(held(await session.state()));
  return made;
}

/**
 * What of a state a session goes on with, as bytes: the counters that there are, and the tensors by name. Dimensions and names are
 * for people, and the order of a file says nothing.
 */
export function held({ counters, tensors }: SessionState): Uint8Array {
  const { seed, step, run, seen, estimated } = counters;
  const names = [...tensors.keys()].sort();
  return encodeCheckpoint({
    ...{ name: "", fingerprint: "", optimizer: "", dims: {} },
    counters: { seed, step, run, seen, estimated },
    tensors: new Map(names.map((name) => [name, tensors.get(name)!])),
  });
}

/** The inputs of a batch's first step, for a stream; targets are left out. */
export function firstStep({ plan }: Session, batch: DrawnBatch): Batch["inputs"] {
  const tensors = plan.entries.step?.tensors ?? [];
  const inputs = tensors.filter(({ role }) => role.kind === "input" || role.kind === "index");
  return Object.fromEntries(
    inputs.map(({ name, shape }) => [
      name,
      batch.inputs[name]?.slice(
        0,
        shape.reduce((n, extent) => n * extent, 1),
      ) ?? null,
    ]),
  );
}

/** Whether two lists of bytes are the same, bit for bit. */
export function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i]) === 0);
}
