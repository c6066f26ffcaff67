/**
 * Whether a scan is an LSTM, a GRU or a plain recurrent network in the sense of the libraries that have these as one op, and if so, which
 * of its parameters do what: `recurrent-cell.ts` finds the gates, and each gate here is a sum
 *
 *     x W + h R + b
 *
 * of products of whole matrices and vectors, with which the numbers of another model can take the place of the cell's. Of a GRU's new value it
 * is x W + σ(r) ∘ (h R + b) + b', or x W + (σ(r) ∘ h) R + b.
 */
import type { Bindings } from "../ir/tensor.ts";
import type { Graph, OpOf, Value } from "../ir/types.ts";
import { type Definitions, definitions } from "../passes/rewrite.ts";
import { type Factor, type Part, type Terms, type WeightBlock, wordsOf } from "./gate-terms.ts";
import {
  type Dialect,
  type Differs,
  differ,
  type GruGate,
  isAll,
  type LstmGate,
  orDiffers,
  type RecurrentCell,
  recurrentCell,
  type Sum,
} from "./recurrent-cell.ts";

/** A term of a gate's sum, added or subtracted. */
export interface Signed<T> {
  readonly sign: 1 | -1;
  readonly of: T;
}

/** What a gate's nonlinearity is applied to: the sum of all of these. Any list may be empty. */
export interface Gate {
  /** −1: the cell computes the negative of the sum that the equations above mean, as in h' = z ∘ n + (1 − z) ∘ h. The lists are as in the cell. */
  readonly sign: 1 | -1;
  /** [D, H] each: they multiply the input. */
  readonly input: readonly Signed<WeightBlock>[];
  /** [H, H] each: they multiply the state. */
  readonly recurrent: readonly Signed<WeightBlock>[];
  /** [H] each, or one number for all. */
  readonly bias: readonly Signed<Part>[];
  /** Of a GRU that resets after the product: what is added to the product and multiplied by the reset gate, too. */
  readonly resetBias: readonly Signed<Part>[];
}

interface Shared {
  /** H. */
  readonly size: number;
  /** D. */
  readonly inputSize: number;
  /** The sequence that it reads, a value of the enclosing block; undefined if no gate reads any. */
  readonly input: Value | undefined;
  /** From the last step to the first. */
  readonly reverse: boolean;
  /** The number of the state h. */
  readonly hidden: number;
  /** What each of the scan's outputs is at a step: the next h or the next c; undefined: anything else. */
  readonly outputs: readonly ("hidden" | "cell" | undefined)[];
}

export type GatedCell =
  | (Shared & { readonly kind: "lstm"; readonly cell: number; readonly gates: Readonly<Record<LstmGate, Gate>> })
  | (Shared & {
      readonly kind: "gru";
      /** Whether the reset gate acts on the state, or on its product. */
      readonly reset: "before" | "after";
      readonly gates: Readonly<Record<GruGate, Gate>>;
    })
  | (Shared & {
      readonly kind: "rnn";
      readonly activation: "tanh" | "relu";
      readonly gates: Readonly<Record<"hidden", Gate>>;
    });

/** As PyTorch and Keras have them. */
const LIBRARIES: Dialect = { activations: { lstm: ["tanh"], gru: ["tanh"], rnn: ["tanh", "relu"] }, coupled: false };

/**
 * What `scan` is. Its graph has no sites left, as after `place`; values may be hoisted or not. `defs`: where values are defined;
 * `extents`: of all dimensions, `batch`, `time` and `steps` too.
 */
export const recogniseCell = (scan: OpOf<"scan">, defs: Definitions, extents: Bindings): GatedCell | Differs =>
  orDiffers(() => new Reader(scan, recurrentCell(scan, defs, extents, LIBRARIES)).cell());

/** What each scan of a graph is, in their order. */
export function recogniseCells(
  graph: Graph,
  extents: Bindings,
): readonly { readonly scan: OpOf<"scan">; readonly found: GatedCell | Differs }[] {
  const defs = definitions(graph.ops);
  return graph.ops.flatMap((op) => (op.op === "scan" ? [{ scan: op, found: recogniseCell(op, defs, extents) }] : []));
}

/** Reads the gates of a cell. */
class Reader {
  readonly #scan: OpOf<"scan">;
  readonly #found: RecurrentCell;
  #input: Part | undefined;

  constructor(scan: OpOf<"scan">, found: RecurrentCell) {
    this.#scan = scan;
    this.#found = found;
  }

  cell(): GatedCell {
    const found = this.#found;
    switch (found.kind) {
      case "lstm": {
        const { input, forget, cell, output } = found.gates;
        const gates = {
          input: this.#gate("input gate", input),
          forget: this.#gate("forget gate", forget),
          cell: this.#gate("cell input", cell),
          output: this.#gate("output gate", output),
        };
        return { kind: "lstm", cell: found.cell, ...this.#shared(), gates };
      }
      case "gru": {
        const { reset, update, new: made } = found.gates;
        const gates = {
          update: this.#gate("update gate", update),
          reset: this.#gate("reset gate", reset),
          new: this.#gate("new value", made, { [found.reset]: found.resetGate }),
        };
        return { kind: "gru", reset: found.reset, ...this.#shared(), gates };
      }
      case "rnn": {
        const [activation] = found.activations;
        if (activation === "sigmoid") throw new Error("no library has an RNN with a sigmoid");
        const gates = { hidden: this.#gate("hidden value", found.gates.hidden) };
        return { kind: "rnn", activation, ...this.#shared(), gates };
      }
    }
  }

  #shared(): Shared {
    const { size, hidden, outputs } = this.#found;
    return {
      ...{ size, hidden, outputs, reverse: this.#scan.attrs.reverse },
      inputSize: this.#input === undefined ? 0 : this.#input.to - this.#input.from,
      input: this.#input?.value,
    };
  }

  /**
   * The parts of the sum that a gate's nonlinearity is applied to. `reset`: of the new value of a GRU, the reset gate, and what it
   * multiplies.
   */
  #gate(role: string, { sign, terms }: Sum, reset: { readonly before?: Factor; readonly after?: Factor } = {}): Gate {
    const input: Signed<WeightBlock>[] = [];
    const recurrent: Signed<WeightBlock>[] = [];
    const bias: Signed<Part>[] = [];
    const resetBias: Signed<Part>[] = [];
    for (const { coefficient, factors } of terms) {
      const words = wordsOf([{ coefficient, factors }]);
      const isReset = reset.after !== undefined && factors.some(({ key }) => key === reset.after!.key);
      const [factor, ...more] = isReset ? factors.filter(({ key }) => key !== reset.after!.key) : factors;
      const by = coefficient === 1 || coefficient === -1 ? coefficient : undefined;
      if (factor === undefined || more.length > 0 || by === undefined)
        return differ(`the ${role} also adds ${words}: it adds products of matrices, and vectors that all steps share`);
      if (factor.kind === "steady") (isReset ? resetBias : bias).push({ sign: by, of: factor.part });
      else if (factor.kind === "product") {
        const isRecurrent = this.#isOfState(factor.of, reset.before);
        if (reset.after !== undefined && isRecurrent !== isReset)
          return differ(
            `the ${role} adds ${words}: the reset gate multiplies the whole product of the state, and nothing else`,
          );
        if (!isRecurrent) this.#reads(factor.of, role, words);
        (isRecurrent ? recurrent : input).push({ sign: by, of: factor.weight });
      } else
        return differ(`the ${role} also adds ${words}: it adds products of matrices, and vectors that all steps share`);
    }
    return { sign, input, recurrent, bias, resetBias };
  }

  /** Whether these are the terms of the whole state h, times the reset gate if there is one `before` the product. */
  #isOfState(terms: Terms, before: Factor | undefined): boolean {
    if (terms.length !== 1 || terms[0].coefficient !== 1) return false;
    const others = terms[0].factors.filter(({ key }) => key !== before?.key);
    const [state] = others;
    if (others.length !== 1 || terms[0].factors.length !== (before === undefined ? 1 : 2)) return false;
    const { hidden, size } = this.#found;
    return state.kind === "state" && state.index === hidden && isAll(state.part, size);
  }

  /** Takes what a product reads as the input sequence, of which there is one. */
  #reads(terms: Terms, role: string, words: string): void {
    const [factor] = terms[0]?.factors ?? [];
    if (
      terms.length !== 1 ||
      factor?.kind !== "sequence" ||
      terms[0].factors.length !== 1 ||
      terms[0].coefficient !== 1
    )
      differ(`the ${role} adds ${words}, which is a product of neither the input nor the state before`);
    const { part } = factor;
    const known = this.#input;
    if (known !== undefined && (known.value !== part.value || known.from !== part.from || known.to !== part.to))
      differ(`it reads two sequences, ${known.value.name} and ${part.value.name}`);
    this.#input = part;
  }
}
