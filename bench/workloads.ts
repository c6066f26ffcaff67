/** The workloads to measure: sizes, and how a cell is run. */

/** `train`: forward and backward. `stream`: one step per call, with the state kept between calls. `sequence`: inference in one call. */
export type Kind = "train" | "stream" | "sequence";

export interface Workload {
  readonly name: string;
  readonly about: string;
  readonly kind: Kind;
  /** Examples. */
  readonly B: number;
  /** Hidden units. */
  readonly H: number;
  /** Time steps. */
  readonly T: number;
  /** Features of an input. */
  readonly D: number;
}

export type Cell = "lstm" | "bnlstm" | "lnlstm";

/**
 * Sequential MNIST as in the paper, row by row and pixel by pixel (Cooijmans et al. 2016, section 5.1); a character model of the
 * size in its section 5.2; and streams long enough to measure. They are measured in this order, so that time left over from fast
 * workloads goes to slow ones.
 */
export const workloads: readonly Workload[] = [
  { name: "28", about: "training, MNIST row by row", kind: "train", B: 64, H: 100, T: 28, D: 28 },
  { name: "stream", about: "inference, a step at a time", kind: "stream", B: 1, H: 100, T: 1000, D: 28 },
  { name: "sequence", about: "inference, a sequence at a time", kind: "sequence", B: 1, H: 100, T: 1000, D: 28 },
  { name: "512", about: "training, a character model", kind: "train", B: 64, H: 512, T: 100, D: 50 },
  { name: "784", about: "training, MNIST pixel by pixel", kind: "train", B: 64, H: 100, T: 784, D: 1 },
];

/** The workloads of inference with so many examples: `stream-2`. One example is the workload as it is. */
export const withExamples = (numbers: readonly number[]): readonly Workload[] =>
  workloads
    .filter(({ kind }) => kind !== "train")
    .flatMap((workload) =>
      numbers.map((B) =>
        B === workload.B
          ? workload
          : { ...workload, B, name: `${workload.name}-${B}`, about: `${workload.about}, ${B} examples` },
      ),
    );

/** `lstm-784`: a cell on a workload, as `--only` names it. */
export function caseName(cell: Cell, workload: Pick<Workload, "name">): string {
  return `${cell}-${workload.name}`;
}

/** Whether `--only` selects a case: it is empty, or names the case, its cell or its workload. */
export function isWanted(only: readonly string[], cell: Cell, workload: Pick<Workload, "name">): boolean {
  const names = [caseName(cell, workload), cell, workload.name];
  return only.length === 0 || only.some((word) => names.includes(word));
}

/**
 * Operations of the products of a training step on f32, a multiply-add being two: h @ Wh [B, H] @ [H, 4H], its two in the backward
 * pass, da @ Whᵀ and hᵀ @ da; and x @ Wx [B, D] @ [D, 4H] with the gradient of Wx. No gradient of x is wanted.
 */
export function productsOfStep({ B, H, D }: Pick<Workload, "B" | "H" | "D">): number {
  const columns = 4 * H;
  return 3 * 2 * B * H * columns + 2 * 2 * B * D * columns;
}

/** Those of a step at inference: x @ Wx and h @ Wh. */
export function productsOfForward({ B, H, D }: Pick<Workload, "B" | "H" | "D">): number {
  return 2 * B * (H + D) * 4 * H;
}
