/**
 * What a row of the op table says. Its first half holds for every op and is what verifier, passes, proofs and kernels ask: they keep
 * no lists of ops of their own, and refuse an op that has no row. The second half is what the op computes.
 *
 * A trait that a row leaves out does not hold: what needs it then does without.
 */
import type { Schema } from "../attributes.ts";
import type { Builder } from "../builder.ts";
import * as dim from "../dim.ts";
import type { Range } from "../range.ts";
import type { Bindings, Tensor } from "../tensor.ts";
import type { Op, OpAttrs, OpName, Type, Value } from "../types.ts";

/**
 * How results depend on an operand along one of its axes (as MLIR's Linalg says it with indexing maps and iterator types):
 *
 * - `parallel`: the result has the axis, and its element i reads element i only;
 * - `broadcast`: the operand lacks the axis or has one element along it, which all of the result's read;
 * - `reduce`: the result lacks the axis, and reads all elements along it;
 * - `scan`: element i reads elements up to i, or from i on;
 * - `gather`: which element is read depends on i in another way, or on numbers. So also where the operand lacks the axis and the
 *   result is not the same all along it.
 */
export type Along = "parallel" | "broadcast" | "reduce" | "scan" | "gather";

/** How results depend on one operand. */
export interface Iteration {
  readonly batch: Along;
  readonly time: Along;
  /** For each feature axis of the operand. */
  readonly features: readonly Along[];
}

/** How the entries along reduced axes become one: by their sum, as the largest of them, or as the position of that. */
export type Combining = "sum" | "largest" | "position";

/**
 * What kernels make of an op:
 *
 * - `view`: nothing; it says how other values are read;
 * - `point`: each element is computed by itself, where it is used or in a loop over all;
 * - `reduction`: a loop over what its axes reduce; `partial` over a part of the batch;
 * - `contraction`: a product's loops over what two operands share;
 * - `scatter`: a loop over all that may be added to an element;
 * - `loop`: kernels run once a step;
 * - `expanded`: none; a pass has replaced it by other ops before.
 */
export type Form = "view" | "point" | "reduction" | "partial" | "contraction" | "scatter" | "loop" | "expanded";

/** An op about whose results' range its row is asked. */
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
  /** How the results depend on each operand. Axes that attributes name are said of operands that lack them, too. */
  axes(x: readonly Type[], attrs: A): readonly Iteration[];
  /** The range of its results, all of which have the same, from those of its operands. */
  range(x: readonly Range[], of: Ranged<A>): Range;
  readonly form: Form;
  /** Of an op that reduces. */
  readonly combines?: Combining;
  /** Its two operands may change places. */
  readonly commutative?: true;
  /** Whether the result is zero where these operands are, and the others finite. */
  zero?(is: readonly boolean[]): boolean;
  /** Operands of which a small difference may make any of the result: what is compared, and what divides and may be nearly zero. */
  readonly exact?: readonly number[];
  /** Flops an element to compute it again for the backward pass; absent: it is kept. */
  readonly recompute?: number;
  /** The derivative takes the result for a constant, although it varies with the operands. */
  readonly held?: true;
  /** The same as a loop, of an op that scans time: adds it, and returns what stands for the results. */
  asLoop?(b: Builder, x: readonly Value[], attrs: A): readonly Value[];
  /** It reads entries below `below` of `of` entries. */
  selects?(x: readonly Type[], attrs: A): { readonly below: dim.Dim; readonly of: dim.Dim };
  /** The result is 1 or 0, and says where something holds. */
  readonly indicator?: true;
}

/** A row of an op that is no elementwise one. */
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

/** An operand whose examples and steps stay where they are; `features` do, too, if nothing else is said. */
export const inPlace = (
  { batch, time, shape }: Type,
  features: (axis: number) => Along = () => "parallel",
): Iteration => ({
  batch: along(batch),
  time: along(time),
  features: shape.map((_, i) => features(i)),
});

/** An operand that is aligned with the result: by flags, and from the right by feature axes, of which those of extent 1 stretch. */
export const aligned = (x: Type, result: Type): Iteration =>
  inPlace(x, (i) => {
    const whole = result.shape[i - x.shape.length + result.shape.length];
    return along(dim.isOne(whole) || !dim.isOne(x.shape[i]));
  });

// Where results are zero.
export const whereAny = (is: readonly boolean[]): boolean => is.some(Boolean);
export const whereAll = (is: readonly boolean[]): boolean => is.length > 0 && is.every(Boolean);
