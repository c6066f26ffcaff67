/** The charts of what training steps measured: the same in every report. */
import { type CurveRun, type Mark, trainingMarks } from "../curves.ts";
import type { Chart } from "./page-data.ts";

/** What every chart over training steps has. */
export const overSteps = { xLabel: "training step", xKind: "exact" } as const;

/** The loss and the gradient's norm over the steps. `lines` makes the lines of a chart from the marks of each run. */
export const trainingCharts = (
  lines: (marksOf: (run: CurveRun) => readonly Mark[]) => Chart["lines"],
): readonly Chart[] => [
  {
    title: "Training loss",
    words: "Of each step's batch, with its own statistics; smoothed.",
    ...overSteps,
    yLabel: "training loss",
    yFormat: "number",
    yKind: "fitted",
    lines: lines((run) => trainingMarks(run, ({ loss }) => loss).smoothed),
  },
  {
    title: "Gradient norm",
    words: "L2 norm of the gradient of all parameters, before clipping; smoothed.",
    ...overSteps,
    yLabel: "gradient norm",
    yFormat: "number",
    yKind: "log",
    lines: lines((run) => trainingMarks(run, ({ gradientNorm }) => gradientNorm || undefined).smoothed),
  },
];
