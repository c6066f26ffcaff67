/**
 * What the reader of a format makes of a file: sequences of steps, in pieces, so that a file need not fit into memory. Everything after
 * that (windows, splits, scales, vocabularies) is the same for all formats.
 */
import type { Look } from "./formats/looks.ts";
import type { Split } from "./task.ts";

/**
 * - `number`: [T, …shape] over steps, […shape] for a sequence as a whole; NaN where a value is missing.
 * - `symbol`: a word, character or class, which a vocabulary numbers; "" where it is missing.
 * - `label`: a name or a date, kept to say which prediction belongs to what; never an input.
 */
export type Field =
  | { readonly kind: "number"; readonly over: "steps" | "sequence"; readonly shape: readonly number[] }
  | { readonly kind: "symbol" | "label"; readonly over: "steps" | "sequence" };

/** The values of a field in a piece: numbers row-major, or a text for each step (or for the sequence). */
export type Values = Float64Array | readonly string[];

/** Some consecutive steps of a sequence. */
export interface Piece {
  /** Whether a sequence begins here. The pieces of a sequence follow one another. */
  readonly begins: boolean;
  /** Where a sequence begins: the split that the file itself puts it in. Either all sequences of a recording have one, or none has. */
  readonly split?: Split;
  /**
   * Where a sequence begins: whether it belongs with the one before, as a second question of the same story does. Sequences that belong
   * together are all put in one split, for otherwise a model would be measured on what it was trained on.
   */
  readonly withBefore?: boolean;
  readonly steps: number;
  /** Every field over steps; those of the sequence as a whole only where it begins. */
  readonly values: Readonly<Record<string, Values>>;
}

export interface Recording {
  /** As a message names it. */
  readonly path: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Fields that look like something else than they are read as. Default: there are none. */
  readonly looks?: Readonly<Record<string, Look>>;
  /**
   * The pieces in the file's order; may be read more than once, and stops reading when the loop is left. Throws a `Failure` with exit
   * code 1 that names the file, the line and, where there is one, the column.
   */
  pieces(): AsyncIterable<Piece>;
}
