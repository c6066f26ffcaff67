/** A study as a picture: results along what its variants vary, and learning curves, a line for each seed. */
import { COLOURS, drawFigure, type Panel } from "../report/chart.ts";
import { metricAxis } from "../report/curves.ts";
import * as Plot from "../report/plot.ts";
import type { StudyReport } from "./page.ts";

/** Returns an SVG document. */
export function drawStudyPicture({ study, scale, runs, summaries }: StudyReport): string {
  const { measure } = study.measure;
  const { axis } = study;
  // What tells models apart would be lost on an axis from zero, but for a share.
  const y: Panel["y"] = { ...metricAxis(measure), zero: false };
  const seriesOf = (variant: string): string => (axis && study.variants[variant].at?.series) ?? variant;
  const names = [...new Set(summaries.map(({ variant }) => seriesOf(variant)))];
  return drawFigure({
    title: study.title,
    subtitle: `${scale}: ${study.scales[scale].cut}`,
    series: names.map((name, at) => ({ name, colour: COLOURS[at % COLOURS.length] })),
    panels: axis === undefined ? [curves()] : [along(axis)],
  });

  /** Evaluations over the iterations. */
  function curves(): Panel {
    const marks = runs.flatMap(({ variant, seed, evaluations }) =>
      evaluations.map(({ step, measures }) => ({ run: `${variant}-${seed}`, variant, step, value: measures[measure] })),
    );
    return {
      label: `${measure} on validation examples, population statistics`,
      x: { label: "iteration", domain: [0, Math.max(1, ...marks.map(({ step }) => step))] },
      y,
      marks: [
        Plot.lineY(marks, { x: "step", y: "value", z: "run", stroke: "variant", strokeWidth: 2 }),
        Plot.dot(marks, { x: "step", y: "value", fill: "variant", r: 2.6 }),
      ],
    };
  }

  /** Test results over what varies: a dot for each seed, lines through the means. */
  function along({ label, type }: NonNullable<typeof axis>): Panel {
    const place = (variant: string) => ({ series: seriesOf(variant), x: study.variants[variant].at?.x });
    const means = summaries.flatMap(({ variant, test }) => (test ? [{ ...place(variant), value: test.mean }] : []));
    const dots = runs.flatMap(({ variant, test }) => (test ? [{ ...place(variant), value: test[measure] }] : []));
    const ticks = [...new Set(means.map(({ x }) => x))];
    return {
      label: `${measure} on test examples`,
      x: { label, type, ticks, tickFormat: String },
      y,
      marks: [
        Plot.lineY(means, { x: "x", y: "value", z: "series", stroke: "series", strokeWidth: 2.2 }),
        Plot.dot(dots, { x: "x", y: "value", fill: "series", r: 3 }),
      ],
    };
  }
}
