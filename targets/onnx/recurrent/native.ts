/** Writes LSTM, GRU and RNN: the weights in ONNX's order and shapes, and the sequence as these ops take it. */
import type { OpOf, Value } from "../../../compiler/ir/types.ts";
import type { OnnxTensor } from "../block.ts";
import { lengthsOf } from "../leaves.ts";
import type { Printer } from "../printer.ts";
import type { Attributes } from "../proto.ts";
import type { Gate } from "./folded-gate.ts";
import type { Native } from "./recognise.ts";

const ACTIVATIONS = { sigmoid: "Sigmoid", tanh: "Tanh", relu: "Relu" } as const;

/** The activations that each op has without being told. */
const DEFAULTS: Readonly<Record<Native["op"], string>> = {
  LSTM: "Sigmoid,Tanh,Tanh",
  GRU: "Sigmoid,Tanh",
  RNN: "Tanh",
};

/** Returns what the loop results in: the final states, and the hidden state at each step as often as it is asked for. */
export function nativeLoop(p: Printer, scan: OpOf<"scan">, native: Native): readonly OnnxTensor[] {
  const { op, size, states, valid } = native;
  const inputs = inputsOf(p, native);
  const lengths = valid && lengthsOf(p, axisOf(p, valid));
  const initial = states.map((state) => firstState(p, scan.operands[state]));
  const peepholes = native.gates.some(({ peephole }) => peephole !== undefined) ? peepholesOf(p, native) : undefined;
  const optional = [inputs.bias, lengths && p.cast(lengths, "int32"), ...initial, ...(peepholes ? [peepholes] : [])];
  while (optional.length > 0 && optional.at(-1) === undefined) optional.pop();
  const [sequence, ...finals] = p.nodes(
    op,
    [inputs.sequence, inputs.weight, inputs.recurrent, ...optional],
    ["float", ...states.map(() => "float" as const)],
    { attributes: attributesOf(native, size), hint: scan.results[0]?.name },
  );
  const last = finals.map((y, k) => (lengths ? finalState(p, y, initial[k], lengths) : p.squeezed(y, [0])));
  const each = p.squeezed(sequence, [1]);
  const count = scan.attrs.states;
  return scan.results.map((_, i) => {
    if (i < count) return last[states.indexOf(i)];
    return valid ? waiting(p, each, last[0], valid) : each;
  });
}

/** Where an example has no step at all, its state is the first one; runtimes give 0 there. */
function finalState(p: Printer, y: OnnxTensor, first: OnnxTensor | undefined, lengths: OnnxTensor): OnnxTensor {
  if (first === undefined) return p.squeezed(y, [0]);
  const some = p.unsqueezed(p.node("Greater", [lengths, p.constants.int(0)], { hint: "some" }, "bool"), [1]);
  return p.squeezed(p.node("Where", [some, y, first], { hint: y.name }, "float"), [0]);
}

/** At the steps that an example lacks, its state is the last one; the ops of ONNX give 0 there. */
function waiting(p: Printer, each: OnnxTensor, last: OnnxTensor, valid: Value): OnnxTensor {
  const condition = p.unsqueezed(p.cast(p.of(valid), "bool"), [2]);
  return p.node("Where", [condition, each, last], { hint: each.name }, "float");
}

function axisOf(p: Printer, valid: Value): string | undefined {
  const leaf = p.defines.get(valid);
  return leaf?.op === "leaf" && "axis" in leaf.attrs.leaf ? leaf.attrs.leaf.axis : undefined;
}

function attributesOf({ op, activations, resetAfter }: Native, size: number): Attributes {
  const strings = activations.map((one) => ACTIVATIONS[one]);
  return {
    hidden_size: { i: size },
    ...(strings.join() !== DEFAULTS[op] && { activations: { strings } }),
    ...(op === "GRU" && { linear_before_reset: { i: Number(resetAfter ?? false) } }),
  };
}

/** A state before the first step, [1, batch, size]; undefined if it is 0. */
function firstState(p: Printer, v: Value): OnnxTensor | undefined {
  const op = p.defines.get(v);
  const from = op?.op === "broadcast" ? p.fixed.get(op.operands[0]) : p.fixed.get(v);
  if (from?.tensor.data.every((x) => x === 0)) return undefined;
  return p.unsqueezed(p.num(v), [0]);
}

/** W [1, gates · size, features], R [1, gates · size, size], B [1, 2 · gates · size], and what W multiplies. */
function inputsOf(p: Printer, { op, size, gates }: Native) {
  const bases = [...new Set(gates.flatMap(({ inputs }) => [...inputs.keys()]))];
  const isNumber = (v: Value): boolean => v.type.shape.length === 0;
  const widths = bases.map((v) => (isNumber(v) ? 1 : p.extent(v.type.shape[0])));
  const features = widths.reduce((a, b) => a + b, 0);
  const values = bases.map((v) => (isNumber(v) ? p.unsqueezed(p.num(v), [2]) : p.num(v)));
  const sequence =
    values.length === 1 ? values[0] : p.node("Concat", values, { attributes: { axis: { i: 2 } }, hint: "sequence" });
  const rows = gates.length * size;
  const weight = new Float64Array(rows * features);
  let from = 0;
  bases.forEach((v, k) => {
    gates.forEach(({ inputs }, g) => {
      const matrix = inputs.get(v);
      if (matrix === undefined) return;
      for (let j = 0; j < size; j++)
        for (let i = 0; i < widths[k]; i++) weight[(g * size + j) * features + from + i] = matrix[i * size + j];
    });
    from += widths[k];
  });
  const recurrent = new Float64Array(rows * size);
  gates.forEach(({ hidden }, g) => {
    if (hidden === undefined) return;
    for (let j = 0; j < size; j++)
      for (let i = 0; i < size; i++) recurrent[(g * size + j) * size + i] = hidden[i * size + j];
  });
  const hint = op.toLowerCase();
  return {
    sequence,
    weight: p.constants.add("float", [1, rows, features], weight, `${hint}_W`),
    recurrent: p.constants.add("float", [1, rows, size], recurrent, `${hint}_R`),
    bias: biasOf(p, gates, hint),
  };
}

/** Those of the inputs' products, then those of the states'. Undefined if all are 0. */
function biasOf(p: Printer, gates: readonly Gate[], hint: string): OnnxTensor | undefined {
  const all = [...gates.map(({ bias }) => bias), ...gates.map(({ hiddenBias }) => hiddenBias)];
  const numbers = all.flatMap((bias) => [...bias]);
  if (numbers.every((x) => x === 0)) return undefined;
  return p.constants.add("float", [1, numbers.length], numbers, `${hint}_B`);
}

/** P [1, 3 · size], in the order i, o, f. */
function peepholesOf(p: Printer, { gates, size }: Native): OnnxTensor {
  const none = new Float64Array(size);
  const numbers = gates.slice(0, 3).flatMap(({ peephole = none }) => [...peephole]);
  return p.constants.add("float", [1, numbers.length], numbers, "lstm_P");
}
