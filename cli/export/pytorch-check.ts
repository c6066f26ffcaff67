/** Numbers by which a printed PyTorch module is checked: inputs, and what the reference interpreter makes of them in f64. */
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { count, extents } from "../../compiler/ir/tensor.ts";
import type { Graph, Leaf, Type } from "../../compiler/ir/types.ts";
import { placed } from "../../compiler/lower.ts";
import { only } from "../../compiler/passes/steps-so-far.ts";
import { keyOf, normalAt, uniformAt } from "../../runtime/random.ts";
import type { SavedTensor } from "../../runtime/state.ts";
import type { PytorchModule } from "../../targets/pytorch/module.ts";

/** Enough to see every mistake, and few enough for any model. */
const EXAMPLES = 3;
const STEPS = 12;

interface CheckOptions {
  readonly dims: Readonly<Record<string, number>>;
  /** For how many statistics are kept. */
  readonly steps: number;
  /** The numbers of the module itself, in which every row of a statistic is known. */
  readonly weights: ReadonlyMap<string, SavedTensor>;
  readonly printed: PytorchModule;
}

/** Tensors of a batch, examples first: `input:x`, `output:h`, and `training:h` for a model that draws no numbers. */
export function checkTensors(graph: Graph, options: CheckOptions): ReadonlyMap<string, SavedTensor> {
  const { dims, steps, printed } = options;
  const time = Math.min(steps, STEPS);
  const all = { ...dims, batch: EXAMPLES, time, steps };
  const found = new Map<string, SavedTensor>();
  const draws = graph.ops.some((op) => op.op === "leaf" && op.attrs.leaf.kind === "noise");
  const read = reader(options, time);
  // What `forward` returns: the loss, where there are no outputs.
  const kind = graph.results.some((r) => r.kind === "output") ? "output" : "loss";
  for (const mode of ["infer", "train"] as const) {
    if (mode === "train" && (draws || [...graph.norms.values()].some(drawsNumbers))) continue;
    const outputs = only(placed(graph, mode), [kind]);
    const results = interpret(outputs, { dims: all, leaf: read });
    for (const { name, value } of outputs.results) {
      const { shape, data } = results.get(`${kind}:${name}`)!;
      found.set(`${mode === "train" ? "training" : "output"}:${name}`, examplesFirst(value.type, shape, data));
    }
    for (const op of outputs.ops) {
      if (op.op !== "leaf" || (op.attrs.leaf.kind !== "input" && op.attrs.leaf.kind !== "index")) continue;
      const { leaf, type } = op.attrs;
      if (!printed.inputs.has(leaf.name)) continue;
      const shape = extents(type, all);
      found.set(`input:${leaf.name}`, examplesFirst(type, shape, Float64Array.from(read(leaf.name, leaf, type))));
    }
  }
  return found;
}

const drawsNumbers = ({ ops }: Graph): boolean => ops.some((op) => op.op === "leaf" && op.attrs.leaf.kind === "noise");

/** The numbers of a leaf: those of the model, or drawn. */
function reader({ dims, steps, weights, printed }: CheckOptions, time: number) {
  const all = { ...dims, batch: EXAMPLES, time, steps };
  return (name: string, leaf: Leaf, type: Type): ArrayLike<number> => {
    const key = keyOf(1, `check/${name}`);
    const n = count(extents(type, all));
    switch (leaf.kind) {
      case "param":
        return tensorOf(name, weights, printed);
      case "population": {
        const rows = tensorOf(name, weights, printed);
        if (!type.time) return rows;
        const width = n / time;
        const last = rows.length / width - 1;
        return Float64Array.from(
          { length: n },
          (_, i) => rows[Math.min(last, Math.floor(i / width)) * width + (i % width)],
        );
      }
      case "index": {
        const size = dim.evaluate(dim.parse(leaf.size), all);
        return Float64Array.from({ length: n }, (_, i) => Math.floor(size * uniformAt(key, i)));
      }
      case "input":
        // Numbers that a file of f32 holds exactly.
        return Float64Array.from({ length: n }, (_, i) => Math.fround(normalAt(key, i)));
      case "step":
        return Float64Array.from({ length: n }, (_, t) => t);
      case "noise":
        return leaf.distribution === "bernoulli" ? new Float64Array(n).fill(leaf.keep) : new Float64Array(n);
      case "hyper":
        // Of training: what a batch moves statistics by, which no output depends on, and how many updates are done.
        return new Float64Array(n).fill(name === "step" ? updatesOf(weights, printed) + 1 : 0);
      default:
        throw new Error(`a check has no numbers for ${name} (${leaf.kind})`);
    }
  };
}

function tensorOf(
  name: string,
  weights: ReadonlyMap<string, SavedTensor>,
  { paths }: PytorchModule,
): ArrayLike<number> {
  return weights.get(paths.get(name)!.join("."))!.data;
}

const updatesOf = (weights: ReadonlyMap<string, SavedTensor>, { updates }: PytorchModule): number =>
  updates.length === 0 ? 0 : weights.get(updates[0])!.data[0];

/** [T, B, …] as [B, T, …]. */
function examplesFirst(type: Type, shape: readonly number[], data: ArrayLike<number>): SavedTensor {
  if (!type.time || !type.batch) return { shape, data: Float32Array.from(data) };
  const [T, B, ...rest] = shape;
  const n = count(rest);
  const turned = new Float32Array(data.length);
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) for (let k = 0; k < n; k++) turned[(b * T + t) * n + k] = data[(t * B + b) * n + k];
  return { shape: [B, T, ...rest], data: turned };
}
