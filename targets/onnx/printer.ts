/**
 * Where a graph's values are in the ONNX model that is being written. The axes of a value are [time?, batch?, …features], as its type
 * says; what is elementwise aligns them by name, and ONNX from the right.
 */
import * as dim from "../../compiler/ir/dim.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { Graph, Type, Value } from "../../compiler/ir/types.ts";
import { type Definitions, definitions } from "../../compiler/passes/rewrite.ts";
import { type Block, Constants, type NodeOptions, type OnnxTensor } from "./block.ts";
import type { Fixed, FixedValues } from "./fixed.ts";
import type { Inputs } from "./leaves.ts";
import { type Element, type Extent, elementTypes } from "./proto.ts";

/** What the run decides: how many steps and examples there are. Each is an int64 of shape [1]. */
export interface RunExtents {
  readonly time: OnnxTensor | undefined;
  readonly batch: OnnxTensor | undefined;
}

/** What a loop became. */
export interface LoopReport {
  /** The names of its states. */
  readonly states: readonly string[];
  readonly op: "LSTM" | "GRU" | "RNN" | "Scan";
  /** Of a Scan: why it is none of the others. */
  readonly why?: string;
  /** Where in it norms stand with statistics of their own at each step. */
  readonly perStep: readonly string[];
}

/** Writes one model: the block that is open, constants, and where each value of the graph is. */
export class Printer {
  readonly root: Block;
  readonly constants: Constants;
  /** A number for every dimension but `batch` and `time`. */
  readonly dims: Bindings;
  readonly fixed: FixedValues;
  extents: RunExtents = { time: undefined, batch: undefined };
  /** The block that is being written. */
  block: Block;
  readonly #places = new Map<Value, OnnxTensor>();

  /** The op that makes a value, in the bodies of loops too. */
  readonly defines: Definitions;
  readonly loops: LoopReport[] = [];
  #inputs: Inputs | undefined;

  /** Whether loops become ops for recurrent layers where they can. */
  readonly recognise: boolean;

  constructor(
    root: Block,
    graph: Graph,
    { dims, fixed, recognise }: { readonly dims: Bindings; readonly fixed: FixedValues; readonly recognise: boolean },
  ) {
    this.recognise = recognise;
    this.defines = definitions(graph.ops);
    this.root = root;
    this.block = root;
    this.dims = dims;
    this.fixed = fixed;
    this.constants = new Constants(root);
  }

  /** Runs `write` with another block to write to. */
  within<T>(block: Block, write: () => T): T {
    const before = this.block;
    this.block = block;
    try {
      return write();
    } finally {
      this.block = before;
    }
  }

  place(v: Value, tensor: OnnxTensor): void {
    this.#places.set(v, tensor);
  }

  isPlaced = (v: Value): boolean => this.#places.has(v);

  /** Where `v` is, with whatever elements it has there. */
  of(v: Value): OnnxTensor {
    const placed = this.#places.get(v);
    if (placed !== undefined) return placed;
    const fixed = this.fixed.get(v);
    if (fixed === undefined) throw new Error(`value ${v.id} (${v.name}) is used before it is made`);
    const made = this.#constant(v, fixed);
    this.place(v, made);
    return made;
  }

  /** A fixed value. Of one that is kept for each step, the last row serves all later steps. */
  #constant(v: Value, { kind, tensor }: Fixed): OnnxTensor {
    const element = v.type.dtype === "index" ? "int64" : "float";
    const table = this.constants.add(element, tensor.shape, tensor.data, v.name);
    if (kind === "steady") return table;
    return this.node("Gather", [table, this.rowOfStep(tensor.shape[0])], {
      attributes: { axis: { i: 0 } },
      hint: v.name,
    });
  }

  /** The row of each step in a table of so many rows: int64 [time]. */
  rowOfStep(rows: number): OnnxTensor {
    return this.node("Min", [this.stepsSoFar(), this.constants.int(rows - 1)], { hint: "row" });
  }

  /** The number of each step from the beginning of the sequence: int64 [time]. */
  stepsSoFar(): OnnxTensor {
    const { first } = this.inputs;
    return first === undefined ? this.steps() : this.node("Add", [this.steps(), first], { hint: "step" });
  }

  /** The number of each step of this run: int64 [time]. */
  steps(): OnnxTensor {
    const all = this.reshaped(this.time, []);
    return this.node("Range", [this.constants.int(0), all, this.constants.int(1)], { hint: "step" });
  }

  get inputs(): Inputs {
    if (this.#inputs === undefined) throw new Error("the inputs are not declared yet");
    return this.#inputs;
  }

  set inputs(inputs: Inputs) {
    this.#inputs = inputs;
  }

  get time(): OnnxTensor {
    return present(this.extents.time);
  }

  get batch(): OnnxTensor {
    return present(this.extents.batch);
  }

  num = (v: Value): OnnxTensor => this.cast(this.of(v), "float");

  /** Floats, or int64 if it is an index. */
  plain = (v: Value): OnnxTensor => (v.type.dtype === "index" ? this.of(v) : this.num(v));

  cast(x: OnnxTensor, to: Element): OnnxTensor {
    if (x.element === to) return x;
    return this.node("Cast", [x], { attributes: { to: { i: elementTypes[to] } }, hint: x.name }, to);
  }

  /**
   * A node with one result, written to the innermost block that its inputs are of: what a loop's steps share is computed once, and
   * nothing twice. `element`: that of its first input, if it is not said.
   */
  node(
    op: string,
    inputs: readonly (OnnxTensor | undefined)[],
    options: NodeOptions = {},
    element: Element = inputs[0]?.element ?? "float",
  ): OnnxTensor {
    return this.nodes(op, inputs, [element], options)[0];
  }

  nodes(
    op: string,
    inputs: readonly (OnnxTensor | undefined)[],
    elements: readonly Element[],
    options: NodeOptions = {},
  ): readonly OnnxTensor[] {
    return this.#blockFor(inputs).once(op, inputs, elements, options);
  }

  #blockFor(inputs: readonly (OnnxTensor | undefined)[]): Block {
    let block = this.root;
    for (const x of inputs) if (x !== undefined && x.block.depth > block.depth) block = x.block;
    return block;
  }

  extent = (d: dim.Dim): number => dim.evaluate(d, this.dims);
  extentOf = (text: string): number => this.extent(dim.parse(text));
  shape = (type: Pick<Type, "shape">): readonly number[] => type.shape.map(this.extent);

  /** The shape of a value, with names for what the run decides. */
  declared = (type: Type): readonly Extent[] => [
    ...(type.time ? ["time"] : []),
    ...(type.batch ? ["batch"] : []),
    ...this.shape(type),
  ];

  /** The shape of a value when the model runs: int64 [rank]. */
  shapeTensor(type: Type): OnnxTensor {
    const features = this.constants.ints(this.shape(type));
    const parts = [
      ...(type.time ? [this.time] : []),
      ...(type.batch ? [this.batch] : []),
      ...(type.shape.length > 0 ? [features] : []),
    ];
    if (parts.length === 0) return features;
    return parts.length === 1
      ? parts[0]
      : this.node("Concat", parts, { attributes: { axis: { i: 0 } }, hint: "shape" });
  }

  /** `shape`: 0 keeps the extent of the axis at that place. */
  reshaped(x: OnnxTensor, shape: readonly number[], hint = x.name): OnnxTensor {
    return this.node("Reshape", [x, this.constants.ints(shape)], { hint });
  }

  /** `x`, a value of type `from`, with axes of extent 1 where ONNX would align it otherwise with a value of type `to`. */
  aligned(x: OnnxTensor, from: Type, to: Type): OnnxTensor {
    const lead = (t: Type): readonly boolean[] => [...(to.time ? [t.time] : []), ...(to.batch ? [t.batch] : [])];
    const gap = to.shape.length - from.shape.length;
    const has = [...lead(from), ...to.shape.map((_, i) => i >= gap)];
    const first = has.indexOf(true);
    const axes = has.flatMap((own, i) => (!own && first >= 0 && i > first ? [i - first] : []));
    return axes.length === 0 ? x : this.unsqueezed(x, axes);
  }

  unsqueezed = (x: OnnxTensor, axes: readonly number[]): OnnxTensor =>
    this.node("Unsqueeze", [x, this.constants.ints(axes)], { hint: x.name });

  squeezed = (x: OnnxTensor, axes: readonly number[], hint = x.name): OnnxTensor =>
    this.node("Squeeze", [x, this.constants.ints(axes)], { hint });

  transposed(x: OnnxTensor, permutation: readonly number[], hint = x.name): OnnxTensor {
    if (permutation.every((axis, i) => axis === i)) return x;
    return this.node("Transpose", [x], { attributes: { perm: { ints: permutation } }, hint });
  }

  /** Entries of an axis, by `step`; int64 of shape [1] or numbers. */
  sliced(
    x: OnnxTensor,
    { axis, from, to, step = 1 }: { axis: number; from: number | OnnxTensor; to: number | OnnxTensor; step?: number },
    hint = x.name,
  ): OnnxTensor {
    const bound = (n: number | OnnxTensor): OnnxTensor => (typeof n === "number" ? this.constants.ints([n]) : n);
    const inputs = [x, bound(from), bound(to), this.constants.ints([axis]), this.constants.ints([step])];
    return this.node("Slice", inputs, { hint });
  }

  /** `x`, of type `from`, stretched to `to`. */
  stretched(x: OnnxTensor, from: Type, to: Type, hint = x.name): OnnxTensor {
    return this.node("Expand", [this.aligned(x, from, to), this.shapeTensor(to)], { hint });
  }
}

/** The places of a value's axes with the first two exchanged: steps and examples, or examples and rows. */
export const firstTwoExchanged = (rank: number): readonly number[] => [
  1,
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
];

/** Behind the last entry of any axis. */
export const END = 2 ** 31 - 1;
/** Before the first, for slices that run backward. */
export const BEGIN = -(2 ** 31) + 1;

/** The place of a feature axis among all of a value's axes. */
export const axisIn = (type: Type, feature: number): number => Number(type.time) + Number(type.batch) + feature;

function present(extent: OnnxTensor | undefined): OnnxTensor {
  if (extent === undefined) throw new Error("no input says how many examples or steps there are");
  return extent;
}
