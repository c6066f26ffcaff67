/**
 * The recurrent layers of another library's file. A unit is one layer in one direction: its matrices and vectors as the file has them,
 * and in which order the library puts its gates.
 */
import type { GatedCell } from "../../compiler/proofs/gated-cell.ts";
import type { GruGate, LstmGate } from "../../compiler/proofs/recurrent-cell.ts";

export type Kind = GatedCell["kind"];

export type Role = LstmGate | GruGate | "hidden";

export type Library = "torch" | "keras";

/** The gates of a matrix [4H, D] or [D, 4H], from its first block to its last. */
export const gateOrder = {
  torch: { lstm: ["input", "forget", "cell", "output"], gru: ["reset", "update", "new"], rnn: ["hidden"] },
  keras: { lstm: ["input", "forget", "cell", "output"], gru: ["update", "reset", "new"], rnn: ["hidden"] },
} as const satisfies Readonly<Record<Library, Readonly<Record<Kind, readonly Role[]>>>>;

export interface Unit {
  /** How messages name it: `weight_…_l0_reverse`, `lstm_1`. */
  readonly name: string;
  readonly library: Library;
  readonly kind: Kind;
  /** From the last step to the first; undefined if the file does not say. */
  readonly reverse: boolean | undefined;
  /** D and H. */
  readonly inputSize: number;
  readonly size: number;
  /** Of a GRU: whether the reset gate acts on the product with the state. */
  readonly resetAfter: boolean;
  /** Of a plain RNN: what its sum is squashed by, if the file says it. */
  readonly activation?: string;
  /** PyTorch: [gates · H, D]; Keras: [D, gates · H]. */
  readonly input: Float64Array;
  /** PyTorch: [gates · H, H]; Keras: [H, gates · H]. */
  readonly recurrent: Float64Array;
  /** [gates · H] each. Keras has a second one only for a GRU that resets after the product. */
  readonly biases: readonly Float64Array[];
}

/** The numbers of a gate: [D, H], [H, H] and [H]. */
export interface GateNumbers {
  readonly input: Float64Array;
  readonly recurrent: Float64Array;
  readonly bias: Float64Array;
  /** [H]: added to the product with the state before the reset gate multiplies it. Zero in any other gate. */
  readonly resetBias: Float64Array;
}

/** The numbers of each gate of a unit. */
export function gatesOf(unit: Unit): ReadonlyMap<Role, GateNumbers> {
  const { library, kind, size, inputSize, resetAfter, biases } = unit;
  const order: readonly Role[] = gateOrder[library][kind];
  const width = order.length * size;
  return new Map(
    order.map((role, k) => {
      const matrix = (numbers: Float64Array, rows: number): Float64Array =>
        Float64Array.from({ length: rows * size }, (_, at) => {
          const [row, column] = [Math.floor(at / size), k * size + (at % size)];
          return library === "torch" ? numbers[column * rows + row] : numbers[row * width + column];
        });
      const vectors = biases.map((bias) => bias.slice(k * size, (k + 1) * size));
      const zero = new Float64Array(size);
      const [first = zero, second = zero] = vectors;
      const isReset = kind === "gru" && role === "new" && resetAfter;
      const bias = isReset ? first : first.map((b, i) => b + second[i]);
      return [
        role,
        {
          input: matrix(unit.input, inputSize),
          recurrent: matrix(unit.recurrent, size),
          bias,
          resetBias: isReset ? second : zero,
        },
      ] as const;
    }),
  );
}

/** A unit with its numbers rounded to f32, as a cell holds them. */
export const inSingle = (unit: Unit): Unit => withNumbers(unit, (numbers) => numbers.map(Math.fround));

/** A unit with other numbers of about the size that training begins with, in f32; all that are 0 in a tensor stay so. */
export function withRandomNumbers(unit: Unit, next: () => number): Unit {
  const scale = 1 / Math.sqrt(unit.inputSize + unit.size);
  return withNumbers(unit, (numbers) =>
    numbers.every((n) => n === 0) ? numbers : numbers.map(() => Math.fround(scale * next())),
  );
}

const withNumbers = (unit: Unit, change: (numbers: Float64Array) => Float64Array): Unit => ({
  ...unit,
  input: change(unit.input),
  recurrent: change(unit.recurrent),
  biases: unit.biases.map(change),
});
