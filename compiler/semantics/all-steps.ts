/**
 * Values that have all steps of a sequence at once: in a cell, those of an input `over time`; in a model, those of `whole(xs)`. The
 * steps are their first feature axis, of the extent `steps`, the most steps that a program can run. To the text it is an axis apart:
 * `time` in a cell, `whole` in a model. `feature`, `first`, `last`, `@` and shapes mean the axes after it.
 *
 * Where a run or an example has fewer steps, the others are absent. What a value holds there is not defined, and no reduction over
 * the axis counts it.
 */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps, STEPS } from "../ir/steps.ts";
import type { Type, Value } from "../ir/types.ts";
import { everyStep } from "./clock.ts";
import { type Context, showShape } from "./context.ts";
import { type Meaning, poison } from "./scope.ts";

const steps = dim.variable(STEPS);

/** What the text calls the axis, and which steps there are. */
export interface AllSteps {
  readonly axis: "time" | "whole";
  /** [batch, steps]: 1 for each step of `v` that an example has, else 0. */
  readonly present: (v: Value) => Value;
}

/** The shape without the axis of all steps. */
export const ownShape = (t: Type): Type["shape"] => (hasAllSteps(t) ? t.shape.slice(1) : t.shape);

/** `own` at each of all steps. */
export const atAllSteps = (own: Type["shape"]): Type["shape"] => [steps, ...own];

/** `own`, after the axis of all steps if `like` has it. */
export const shapeLike = (like: Type, own: Type["shape"]): Type["shape"] => (hasAllSteps(like) ? [steps, ...own] : own);

/** `[A]`, `[A] over time`: a value in the user's terms. */
export const showValue = (t: Type, { allSteps: of }: Context): string =>
  showShape(ownShape(t)) + (hasAllSteps(t) ? ` over ${of?.axis ?? "time"}` : "");

/** All steps of `sequence`, which varies over time. */
export const allStepsOf = (b: Builder, sequence: Value, name: string): Value =>
  b.one("whole", [sequence], { size: dim.show(steps) }, name);

/** Which steps of a time axis there are, computed in `b` once it is asked for. */
export function presentIn(b: Builder): (axis: string | undefined) => Value {
  const known = new Map<string | undefined, Value>();
  return (axis) => {
    // For each example, because their lengths may differ.
    const each = (): Value => b.broadcast(b.scalar(1), { dtype: "f32", time: true, batch: true, shape: [] });
    const made = known.get(axis) ?? allStepsOf(b, axis === undefined ? each() : everyStep(b, axis), "present");
    known.set(axis, made);
    return made;
  };
}

/** The values with unit axes where shapes that are aligned from the right would mistake all steps for features. */
export function together(b: Builder, values: readonly Value[]): readonly Value[] {
  if (!values.some((v) => hasAllSteps(v.type))) return values;
  const rank = Math.max(...values.map((v) => ownShape(v.type).length));
  return values.map((v) => withRank(b, v, rank));
}

/** `v` with unit axes between all its steps and its features, so that it has `rank` of the latter at least. */
export function withRank(b: Builder, v: Value, rank: number): Value {
  const own = ownShape(v.type);
  if (!hasAllSteps(v.type) || own.length >= rank) return v;
  const units = Array.from({ length: rank - own.length }, () => dim.constant(1));
  return b.one("reshape", [v], { shape: [steps, ...units, ...own].map(dim.show) }, v.name);
}

/** `v`, but `absent` at the steps that there are not. What is 0 there already stays as it is. */
export function ofPresent(v: Value, absent: number, { builder: b, allSteps: of }: Context): Value {
  if (of === undefined || (absent === 0 && isZeroOutside(b, v))) return v;
  const [present, x] = together(b, [of.present(v), v]);
  return b.select(present, x, b.scalar(absent));
}

/** Whether `v` is a sequence itself, as `whole` makes it. */
function isZeroOutside(b: Builder | undefined, v: Value): boolean {
  if (b === undefined) return false;
  const op = b.ops.find(({ results }) => results.includes(v));
  return op === undefined ? isZeroOutside(b.parent, v) : op.op === "whole" && v.type.dtype === "f32";
}

/** Reports that `what` cannot be done with a value that has all steps. */
export function refuseAllSteps(what: string, span: Span, of: Span, c: Context): Meaning {
  const axis = c.allSteps?.axis ?? "time";
  c.problems.error("C0238", span, `${what} of all steps of a sequence at once`, {
    help: `reduce over ${axis} first: sum(a * s, over ${axis}); or do it before, in the model, step by step`,
    notes: [{ span: of, message: "this has a value for each step of the sequence" }],
  });
  return poison;
}
