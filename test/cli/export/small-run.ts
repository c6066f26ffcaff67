/** A small model with batch norm at each step of its recurrence, on small data of one's own, and its export for training elsewhere. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cellc } from "../run-here.ts";

/**
 * Noise would be drawn differently elsewhere. A first state that is learned does nothing where norms take its mean away, and an Adam
 * that follows its gradient, which is but rounding, goes another way on each machine.
 */
const cell = (norm: string): string => `
cell bn(D = 2, H = 6) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = identity
  param b  : [4H]    = blocks(1, 0, 0, 0)
  input x  : [D]
  state h  : [H] = 0
  state c  : [H] = 0

  site hh = h @ Wh
  site xh = x @ Wx
  f, i, o, g = split(hh + xh + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  site cc = c'
  h' = sigmoid(o) * tanh(cc)
  output h'

  place hh, xh : ${norm}gamma = 0.1, beta = none)
  place cc     : ${norm}gamma = 0.1)
}

model small(D = 2, H = 6, K = 3) {
  param W  : [H, K] = orthogonal
  param b  : [K]    = 0
  input x  : [D] over time
  target y : index(K)

  logits = last(scan bn(D, H) over x) @ W + b
  output logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
}
`;

/** Waves of three kinds, a sequence each. `ragged`: of 3 to 6 steps, else of 5. */
function waves(sequences: number, ragged: boolean): string {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const lines = ["id,a,b,kind"];
  for (let s = 0; s < sequences; s++) {
    const phase = 6 * random();
    for (let t = 0; t < (ragged ? 3 + (s % 4) : 5); t++) {
      const at = (t * ((s % 3) + 1)) / 2 + phase;
      const [a, b] = [Math.sin(at), Math.cos(at)].map((x) => (x + 0.2 * (random() - 0.5)).toFixed(4));
      lines.push(`${s},${a},${b},${"uvw"[s % 3]}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export interface SmallRun {
  readonly sequences?: number;
  readonly ragged?: boolean;
  /** How its norms begin: `batch(`. */
  readonly norm?: string;
}

/** Writes model and data to a folder, and returns what `cellc train` is told of them. */
export async function smallModel(folder: string, run: SmallRun = {}): Promise<readonly string[]> {
  const { sequences = 60, ragged = false, norm = "batch(" } = run;
  await mkdir(folder, { recursive: true });
  const [file, data] = [join(folder, "small.cell"), join(folder, "waves.csv")];
  await writeFile(file, cell(norm));
  await writeFile(data, waves(sequences, ragged));
  const examples = ["--group", "id", "--label", "kind", "--x", "a,b", "--split", "0.8,0.2,0"];
  return [file, "--entry", "small", "--data", data, ...examples, "--target", "wasm"];
}

/** Trains, and throws what went wrong. */
export async function trained(args: readonly string[]): Promise<void> {
  const { code, stderr } = await cellc(["train", ...args]);
  if (code !== 0) throw new Error(stderr);
}
