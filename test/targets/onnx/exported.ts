/** A study's model as ONNX, with the numbers of the study in the layout that such a model takes. */
import { encodeOnnx } from "../../../cli/export/encode-onnx.ts";
import * as dim from "../../../compiler/ir/dim.ts";
import type { Graph, Leaf, OpOf } from "../../../compiler/ir/types.ts";
import { exportable } from "../../../compiler/lower.ts";
import { type OnnxModel, onnxModel } from "../../../targets/onnx/model.ts";
import { Study, type StudyOptions } from "../../compile/study.ts";

/** A tensor as a runtime takes it. */
export interface Fed {
  readonly element: "float32" | "int64";
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** Runs a model and returns its outputs. */
export type RunOnnx = (
  bytes: Uint8Array,
  feeds: Readonly<Record<string, Fed>>,
) => Promise<Readonly<Record<string, { readonly dims: readonly number[]; readonly data: ArrayLike<number | bigint> }>>>;

export interface Exported extends OnnxModel {
  readonly encoded: Uint8Array;
}

/** How many steps have statistics of their own in these tests. */
export const STEPS = 5;

const isLeaf = (op: Graph["ops"][number]): op is OpOf<"leaf"> => op.op === "leaf";

/** Noise is its mean, as in the model. */
function meanOf(leaf: Leaf, n: number): Float64Array | undefined {
  if (leaf.kind !== "noise") return undefined;
  const means = { normal: 0, uniform: "scale" in leaf ? leaf.scale / 2 : 0, bernoulli: "keep" in leaf ? leaf.keep : 0 };
  return new Float64Array(n).fill(means[leaf.distribution]);
}

/** A graph with random parameters and statistics, at inference. */
export const inferenceStudy = (graph: Graph, options: Omit<StudyOptions, "entries" | "draw">): Study =>
  new Study(graph, { steps: STEPS, seed: 3, ...options, entries: ["infer"], draw: meanOf });

/** With `carry`, states are inputs and outputs. */
export function exportedFrom(
  graph: Graph,
  study: Study,
  { dims, lengths, steps = STEPS, carry = false }: StudyOptions,
): Exported {
  const all = { ...dims, steps };
  const ragged = lengths !== undefined;
  const made = onnxModel(exportable(graph, { dims, ragged, carry }), {
    dims: all,
    numbers: new Map(Object.entries(study.numbers)),
    ragged,
    version: "test",
  });
  return { ...made, encoded: encodeOnnx(made.model) };
}

/** The study's inputs, the examples first. `lengths` by time axis. */
export function feedsOf(
  graph: Graph,
  study: Study,
  { dims, batch, time }: StudyOptions,
  lengths: Readonly<Record<string, readonly number[]>>,
  names: readonly string[],
): Record<string, Fed> {
  const feeds: Record<string, Fed> = {};
  for (const { attrs } of graph.ops.filter(isLeaf)) {
    const { leaf, type } = attrs;
    if ((leaf.kind !== "input" && leaf.kind !== "index") || !names.includes(leaf.name)) continue;
    const rest = type.shape.map((d) => dim.evaluate(d, dims));
    const numbers = study.numbers[leaf.name];
    const shape = [batch, ...(type.time ? [time] : []), ...rest];
    const data = type.time ? swapped(numbers, time, batch) : Float64Array.from(numbers);
    feeds[leaf.name] =
      leaf.kind === "index"
        ? { element: "int64", dims: shape, data: BigInt64Array.from(Array.from(data, BigInt)) }
        : { element: "float32", dims: shape, data: Float32Array.from(data) };
  }
  for (const [axis, own] of Object.entries(lengths)) {
    const name = axis === "time" ? "lengths" : `lengths_${axis}`;
    if (names.includes(name))
      feeds[name] = { element: "int64", dims: [batch], data: BigInt64Array.from(own.map(BigInt)) };
  }
  return feeds;
}

/** [first, second, …] as [second, first, …]. */
export function swapped(numbers: ArrayLike<number>, first: number, second: number): Float64Array {
  const made = Float64Array.from(numbers);
  const n = made.length / first / second;
  for (let a = 0; a < first; a++)
    for (let b = 0; b < second; b++)
      for (let i = 0; i < n; i++) made[(b * first + a) * n + i] = numbers[(a * second + b) * n + i];
  return made;
}

/** What the model computes of the study's numbers: `output:NAME`, [T, B, …] as the reference has it. */
export async function computed(
  graph: Graph,
  study: Study,
  options: StudyOptions,
  { encoded, inputs }: Exported,
  run: RunOnnx,
): Promise<ReadonlyMap<string, Float64Array>> {
  const { batch, time, lengths, lengthsOver = {} } = options;
  const feeds = feedsOf(graph, study, options, { ...lengthsOver, ...(lengths && { time: lengths }) }, inputs);
  const found = await run(encoded, feeds);
  const overTime = new Set(
    graph.results.filter(({ value }) => value.type.time && value.type.batch).map(({ name }) => name),
  );
  return new Map(
    Object.entries(found).map(([name, { data }]) => {
      const numbers = Float64Array.from(Array.from(data, Number));
      return [`output:${name}`, overTime.has(name) ? swapped(numbers, batch, time) : numbers] as const;
    }),
  );
}
