/** On what every op of the op table is tried: operand types, and attributes where it has any. */
import * as dim from "../../compiler/ir/dim.ts";
import type { OpAttrs, StructuralOp, Type } from "../../compiler/ir/types.ts";

/** `"time batch H D"` as a type; a leading `index` makes it one of indices below D. */
export function type(text: string): Type {
  const words = text.split(" ").filter((w) => w !== "");
  const flag = (w: string): boolean => words.includes(w);
  const shape = words.filter((w) => !["index", "time", "batch"].includes(w)).map(dim.parse);
  const common = { time: flag("time"), batch: flag("batch"), shape };
  return flag("index") ? { dtype: "index", ...common, below: dim.parse("D") } : { dtype: "f32", ...common };
}

/** Operand types of an elementwise op, by its number of operands: aligned, broadcast, with unit axes. */
export const elementwiseSamples: Readonly<Record<1 | 2 | 3, readonly (readonly string[])[]>> = {
  1: [["H"], ["batch H D"], ["time batch H"], [""]],
  2: [
    ["H", "H"],
    ["time batch H", "batch H"],
    ["time batch 2H", "2H"],
    ["batch", "time H"],
    ["H 1", "1 D"],
    ["batch H D", "1 D"],
    ["", "time batch D"],
    ["time batch H 1", "1"],
  ],
  3: [
    ["H", "H", "H"],
    ["time batch 1", "batch H", "H"],
    ["", "time H 1", "batch D"],
    ["batch D", "", "time batch"],
  ],
};

/** Operand types and attributes. */
export type Samples<K extends StructuralOp> = readonly (readonly [operands: readonly string[], attrs: OpAttrs[K]])[];

export const axes = { batch: false, time: false, features: [] as number[], keep: false };
const labels = { batch: false, time: false };

const reductions: Samples<"sum" | "maximum" | "pivot"> = [
  [["H D"], { axes: { ...axes, features: [0] } }],
  [["H D"], { axes: { ...axes, features: [1] } }],
  [["batch H D"], { axes: { ...axes, features: [0, 1] } }],
  [["time batch H D"], { axes: { ...axes, features: [0], keep: true } }],
  [["time batch H"], { axes: { ...axes, batch: true } }],
  [["time batch H"], { axes: { ...axes, time: true } }],
  [["time batch H D"], { axes: { batch: true, time: true, features: [1], keep: true } }],
  [["time batch H D"], { axes: { batch: true, time: true, features: [1], keep: false } }],
  [["time batch H"], { axes: { batch: true, time: true, features: [0], keep: false } }],
  // Asked to run over examples that are not there, a reduction leaves the value alone.
  [["time H"], { axes: { ...axes, batch: true } }],
  [["H 1"], { axes: { ...axes, features: [1] } }],
];

export const structuralSamples: { readonly [K in StructuralOp]: Samples<K> } = {
  const: [
    [[], { value: 2.5, dims: [] }],
    [[], { value: -1, dims: ["batch", "4H", "time"] }],
  ],
  iota: [
    [[], { size: "4H" }],
    [[], { size: "1" }],
  ],
  stop: [[["batch H"], {}]],
  copy: [
    [["time batch H"], { format: "f16" }],
    [["D H"], { format: "quads" }],
    [["batch H"], { format: "plain" }],
  ],
  site: [[["time batch H"], { name: "hh" }]],
  stat: [[["H"], { name: "m", policy: { kind: "per_step", steps: "T" } }]],
  population: [[["H"], { name: "m", collected: "collected", policy: { kind: "shared" } }]],
  training: [[[], {}]],
  ramp: [[[], { from: 1, to: 3, first: 10, last: 20 }]],
  sum: reductions,
  maximum: reductions,
  pivot: reductions,
  pivots: [
    [["time batch H"], { parts: 2 }],
    [["batch H D"], { parts: 1 }],
    [["batch"], { parts: 3 }],
  ],
  group_sum: [
    [["time batch H"], { group: 2 }],
    [["batch"], { group: 3 }],
  ],
  partial: [
    [["time batch H"], { parts: 2 }],
    [["batch H D"], { parts: 1 }],
    [["batch"], { parts: 3 }],
  ],
  spread: [
    [["time 2 H"], {}],
    [["1 H D"], {}],
    [["3"], {}],
  ],
  argmax: [
    [["time batch H D"], {}],
    [["D"], {}],
  ],
  dot: [
    [["batch H", "H D"], { ...labels, a: "k", b: "kn", out: "n" }],
    [["time batch H", "D H"], { ...labels, a: "k", b: "nk", out: "n" }],
    [["time batch H D", "time D H"], { ...labels, a: "mk", b: "kn", out: "mn" }],
    [["batch H", "batch D"], { ...labels, a: "m", b: "n", out: "mn" }],
    [["time batch H", "time batch D"], { a: "m", b: "n", out: "nm", batch: true, time: true }],
    [["time batch H", "batch D"], { ...labels, a: "m", b: "n", out: "mn", batch: true }],
    [["time batch H", "H"], { ...labels, a: "k", b: "k", out: "", time: true }],
    [["batch H", "batch H"], { ...labels, a: "k", b: "k", out: "k" }],
    // Axes, examples and steps that one side alone has.
    [["H D", "D"], { ...labels, a: "kn", b: "n", out: "n" }],
    [["time batch H", "H D"], { a: "k", b: "kn", out: "n", batch: true, time: true }],
    [["H", ""], { ...labels, a: "k", b: "", out: "" }],
  ],
  split: [
    [["time batch 4H"], { axis: 0, parts: 4 }],
    [["batch D 2H"], { axis: 1, parts: 2 }],
    [["H D"], { axis: 0, parts: 2 }],
  ],
  concat: [
    [["batch H", "batch H", "batch H"], { axis: 0 }],
    [["batch H", "time D"], { axis: 0 }],
    [["time D H", "batch 1 D"], { axis: 1 }],
    [["H D", "1 D"], { axis: 0 }],
    [["batch H"], { axis: 0 }],
  ],
  cut: [
    [["batch D+2H"], { axis: 0, widths: ["D", "2H"] }],
    [["time batch H+1 D"], { axis: 0, widths: ["1", "H"] }],
  ],
  slice: [
    [["time batch D+2H"], { axis: 0, from: "D", to: "D + H" }],
    [["H+1 D"], { axis: 0, from: "0", to: "H" }],
    [["batch 4H D"], { axis: 0, from: "2H", to: "4H" }],
    [["batch H D+2"], { axis: 1, from: "1", to: "2" }],
  ],
  pad: [
    [["time batch H D"], { before: ["1", "0"], after: ["2", "0"] }],
    [["batch 4H"], { before: ["2"], after: ["D"] }],
    [["H D"], { before: ["1", "D"], after: ["0", "1"] }],
    [["batch H"], { before: ["0"], after: ["0"] }],
  ],
  flip: [
    [["time batch H D"], { axis: 0 }],
    [["batch 4H"], { axis: 0 }],
    [["H D"], { axis: 1 }],
  ],
  windows: [
    [["time batch H+2 D"], { axis: 0, size: "3", stride: 1, dilation: 1 }],
    [["batch D 4H"], { axis: 1, size: "2", stride: 2, dilation: 1 }],
    [["batch 4H"], { axis: 0, size: "2H", stride: 1, dilation: 1 }],
    [["2H+4 D"], { axis: 0, size: "3", stride: 1, dilation: 2 }],
    [["batch H D+1 D"], { axis: 1, size: "D", stride: 1, dilation: 1 }],
  ],
  overlap: [
    [["time batch H 3 D"], { axis: 0, stride: 1, dilation: 1 }],
    [["batch D 4H 2"], { axis: 1, stride: 2, dilation: 1 }],
    [["batch 2H H"], { axis: 0, stride: 1, dilation: 2 }],
    [["2H 3 D"], { axis: 0, stride: 3, dilation: 2 }],
    [["batch H 2 2 D"], { axis: 1, stride: 1, dilation: 1 }],
  ],
  reshape: [
    [["time batch H D"], { shape: ["D*H"] }],
    [["batch 4H"], { shape: ["4", "H"] }],
    [["H"], { shape: ["1", "H", "1"] }],
    [["1"], { shape: [] }],
  ],
  transpose: [
    [["time batch H D"], { permutation: [1, 0] }],
    [["batch H D V"], { permutation: [2, 0, 1] }],
    [["H"], { permutation: [0] }],
  ],
  broadcast: [
    [["H"], { type: type("time batch H") }],
    [[""], { type: type("batch H D") }],
    [["batch 1 D"], { type: type("batch H D") }],
  ],
  at: [
    [["time batch H"], { step: "first" }],
    [["time"], { step: "last" }],
  ],
  put: [
    [["batch H"], { step: "first" }],
    [[""], { step: "last" }],
  ],
  reverse: [
    [["time batch H", "batch"], {}],
    [["time batch", "batch"], {}],
  ],
  shift: [
    [["time batch H"], { by: 2 }],
    [["time D"], { by: -1 }],
  ],
  cumsum: [
    [["time batch H"], { reverse: false }],
    [["time D"], { reverse: true }],
  ],
  whole: [
    [["time batch H"], { size: "D" }],
    [["time batch"], { size: "4H" }],
    [["time H D"], { size: "5" }],
  ],
  stepwise: [
    [["batch D H"], {}],
    [["batch 4H"], {}],
    [["5 H D"], {}],
  ],
  gather: [
    [["D H", "index time batch"], {}],
    [["D", "index batch H"], {}],
    [["D H V", "index"], {}],
  ],
  scatter: [
    [["index time batch", "time batch H"], { size: "D" }],
    [["index batch H", "batch H V"], { size: "D" }],
    [["index time batch", "batch H"], { size: "D" }],
    [["index batch", "time batch"], { size: "D" }],
  ],
  onehot: [
    [["index time batch"], { size: "D" }],
    [["index batch H"], { size: "V" }],
  ],
};
