/** Small models of every kind, compiled from their texts, for tests of the runtime's edges. */

import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import type { Target } from "../../compiler/target.ts";
import type { Batch, Executable } from "../../runtime/index.ts";
import type { Plan } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { uniform } from "../ir/numbers.ts";

const path = "examples/cells/text.cell";

/** A text, compiled. */
export function executableOf(text: string, options: CompileOptions = {}, target: Target = wasm): Executable {
  const host = { ...fileHost, read: (file: string) => (file === path ? text : fileHost.read(file)) };
  return compile(path, options, target, host).executable;
}

/** A classifier of sequences of words, with statistics of each step. */
export const wordsText = `model words(V = 7, E = 3, H = 4, K = 3) {
  input w : index(V) over time
  target y : index(K)
  param table : [V, E] = normal(0.5)
  param U : [H, K] = xavier
  logits = last(scan recurrent(E, H) over embed(w, table)) @ U
  output logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
}
cell recurrent(D = 3, H = 4) {
  input x : [D]
  state h : [H] = noise(0.1)
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  site s = x @ Wx + h @ Wh
  place s : batch(stats = per_step)
  h' = tanh(s)
  output h'
}`;

/** A regression at each step, without statistics: it can be a stream. */
const filter = `model filter(D = 2) {
  input x : [D] over time
  target y : [D] over time
  h = scan leak(D) over x
  output h
  loss mse(h, y)
}
cell leak(D = 2) {
  input x : [D]
  state h : [D] = 0
  param a : [D] = 0.5
  h' = a * h + x
  output h'
}`;

const options: CompileOptions = { batch: 3, time: 5 };

export const executables = {
  words: executableOf(wordsText, options),
  "words, ragged": executableOf(wordsText, { ...options, ragged: true }),
  filter: executableOf(filter, options),
  "filter, ragged": executableOf(filter, { ...options, ragged: true }),
} as const satisfies Readonly<Record<string, Executable>>;
export type Name = keyof typeof executables;
export const names = Object.keys(executables) as Name[];

/** A valid batch of `steps` steps, with different numbers for each `index`. */
export function soundBatch(
  plan: Plan,
  steps: number,
  index = 0,
): Batch & { readonly inputs: Record<string, Float32Array> } {
  const random = uniform(1 + index);
  const tensors = (plan.entries.train ?? plan.entries.infer)!.tensors;
  const inputs = tensors.flatMap(({ name, role, time, shape }) => {
    if (role.kind !== "input" && role.kind !== "index") return [];
    const count = shape.reduce((a, b) => a * b, 1) * (time ? steps : 1);
    const one = () => (role.kind === "index" ? Math.floor(role.size * random()) : 2 * random() - 1);
    return [[name, Float32Array.from({ length: count }, one)] as const];
  });
  return { inputs: Object.fromEntries(inputs), steps, examples: plan.dims.batch };
}
