/** The axis of all steps of a sequence: a feature axis whose extent is the number of steps that a program is compiled for. */
import * as dim from "./dim.ts";
import type { Graph, Op, Type } from "./types.ts";

/** The dimension that is that number. */
export const STEPS = "steps";

const steps = dim.variable(STEPS);

/** Whether a value has all steps of a sequence as its first feature axis. */
export const hasAllSteps = ({ shape }: Pick<Type, "shape">): boolean => shape.length > 0 && dim.equal(shape[0], steps);

const isOfSteps = (d: dim.Dim): boolean => dim.names(d).includes(STEPS);

export const hasSteps = ({ shape }: Type): boolean => shape.some(isOfSteps);

/**
 * Whether a value has features at each of all steps. If there is one for each step of a loop, all of them take memory that grows with
 * the square of the sequence's length, for each feature.
 */
export const isSquare = ({ shape }: Type): boolean =>
  shape.some(isOfSteps) && shape.some((d) => !isOfSteps(d) && !dim.isOne(d));

/** Whether some value of `graph` has such an axis, so that there is a limit on the steps of a run. */
export function hasStepLimit({ ops, norms }: Graph): boolean {
  const has = (op: Op): boolean =>
    op.results.some(({ type }) => type.shape.some(isOfSteps)) || (op.body?.ops.some(has) ?? false);
  return ops.some(has) || [...norms.values()].some(hasStepLimit);
}
