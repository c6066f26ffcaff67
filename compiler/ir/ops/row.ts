/**
 * A row of the op table. Its first half applies to every op. Verifier, passes, proofs and kernels ask it: they keep no lists of ops
 * of their own, and refuse an op that has no row. The second half is what the op computes.
 *
 * A trait that a row leaves out does not hold, and what needs it does without.
 */
import type { Schema } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import * as dim from "../dim.ts";
import type { Range } from "../range.ts";
import type { Bindings, Tensor } from "../tensor.ts";
import type { Op, OpAttrs, OpName, Type, Value } from "../types.ts";

/**
 * How results depend on an operand along one of its axes (compare the indexing maps and iterator types of MLIR's Linalg):
 *
 * - `parallel`: the result has the axis, and its element i reads element i only;
 * - `broadcast`: the operand lacks the axis or has one element along it, which all of the result's read;
 * - `reduce`: the result lacks the axis, and reads all elements along it;
 * - `scan`: element i reads elements up to i, or from i on;
 * - `gather`: which element is read depends on i in another way, or on data. Also if the operand lacks the axis and the result
 *   varies along it.
 */
export type Along = "parallel" | "broadcast" | "reduce" | "scan" | "gather";

/** How results depend on one operand. */
export interface Iteration {
  readonly batch: Along;
  readonly time: Along;
  /** For each feature axis of the operand. */
  readonly features: readonly Along[];
}

/** How the entries along reduced axes are combined into one: their sum, the largest of them, or its position. */
export type Combining = "sum" | "largest" | "position";

/**
 * How kernels compute an op:
 *
 * - `view`: they do not; it says how other values are read;
 * - `point`: each element on its own, where it is used or in a loop over all;
 * - `reduction`: a loop over what its axes reduce; `partial`, over a part of the batch;
 * - `contraction`: a product's loops over the axes that two operands share;
 * - `scatter`: a loop over everything that may be added to an element;
 * - `loop`: kernels that run once per step;
 * - `expanded`: they do not; a pass has replaced it by other ops.
 */
export type Form = "view" | "point" | "reduction" | "partial" | "contraction" | "scatter" | "loop" | "expanded";

/** What a row may ask to find the range of an op's results. */
export interface Ranged<A> {
  readonly attrs: A;
  readonly operands: readonly Value[];
  /** The op that makes a value, if it is known. */
  readonly defines: (v: Value) => Op | undefined;
}

/** What is known of every op. */
export interface Row<A> {
  readonly doc: string;
  /** What the operands are; `many`: one or more of the same sort. */
  readonly operands: readonly string[] | "many";
  readonly attributes: Schema<A>;
  /** The types of the results. Throws `ShapeError` when the operands do not fit. */
  infer(x: readonly Type[], attrs: A): readonly Type[];
  /** How the results depend on each operand. Axes that attributes name are listed for operands that lack them, too. */
  axes(x: readonly Type[], attrs: A): readonly Iteration[];
  /** The range of its results (all have the same), from those of its operands. */
  range(x: readonly Range[], of: Ranged<A>): Range;
  readonly form: Form;
  /** Only for an op that reduces. */
  readonly combines?: Combining;
  /** Its two operands may be exchanged. */
  readonly commutative?: true;
  /** Whether the result is zero where these operands are zero and the others finite. */
  zero?(is: readonly boolean[]): boolean;
  /**
   * Operands that must not be rounded, because a small difference may change the result arbitrarily: what is compared, and divisors
   * that may be near zero.
   */
  readonly exact?: readonly number[];
  /** Flops per element to recompute it for the backward pass. Absent: it is saved. */
  readonly recompute?: number;
  /** The derivative treats the result as a constant, although it varies with the operands. */
  readonly held?: true;
  /** Where there is no step that it could read, it reads 0. So padding must be 0, too. */
  readonly zeroOutside?: true;
  /** For an op that scans time: adds an equivalent loop, and returns its results. */
  asLoop?(b: Builder, x: readonly Value[], attrs: A): readonly Value[];
  /** It selects among `of` entries by an index below `below`. */
  selects?(x: readonly Type[], attrs: A): { readonly below: dim.Dim; readonly of: dim.Dim };
  /** The result is 1 where something holds, else 0. */
  readonly indicator?: true;
}

/** A row of an op that is not elementwise. */
export interface StructuralRow<K extends OpName> extends Row<OpAttrs[K]> {
  /** The f64 meaning: the truth every target is compared with. */
  evaluate(x: readonly Tensor[], attrs: OpAttrs[K], types: readonly Type[], dims: Bindings): readonly Tensor[];
  /** Cotangents of the operands (undefined: none flows) from those of the results. `zero`: none ever flows. */
  readonly grad:
    | "zero"
    | ((
        b: Builder,
        a: { x: readonly Value[]; y: readonly Value[]; dy: readonly (Value | undefined)[]; attrs: OpAttrs[K] },
      ) => readonly (Value | undefined)[]);
}

export type Rows<K extends OpName> = { readonly [P in K]: StructuralRow<P> };

/** Along an axis that an operand may lack. */
export const along = (has: boolean): Along => (has ? "parallel" : "broadcast");

/** An operand whose examples and steps stay in place. By default its `features` do, too. */
export const inPlace = (
  { batch, time, shape }: Type,
  features: (axis: number) => Along = () => "parallel",
): Iteration => ({
  batch: along(batch),
  time: along(time),
  features: shape.map((_, i) => features(i)),
});

/** An operand aligned with the result: by flags and, from the right, by feature axes; those of extent 1 are broadcast. */
export const aligned = (x: Type, result: Type): Iteration =>
  inPlace(x, (i) => {
    const whole = result.shape[i - x.shape.length + result.shape.length];
    return along(dim.isOne(whole) || !dim.isOne(x.shape[i]));
  });

// Where results are zero.
export const whereAny = (is: readonly boolean[]): boolean => is.some(Boolean);
export const whereAll = (is: readonly boolean[]): boolean => is.length > 0 && is.every(Boolean);
