/** What a row's gradient norms show: that gradients exploded or vanished on the way. */
import type { CurvePoint } from "../report/curve-log.ts";
import { median } from "../statistics/quantile.ts";

export interface GradientFlag {
  readonly kind: "exploded" | "vanished";
  /** The first step that shows it. */
  readonly step: number;
  /** The gradient's norm at that step, or its median there, as a multiple of the median of the first steps. */
  readonly factor: number;
}

/** How many steps are the start, and how many the present: single batches say little. */
const WINDOW = 20;
/** Between good steps, the norm varies by some ten times. */
const EXPLODED = 1e3;
const VANISHED = 1e-6;
/** With a loss of less than this share of its start, there is little left to learn, and small gradients are right. */
const LEARNT = 0.1;

/** The flags of a curve, each at most once; none for fewer than 20 steps with a gradient norm. */
export function gradientFlags(points: readonly CurvePoint[]): readonly GradientFlag[] {
  const steps = points.flatMap((point) =>
    point.kind === "train" && point.gradientNorm !== undefined
      ? [{ step: point.step, loss: point.loss, norm: point.gradientNorm }]
      : [],
  );
  if (steps.length < WINDOW) return [];
  const start = steps.slice(0, WINDOW);
  const usual = median(start.map(({ norm }) => norm).filter((norm) => Number.isFinite(norm)));
  if (!(usual > 0)) return [];
  const startLoss = median(start.map(({ loss }) => loss));
  // A norm that is not finite has overflowed.
  const burst = steps.find(({ norm }) => !(norm <= EXPLODED * usual));
  const faded = steps.findIndex((_, at) => {
    if (at < 2 * WINDOW - 1) return false;
    const present = steps.slice(at - WINDOW + 1, at + 1);
    const now = median(present.map(({ norm }) => norm));
    return now < VANISHED * usual && median(present.map(({ loss }) => loss)) > LEARNT * startLoss;
  });
  return [
    ...(burst ? [{ kind: "exploded", step: burst.step, factor: burst.norm / usual } as const] : []),
    ...(faded >= 0 ? [{ kind: "vanished", step: steps[faded].step, factor: steps[faded].norm / usual } as const] : []),
  ];
}
