/** What an imported checkpoint computes: in f64 by the interpreter, and in f32 on WebAssembly. */
import { fileHost } from "../../../cli/api/file-host.ts";
import { targets } from "../../../cli/targets.ts";
import { compile } from "../../../compiler/compile.ts";
import { interpret } from "../../../compiler/ir/interpret.ts";
import { tensor } from "../../../compiler/ir/tensor.ts";
import { placed } from "../../../compiler/lower.ts";
import { simplify } from "../../../compiler/passes/simplify.ts";
import { type ElaborateOptions, elaborate } from "../../../compiler/semantics/elaborate.ts";
import { readCheckpoint } from "../../../runtime/node/checkpoint-file.ts";
import { Session } from "../../../runtime/session.ts";

/** Inputs [B, T, D], as libraries have them by default. */
export interface Inputs {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** [B, T, …] as [T, B, …], and back. */
export function exchanged({ shape: [first, second], data }: Inputs): Float32Array {
  const width = data.length / (first * second);
  return Float32Array.from(data, (_, at) => {
    const [row, k] = [Math.floor(at / width), at % width];
    return data[((row % first) * second + Math.floor(row / first)) * width + k];
  });
}

/** The first output of a model with a checkpoint's numbers, [T, B, …]: in f64, and on WebAssembly. */
export async function outputsOf(
  file: string,
  options: ElaborateOptions,
  checkpoint: string,
  x: Inputs,
): Promise<{ readonly f64: ArrayLike<number>; readonly f32: ArrayLike<number> }> {
  const state = await readCheckpoint(checkpoint);
  const { batch: _, ...dims } = state.dims;
  const [examples, steps] = x.shape;
  const { graph } = elaborate(file, fileHost, { ...options, dims });
  const whole = { ...graph, results: graph.results.filter(({ kind }) => kind === "output") };
  const inputs = exchanged(x);
  const results = interpret(simplify.run(placed(whole, "infer")), {
    dims: { steps, ...dims, batch: examples, time: steps },
    leaf: (name, { kind, ...rest }, type) => {
      if (kind === "param") return state.tensors.get(name)!.data;
      if (kind === "input") return inputs;
      return tensor(type, { ...dims, batch: examples }).data.fill("keep" in rest ? Number(rest.keep) : Number.NaN);
    },
  });
  const [f64] = [...results.values()];
  const wasm = await targets.wasm.load();
  const chosen = { ...options, dims, batch: examples, entries: ["infer" as const] };
  const { executable } = compile(file, chosen, wasm, fileHost);
  const backend = await targets.wasm.open({});
  try {
    const session = await Session.open(executable, backend, { seed: 1, state });
    const isAlone = session.plan.entries.infer!.tensors.some(({ name }) => name === "d_h");
    const { outputs } = await session.infer({ steps, examples, inputs: { x: inputs, ...(isAlone && { d_h: null }) } });
    return { f64: f64.data, f32: Object.values(outputs)[0] };
  } finally {
    backend.close();
  }
}

/** The largest difference, relative to the largest number. */
export function differenceOf(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...Array.from(wanted, Math.abs));
  return Math.max(...Array.from(wanted, (value, i) => Math.abs(value - found[i]))) / largest;
}
