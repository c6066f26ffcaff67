/** Which programs have a limit on the steps of a run: those with all steps of a sequence along an axis. */
import * as dim from "./ir/dim.ts";
import type { Graph, Op } from "./ir/types.ts";

/** The dimension that is the number of steps that a program is compiled for. */
const STEPS = "steps";

/** Whether some value of `graph` has an axis of all steps. */
export function hasStepLimit({ ops, norms }: Graph): boolean {
  const has = (op: Op): boolean =>
    op.results.some(({ type }) => type.shape.some((d) => dim.names(d).includes(STEPS))) ||
    (op.body?.ops.some(has) ?? false);
  return ops.some(has) || [...norms.values()].some(hasStepLimit);
}
