/** A tensor of another program's file: its numbers are read when they are asked for. */

export interface SourceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. Throws C0402 for numbers that cannot be read. */
  numbers(): Promise<Float64Array>;
}

/** The tensors of a file. */
export interface SourceFile {
  readonly path: string;
  readonly format: "safetensors" | "torch" | "npz" | "hdf5";
  readonly tensors: ReadonlyMap<string, SourceTensor>;
  /** Free texts in it: the metadata of safetensors; of Keras its model as `config`, and `layers`, their names in order, as JSON. */
  readonly notes: Readonly<Record<string, string>>;
}

/** `weight_ih_l0 [400, 28]`. */
export const described = ({ name, shape }: Pick<SourceTensor, "name" | "shape">): string =>
  `${name} [${shape.join(", ")}]`;

/** The most tensors that a message names. */
const MOST_NAMED = 12;

/** The tensors of a file, for a message. */
export function listed(tensors: Iterable<Pick<SourceTensor, "name" | "shape">>): string {
  const all = [...tensors];
  if (all.length === 0) return "none";
  const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : "";
  return `${all.slice(0, MOST_NAMED).map(described).join(", ")}${more}`;
}
