/** Learning curves as one SVG picture: training loss above, what was evaluated below, one colour per run. */

import { COLOURS, drawFigure, type Panel } from "./chart.ts";
import type { CurvePoint } from "./curve-log.ts";
import * as Plot from "./plot.ts";

export interface CurveRun {
  readonly name: string;
  readonly points: readonly CurvePoint[];
}

export interface CurvePicture {
  readonly title: string;
  /** A line under the title: task, sizes, evaluation data. */
  readonly subtitle: string;
  /** At most 8, the number of colours. */
  readonly runs: readonly CurveRun[];
  /** A panel for each: a metric of evaluations, or `loss`. */
  readonly measures: readonly string[];
}

/** The raw loss is thinned to this many points per run: more cannot be seen, and the file would grow by megabytes. */
const RAW_POINTS = 600;

/** Draws the picture as a complete SVG document. */
export function drawCurves({ title, subtitle, runs, measures }: CurvePicture): string {
  return drawFigure({
    title,
    subtitle,
    series: runs.map(({ name }, at) => ({ name, colour: COLOURS[at] })),
    panels: [lossPanel(runs), ...measures.map((measure) => metricPanel(runs, measure))],
  });
}

/** What the evaluations of a curve measured: the loss, and each metric. */
export const measuresOf = (points: readonly CurvePoint[]): readonly string[] => [
  ...new Set(["loss", ...points.flatMap((point) => (point.kind === "evaluation" ? Object.keys(point.metrics) : []))]),
];

/**
 * An exponential moving average with bias correction, so that its first value is the first loss and not a blend with zero: the
 * sum of d^(n−k)·x_k over the sum of d^(n−k).
 */
export function smooth(values: readonly number[], decay: number): readonly number[] {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = decay * sum + value;
    weight = decay * weight + 1;
    return sum / weight;
  });
}

/** A point of a drawn curve. */
export interface Mark {
  readonly run: string;
  readonly step: number;
  readonly value: number;
}

/** A number of each training step, raw and smoothed. Numbers that are not finite are left out, and many points are thinned. */
export function trainingMarks(
  run: CurveRun,
  of: (point: CurvePoint & { readonly kind: "train" }) => number | undefined,
): { readonly raw: readonly Mark[]; readonly smoothed: readonly Mark[] } {
  const values = run.points.flatMap((point): Mark[] => {
    const value = point.kind === "train" ? of(point) : undefined;
    return value !== undefined && Number.isFinite(value) ? [{ run: run.name, step: point.step, value }] : [];
  });
  // A window of a fiftieth of the run: short runs keep their shape, long ones lose their noise.
  const averaged = smooth(
    values.map(({ value }) => value),
    1 - 1 / Math.max(2, values.length / 50),
  );
  const stride = Math.max(1, Math.ceil(values.length / RAW_POINTS));
  const seen = (_: Mark, i: number): boolean => i % stride === 0 || i === values.length - 1;
  return {
    raw: values.filter(seen),
    smoothed: values.map((mark, i) => ({ ...mark, value: averaged[i] })).filter(seen),
  };
}

/** The metric of each evaluation, or its loss if no run has the metric. */
export function evaluationMarks(
  runs: readonly CurveRun[],
  metric: string,
): { readonly name: string; readonly marks: readonly Mark[] } {
  const has = runs.some((run) => run.points.some((point) => point.kind === "evaluation" && metric in point.metrics));
  const marks = runs.flatMap((run) =>
    run.points.flatMap((point): Mark[] => {
      if (point.kind !== "evaluation") return [];
      const value = has ? point.metrics[metric] : point.loss;
      return Number.isFinite(value) ? [{ run: run.name, step: point.step, value }] : [];
    }),
  );
  return { name: has ? metric : "loss", marks };
}

/** The axis of training steps that all runs share. */
export function stepAxis(runs: readonly CurveRun[]): Panel["x"] {
  const last = runs.map((run) => run.points.reduce((most, point) => Math.max(most, point.step), 0));
  return { label: "training step", domain: [0, Math.max(1, ...last)] };
}

/** The axis of a metric: accuracies are between 0 and 1. */
export const metricAxis = (metric: string): Panel["y"] =>
  metric === "accuracy" ? { domain: [0, 1], tickFormat: "%" } : { zero: true };

const zero = Plot.ruleY([0], { stroke: "#8c959f" });

function lossPanel(runs: readonly CurveRun[]): Panel {
  const marks = runs.map((run) => trainingMarks(run, ({ loss }) => loss));
  const line = { x: "step", y: "value", z: "run", stroke: "run" } as const;
  return {
    label: "training loss (batch statistics)",
    x: stepAxis(runs),
    y: { zero: true },
    marks: [
      zero,
      Plot.lineY(
        marks.flatMap(({ raw }) => raw),
        { ...line, strokeOpacity: 0.22, strokeWidth: 1 },
      ),
      Plot.lineY(
        marks.flatMap(({ smoothed }) => smoothed),
        { ...line, strokeWidth: 2.2 },
      ),
    ],
  };
}

function metricPanel(runs: readonly CurveRun[], metric: string): Panel {
  const { name, marks } = evaluationMarks(runs, metric);
  return {
    label: `${name} on held-out examples (population statistics)`,
    x: stepAxis(runs),
    y: metricAxis(name),
    marks: [
      zero,
      Plot.lineY(marks, { x: "step", y: "value", z: "run", stroke: "run", strokeWidth: 2.2 }),
      Plot.dot(marks, { x: "step", y: "value", fill: "run", r: 3.2 }),
    ],
  };
}
