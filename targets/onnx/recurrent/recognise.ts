/**
 * Finds out whether a loop is an LSTM, a GRU or a plain RNN as ONNX defines them, from what its equations mean once all constants are
 * folded: `compiler/proofs/recurrent-cell.ts` finds the gates, and what each of them sees must be numbers here.
 */
import type { Block, OpOf, Value } from "../../../compiler/ir/types.ts";
import {
  type Activation,
  type Dialect,
  orDiffers,
  type RecurrentCell,
  recurrentCell,
} from "../../../compiler/proofs/recurrent-cell.ts";
import type { Printer } from "../printer.ts";
import { foldedGate, type Gate } from "./folded-gate.ts";

/** A loop that is an op of ONNX. The gates are in ONNX's order. */
export interface Native {
  readonly op: "LSTM" | "GRU" | "RNN";
  readonly size: number;
  readonly gates: readonly Gate[];
  readonly activations: readonly Activation[];
  /** Of a GRU: the reset gate multiplies the product with h, not h. */
  readonly resetAfter?: boolean;
  /** The places of h and c among the loop's states. */
  readonly states: readonly number[];
  /** For a loop over sequences of their own lengths: the mark of the steps that each example has. */
  readonly valid: Value | undefined;
}

export interface NotNative {
  readonly why: string;
}

const ANY: readonly Activation[] = ["sigmoid", "tanh", "relu"];
const ONNX: Dialect = { activations: { lstm: ANY, gru: ANY, rnn: ANY }, coupled: true };

/** The op that `scan` is, or why it is none. */
export function recognise(p: Printer, scan: OpOf<"scan">): Native | NotNative {
  const { states, reverse } = scan.attrs;
  if (states === 0) return { why: "it has no states" };
  if (reverse) return { why: "it runs backward" };
  const found = orDiffers(() => recurrentCell(scan, p.defines, p.dims, ONNX));
  if ("differs" in found) return { why: found.in === "states" ? found.differs : whyOther(scan.body!) };
  if (scan.body!.params.slice(0, states).some(({ type }) => type.shape.length === 0))
    return { why: "its state is a single number" };
  const gates = gatesOf(p, found);
  if (!isComplete(gates)) return { why: whyOther(scan.body!) };
  if (gates.every(({ inputs }) => inputs.size === 0)) return { why: "it reads no input" };
  const other = found.outputs.findIndex((kind) => kind !== "hidden");
  if (other >= 0) {
    const { name } = scan.results[states + other];
    return { why: `it also gives ${name ? `\`${name}\`` : "another value"} at each step` };
  }
  const { size, valid, activations } = found;
  const shared = { size, valid, gates };
  switch (found.kind) {
    case "lstm":
      return {
        ...{ op: "LSTM", ...shared, activations: ["sigmoid", ...activations] },
        states: [found.hidden, found.cell],
      };
    case "gru":
      return {
        ...{ op: "GRU", ...shared, activations: ["sigmoid", ...activations] },
        resetAfter: found.reset === "after",
        states: [found.hidden],
      };
    case "rnn":
      return { op: "RNN", ...shared, activations, states: [found.hidden] };
  }
}

const isComplete = (gates: readonly (Gate | undefined)[]): gates is readonly Gate[] => !gates.includes(undefined);

/** The gates in ONNX's order; undefined for one that sees what it may not. */
function gatesOf(p: Printer, cell: RecurrentCell): readonly (Gate | undefined)[] {
  switch (cell.kind) {
    case "lstm": {
      const { input, output, forget, cell: seen } = cell.gates;
      return [
        foldedGate(p, cell, input, { peephole: "state" }),
        foldedGate(p, cell, output, { peephole: "next" }),
        foldedGate(p, cell, forget, { peephole: "state" }),
        foldedGate(p, cell, seen),
      ];
    }
    case "gru": {
      const { update, reset, new: made } = cell.gates;
      return [
        foldedGate(p, cell, update),
        foldedGate(p, cell, reset),
        foldedGate(p, cell, made, { reset: cell.resetGate }),
      ];
    }
    case "rnn":
      return [foldedGate(p, cell, cell.gates.hidden)];
  }
}

/** What is in a loop that no op has, or else that its equations are others. */
function whyOther({ ops, results }: Block): string {
  const across = ops.find(({ op }) => op === "sum" || op === "maximum");
  if (across !== undefined && results.every(({ type }) => type.shape.length === 1))
    return "at each step it takes sums over its features, as layer norm and attention do";
  return "its equations are those of no LSTM, GRU or RNN";
}
