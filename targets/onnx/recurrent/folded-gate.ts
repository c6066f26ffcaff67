/** What a gate sees, as numbers: the sum that its nonlinearity is applied to, with whatever has been folded into weights, scales and shifts. */
import type { Value } from "../../../compiler/ir/types.ts";
import {
  entriesOf,
  type Factor,
  isAffine,
  isConstant,
  type Part,
  type Term,
  type Terms,
  type WeightBlock,
} from "../../../compiler/proofs/gate-terms.ts";
import type { RecurrentCell, Sum } from "../../../compiler/proofs/recurrent-cell.ts";
import type { Printer } from "../printer.ts";

/** A matrix [rows, size], in row-major order. */
export type Matrix = Float64Array;

export interface Gate {
  /** By what is outside the loop, with steps and examples: [features, size] each. */
  readonly inputs: ReadonlyMap<Value, Matrix>;
  /** By the hidden state: [size, size]. */
  readonly hidden: Matrix | undefined;
  /** By the cell state: a number for each unit. */
  readonly peephole: Float64Array | undefined;
  readonly bias: Float64Array;
  /** Added to the product with the hidden state, where a reset gate multiplies both. */
  readonly hiddenBias: Float64Array;
}

export interface GateOptions {
  /** How it may see the cell state of an LSTM: as it was, or as it is after the step. */
  readonly peephole?: "state" | "next";
  /** Of the new value of a GRU: what multiplies all that it sees of the hidden state. */
  readonly reset?: Factor;
}

/** The numbers of a gate of `cell`; undefined if it sees anything else. */
export function foldedGate(p: Printer, cell: RecurrentCell, sum: Sum, options: GateOptions = {}): Gate | undefined {
  const sums = new Sums(p, cell, options);
  return sum.terms.every((term) => sums.add(term, sum.sign)) ? sums.gate() : undefined;
}

/** A term without its constants, which are multiplied, and without the reset gate. */
interface Scaled {
  /** A number for each entry. */
  readonly scale: Float64Array;
  /** What they multiply; undefined: nothing. */
  readonly by: Factor | undefined;
  readonly isReset: boolean;
}

class Sums {
  readonly #p: Printer;
  readonly #cell: RecurrentCell;
  readonly #options: GateOptions;
  readonly #matrices = new Map<Value | "hidden" | "cell", Matrix>();
  readonly #bias: Float64Array;
  readonly #hiddenBias: Float64Array;

  constructor(p: Printer, cell: RecurrentCell, options: GateOptions) {
    this.#p = p;
    this.#cell = cell;
    this.#options = options;
    this.#bias = new Float64Array(cell.size);
    this.#hiddenBias = new Float64Array(cell.size);
  }

  /** The sum, once all is added; undefined if it sees more of the cell state than each unit of its own. */
  gate(): Gate | undefined {
    const inputs = new Map(this.#matrices);
    const [hidden, cell] = [inputs.get("hidden"), inputs.get("cell")];
    inputs.delete("hidden");
    inputs.delete("cell");
    const { size } = this.#cell;
    if (cell?.some((x, i) => x !== 0 && i % (size + 1) !== 0)) return undefined;
    return {
      inputs: inputs as ReadonlyMap<Value, Matrix>,
      hidden,
      peephole: cell && Float64Array.from({ length: size }, (_, i) => cell[i * (size + 1)]),
      bias: this.#bias,
      hiddenBias: this.#hiddenBias,
    };
  }

  /** Adds a term of the gate. Returns false if it is none of those. */
  add(term: Term, sign: 1 | -1): boolean {
    const { size } = this.#cell;
    const found = this.#scaled(term, size);
    if (found === undefined) return false;
    const { by, isReset } = found;
    const scale = found.scale.map((x) => sign * x);
    if (by?.kind !== "product") return this.#place({ by, isReset }, size, (i, j) => (i === j ? scale[j] : 0));
    const weights = this.#weights(by.weight);
    if (weights === undefined) return false;
    const rows = weights.length / size;
    return this.#entering(by.of).every((inner) => {
      const each = this.#scaled(inner, rows);
      if (each === undefined || each.by?.kind === "product") return false;
      const value = (i: number, j: number): number => each.scale[i] * weights[i * size + j] * scale[j];
      return this.#place({ by: each.by, isReset: isReset || each.isReset }, rows, value);
    });
  }

  /** Adds what something of so many rows is multiplied by, or the sum of all rows to a bias. */
  #place({ by, isReset }: Omit<Scaled, "scale">, rows: number, value: (i: number, j: number) => number): boolean {
    const { size } = this.#cell;
    const { reset } = this.#options;
    const into = by && this.#seen(by, rows);
    if (by !== undefined && (into === undefined || (reset !== undefined && (into.key === "hidden") !== isReset)))
      return false;
    // (σ(r) ∘ b) @ R is neither.
    if (by === undefined && isReset && this.#cell.kind === "gru" && this.#cell.reset === "before") return false;
    const data = into?.data ?? (isReset ? this.#hiddenBias : this.#bias);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < size; j++) data[into ? into.row(i) * size + j : j] += value(i, j);
    return true;
  }

  /** The matrix of what a gate may see, and its row for each entry of `factor`. A single number stands for all entries. */
  #seen(
    factor: Factor,
    rows: number,
  ): { readonly key: unknown; readonly data: Matrix; readonly row: (i: number) => number } | undefined {
    const key = this.#keyOf(factor);
    if (key === undefined || !("part" in factor)) return undefined;
    const { value, from, to } = factor.part;
    const [whole = 1, ...more] = this.#p.shape(value.type);
    const isOne = to - from === 1;
    if (more.length > 0 || (to - from !== rows && !isOne)) return undefined;
    const data = this.#matrices.get(key) ?? new Float64Array(whole * this.#cell.size);
    this.#matrices.set(key, data);
    return { key, data, row: (i) => (isOne ? from : from + i) };
  }

  #keyOf(factor: Factor): Value | "hidden" | "cell" | undefined {
    const cell = this.#cell;
    if (factor.kind === "state" && factor.index === cell.hidden) return "hidden";
    const isCell = factor.kind === this.#options.peephole && cell.kind === "lstm" && factor.index === cell.cell;
    if (isCell) return "cell";
    if (factor.kind !== "sequence") return undefined;
    const { value } = factor.part;
    return value.type.batch && value.type.dtype !== "index" ? value : undefined;
  }

  #scaled({ coefficient, factors }: Term, size: number): Scaled | undefined {
    const at = factors.findIndex(({ key }) => key === this.#options.reset?.key);
    const others = factors.filter((_, i) => i !== at);
    const [by, ...more] = others.filter((factor) => !isConstant(factor));
    if (more.length > 0) return undefined;
    const scale = new Float64Array(size).fill(coefficient);
    for (const factor of others.filter(isConstant)) {
      const numbers = (factor.kind === "steady" || factor.kind === "inverse") && this.#numbers(factor.part);
      if (!numbers || (numbers.length !== 1 && numbers.length !== size)) return undefined;
      for (let i = 0; i < size; i++) {
        const x = numbers[numbers.length === 1 ? 0 : i];
        scale[i] *= factor.kind === "inverse" ? 1 / x : x;
      }
    }
    return { scale, by, isReset: at >= 0 };
  }

  /**
   * What a product reads. A sequence that is only scaled and shifted is multiplied out; one that is a product itself is not, because the rank of
   * a product of matrices may be small on purpose.
   */
  #entering(of: Terms): Terms {
    const [first, ...more] = of;
    const [factor] = first?.factors ?? [];
    if (more.length > 0 || first?.factors.length !== 1 || factor.kind !== "sequence") return of;
    const { from, to } = factor.part;
    const made = this.#cell.terms.expanded(factor.part);
    const isScaled = ({ factors }: Term): boolean =>
      factors.every((f) => isConstant(f) || (f.kind === "sequence" && f.part.to - f.part.from === to - from));
    if (!isAffine(made) || !made.every(isScaled)) return of;
    return made.map((term) => ({ ...term, coefficient: first.coefficient * term.coefficient }));
  }

  #numbers({ value, from, to }: Part): Float64Array | undefined {
    const fixed = this.#p.fixed.get(value);
    return fixed?.kind === "steady" ? fixed.tensor.data.slice(from, to) : undefined;
  }

  /** The numbers of a block of weights, [rows, size]. */
  #weights(block: WeightBlock): Matrix | undefined {
    const fixed = this.#p.fixed.get(block.value);
    const width = block.columns[1] - block.columns[0];
    if (fixed?.kind !== "steady" || width !== this.#cell.size) return undefined;
    return entriesOf(block, fixed.tensor.data, fixed.tensor.shape[1]);
  }
}
