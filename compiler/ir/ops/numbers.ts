/** Numbers that depend on no operand. */
import { extent, factors, fields, none, number, words } from "../attributes.ts";
import * as dim from "../dim.ts";
import { anything, type Range, within } from "../range.ts";
import { tensor } from "../tensor.ts";
import { scalar } from "../type.ts";
import type { Rows } from "./row.ts";

/** The range of a number of this sign, times extents, which are at least 1. */
const ofSign = (sign: number): Range =>
  sign > 0 ? within([], Math.min(sign, 1), anything.high) : within([], anything.low, 0);

export const numbers: Rows<"const" | "iota" | "ramp" | "training"> = {
  const: {
    doc: "a number, times the product of extents",
    operands: [],
    infer: () => [scalar],
    evaluate: (_, { value, dims: names }, [type], dims) => [
      tensor(type, dims, [names.reduce((p, d) => p * dim.evaluate(dim.parse(d), dims), value)]),
    ],
    attributes: words({ value: number, dims: factors }),
    axes: () => [],
    range: (_, { attrs: { value, dims } }) => (dims.length === 0 ? within([], value, value) : ofSign(value)),
    form: "view",
    recompute: 0,
    grad: "zero",
  },
  iota: {
    doc: "0, 1, 2, … along a feature axis",
    operands: [],
    infer: (_, { size }) => [{ ...scalar, shape: [dim.parse(size)] }],
    evaluate: (_, { size }, [type], dims) => [
      tensor(type, dims, [...Array(dim.evaluate(dim.parse(size), dims)).keys()]),
    ],
    attributes: fields({ size: extent }),
    axes: () => [],
    range: () => within([], 0, anything.high),
    form: "view",
    recompute: 0,
    grad: "zero",
  },
  ramp: {
    doc: "a number that changes with the updates done",
    operands: [],
    infer: () => [scalar],
    evaluate: (_, { to }, [type], dims) => [tensor(type, dims, [to])],
    attributes: fields({ from: number, to: number, first: number, last: number }),
    axes: () => [],
    range: () => anything,
    form: "expanded",
    grad: "zero",
  },
  training: {
    doc: "1 in training, else 0",
    operands: [],
    infer: () => [scalar],
    evaluate: (_x, _attrs, [type], dims) => [tensor(type, dims, [0])],
    attributes: none,
    axes: () => [],
    range: () => within([], 0, 1),
    form: "expanded",
    grad: "zero",
  },
};
