/**
 * What a unit computes, by its library's own equations on the file's own tensors. It shares nothing with what takes the weights over,
 * because it is what that is compared with.
 *
 * PyTorch (torch.nn.LSTM, GRU, RNN):
 *     i, f, g, o = W_ih x + b_ih + W_hh h + b_hh;   c' = σ(f) c + σ(i) tanh(g);   h' = σ(o) tanh(c')
 *     r, z, n:  n = tanh(W_in x + b_in + σ(r) (W_hn h + b_hn));   h' = (1 − σ(z)) n + σ(z) h
 * Keras (layers.LSTM, GRU, SimpleRNN), with kernels on the right:
 *     i, f, c, o as above;   z, r, h: with reset_after as PyTorch's, else h = tanh(x W + (σ(r) h) U + b)
 */
import type { Unit } from "./units.ts";

const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));
const relu = (a: number): number => Math.max(0, a);

/** How many sequences there are, and how long they are. */
export interface Run {
  readonly steps: number;
  readonly examples: number;
}

/** Outputs [T, B, H] for inputs [T, B, D], which are in the order of time whatever the direction. `activation`: that of an RNN. */
export function runUnit(
  unit: Unit,
  x: Float64Array,
  { steps, examples }: Run,
  activation: "tanh" | "relu",
): Float64Array {
  const { inputSize: D, size: H, reverse } = unit;
  const y = new Float64Array(steps * examples * H);
  for (let b = 0; b < examples; b++) {
    let state = { h: new Float64Array(H), c: new Float64Array(H) };
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      state = step(unit, x.subarray((t * examples + b) * D, (t * examples + b + 1) * D), state, activation);
      y.set(state.h, (t * examples + b) * H);
    }
  }
  return y;
}

interface State {
  readonly h: Float64Array<ArrayBuffer>;
  readonly c: Float64Array<ArrayBuffer>;
}

function step(unit: Unit, x: Float64Array, { h, c }: State, activation: "tanh" | "relu"): State {
  const { kind, size: H, library } = unit;
  const fromInput = product(unit, unit.input, x, unit.biases[0]);
  const fromState = (state: Float64Array) => product(unit, unit.recurrent, state, unit.biases[1]);
  switch (kind) {
    case "rnn": {
      const recurrent = fromState(h);
      const squash = activation === "relu" ? relu : Math.tanh;
      return { h: h.map((_, j) => squash(fromInput[j] + recurrent[j])), c };
    }
    case "lstm": {
      const recurrent = fromState(h);
      const gate = (k: number, j: number): number => fromInput[k * H + j] + recurrent[k * H + j];
      const next = c.map((old, j) => sigmoid(gate(1, j)) * old + sigmoid(gate(0, j)) * Math.tanh(gate(2, j)));
      return { h: next.map((value, j) => sigmoid(gate(3, j)) * Math.tanh(value)), c: next };
    }
    case "gru": {
      const [r, z, n] = library === "torch" ? [0, 1, 2] : [1, 0, 2];
      const recurrent = fromState(h);
      const gate = (k: number, j: number): number => sigmoid(fromInput[k * H + j] + recurrent[k * H + j]);
      const reset = h.map((_, j) => gate(r, j));
      const candidate = unit.resetAfter
        ? reset.map((value, j) => Math.tanh(fromInput[n * H + j] + value * recurrent[n * H + j]))
        : resetBefore(unit, fromInput, fromState(h.map((value, j) => reset[j] * value)), n);
      return { h: h.map((old, j) => (1 - gate(z, j)) * candidate[j] + gate(z, j) * old), c };
    }
    default:
      return kind satisfies never;
  }
}

const resetBefore = ({ size: H }: Unit, input: Float64Array, recurrent: Float64Array, n: number): Float64Array =>
  Float64Array.from({ length: H }, (_, j) => Math.tanh(input[n * H + j] + recurrent[n * H + j]));

/** A matrix times a vector, plus a bias: [gates · H]. */
function product(
  { library }: Unit,
  matrix: Float64Array,
  vector: Float64Array,
  bias: Float64Array | undefined,
): Float64Array {
  const columns = vector.length;
  const rows = matrix.length / columns;
  return Float64Array.from({ length: rows }, (_, j) => {
    let sum = bias?.[j] ?? 0;
    for (let k = 0; k < columns; k++)
      sum += vector[k] * (library === "torch" ? matrix[j * columns + k] : matrix[k * rows + j]);
    return sum;
  });
}
