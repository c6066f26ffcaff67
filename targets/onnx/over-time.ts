/** Ops that read along time. Time is the first axis of a value, and its extent is the run's. */
import type { OpOf } from "../../compiler/ir/types.ts";
import type { OnnxTensor } from "./block.ts";
import { BEGIN, END, firstTwoExchanged, type Printer } from "./printer.ts";

const zeros = (n: number): readonly number[] => Array<number>(n).fill(0);

/** Zeros after the last entry of the first axis: as many as `count`, an int64 of shape [1]. */
export function padded(p: Printer, x: OnnxTensor, rank: number, count: OnnxTensor): OnnxTensor {
  const parts = [p.constants.ints(zeros(rank)), count, ...(rank > 1 ? [p.constants.ints(zeros(rank - 1))] : [])];
  return p.node("Pad", [x, p.node("Concat", parts, { attributes: { axis: { i: 0 } }, hint: "pads" })], {
    hint: x.name,
  });
}

/** A sequence of values `by` steps before, or after if that is negative, with 0 where there is none. */
export function shifted(
  p: Printer,
  { operands: [x], attrs: { by }, results: [{ type, name }] }: OpOf<"shift">,
): OnnxTensor {
  const rank = p.declared(type).length;
  const from = p.plain(x);
  if (by > 0) {
    const pads = p.constants.ints([by, ...zeros(2 * rank - 1)]);
    return p.sliced(p.node("Pad", [from, pads], { hint: name }), { axis: 0, from: 0, to: p.time }, name);
  }
  return p.sliced(padded(p, from, rank, p.constants.ints([-by])), { axis: 0, from: -by, to: END }, name);
}

/** Each example's own steps in reverse, and 0 behind them. */
export function reversed(p: Printer, { operands: [x, steps], results: [{ type, name }] }: OpOf<"reverse">): OnnxTensor {
  const from = p.num(x);
  const count = p.num(steps);
  // The number of all steps has no examples.
  if (!steps.type.batch) return p.sliced(from, { axis: 0, from: -1, to: BEGIN, step: -1 }, name);
  const lengths = p.cast(count, "int64");
  const attributes = { batch_axis: { i: 1 }, time_axis: { i: 0 } };
  const turned = p.node("ReverseSequence", [from, lengths], { attributes, hint: name });
  const each = p.unsqueezed(p.steps(), [1]);
  const own = p.node("Less", [each, p.unsqueezed(lengths, [0])], { hint: "own" }, "bool");
  const condition = p.aligned(own, { ...type, shape: [] }, type);
  return p.node("Where", [condition, turned, p.constants.float(0)], { hint: name }, "float");
}

/** All steps of a sequence as features: [examples, size, …] from [steps, examples, …], 0 where there are no more steps. */
export function whole(
  p: Printer,
  { operands: [x], attrs: { size }, results: [{ type, name }] }: OpOf<"whole">,
): OnnxTensor {
  const rank = p.declared(x.type).length;
  const rows = p.extentOf(size);
  const all = padded(p, p.plain(x), rank, missing(p, rows));
  return type.batch ? p.transposed(all, firstTwoExchanged(rank), name) : all;
}

/**
 * The steps that a sequence lacks of `rows`: int64 [1]. A longer one has no place for its last steps. The runtime then reports an index out
 * of range at a node that says so.
 */
function missing(p: Printer, rows: number): OnnxTensor {
  const left = p.constants.add("int64", [rows + 1], [...Array(rows + 1).keys()].reverse(), "left");
  return p.node("Gather", [left, p.time], {
    attributes: { axis: { i: 0 } },
    hint: `at_most_${rows}_steps`,
  });
}

/** The way back from `whole`: a row for each step of the run. */
export function stepwise(p: Printer, { operands: [x], results: [{ type, name }] }: OpOf<"stepwise">): OnnxTensor {
  const rank = p.declared(type).length;
  const from = p.num(x);
  const rows = type.batch ? p.transposed(from, firstTwoExchanged(rank), name) : from;
  return p.sliced(padded(p, rows, rank, p.time), { axis: 0, from: 0, to: p.time }, name);
}
