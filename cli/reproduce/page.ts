/** The report of a study: the paper's numbers beside ours, what it claims, and learning curves. */

import { differenceText, measureText, NOTHING, valueText } from "../explore/measure-text.ts";
import { formatCount, formatSeconds } from "../output.ts";
import { COLOURS } from "../report/chart.ts";
import type { Chart, Column } from "../report/page/page-data.ts";
import { reportPage } from "../report/page/report-page.ts";
import { overSteps } from "../report/page/training-charts.ts";
import { baselineOf, differenceToBaseline, type Finding } from "./claims.ts";
import type { RunResult } from "./results.ts";
import { findingText } from "./said.ts";
import type { ScaleName, Study } from "./study.ts";
import type { VariantSummary } from "./summary.ts";

export interface StudyReport {
  readonly study: Study;
  readonly scale: ScaleName;
  /** What each point was read as. */
  readonly readings: Readonly<Record<string, string>>;
  readonly runs: readonly RunResult[];
  readonly summaries: readonly VariantSummary[];
  readonly findings: readonly Finding[];
}

/** The columns of the table, a row for each variant: for the page and for the terminal. */
export function studyColumns({ study, runs, summaries }: StudyReport): readonly Column[] {
  const { measure } = study.measure;
  const column = (
    title: string,
    numeric: boolean,
    cell: (summary: VariantSummary) => readonly [key: number | string | undefined, text: string],
  ): Column => {
    const cells = summaries.map(cell);
    return { title, numeric, keys: cells.map(([key]) => key), texts: cells.map(([, text]) => text) };
  };
  const seedsText = (seeds: readonly number[]): string =>
    seeds.length === 0 ? "" : seeds.length === 1 ? ` (seed ${seeds[0]})` : ` (seeds ${seeds.join(", ")})`;
  return [
    column("model", false, ({ variant }) => [variant, variant]),
    column("paper, test", true, ({ published }) => [
      published,
      published === undefined ? NOTHING : valueText(measure, published),
    ]),
    column("ours, test", true, ({ test }) => [
      test?.mean,
      `${measureText(measure, test)}${seedsText(test?.seeds ?? [])}`,
    ]),
    column("validation", true, ({ validation }) => [
      validation?.mean,
      validation === undefined
        ? NOTHING
        : `${measureText(measure, validation)}${seedsText(validation.seeds)} at ${formatCount(validation.step)}`,
    ]),
    column("to baseline", true, ({ variant }) => {
      const found = differenceToBaseline(study, variant, runs);
      if (found === undefined) return [undefined, NOTHING];
      const { step, difference } = found;
      const to = baselineOf(study, variant);
      return [difference.mean, `${differenceText(measure, difference)} at ${formatCount(step)} to ${to}`];
    }),
    column("iterations", true, ({ steps }) => [steps, formatCount(steps)]),
    column("time", true, ({ seconds }) => [seconds, formatSeconds(seconds)]),
    column("remarks", false, ({ title, diverged }) => {
      const text = diverged.length === 0 ? title : `${title}; diverged with${seedsText(diverged).replace(/[()]/g, "")}`;
      return [text, text];
    }),
  ];
}

/** Returns the text of the page. */
export function drawStudy(report: StudyReport): string {
  const { study, scale, readings, summaries, findings } = report;
  return reportPage({
    title: `${study.title}, reproduced: ${scale}`,
    facts: [
      `Cooijmans et al. 2016, section ${study.section}. This scale: ${study.scales[scale].cut}.`,
      ...readingWords(study, readings),
      ...study.notes,
      "± is the deviation of a seed, and brackets are 95 % intervals over seeds.",
    ],
    ...(findings.length > 0 && {
      answer: { sentence: findings.map(findingText).join(" "), notes: findings.map(({ seen }) => `${seen}.`) },
    }),
    columns: studyColumns(report),
    rows: summaries.map(({ variant }, at) => ({
      ...{ name: variant, colour: at < COLOURS.length ? at : undefined, best: false, bare: variant === study.baseline },
      facets: {},
      statuses: [variant === study.baseline ? "to compare with" : "compared"],
    })),
    charts: charts(report),
  });
}

/** A line, if the study leaves a choice at all. */
export function readingWords(study: Study, readings: Readonly<Record<string, string>>): readonly string[] {
  const each = Object.entries(readings).map(
    ([name, choice]) => `${name}: ${study.readings[name].choices[choice].words} (${choice})`,
  );
  return each.length === 0 ? [] : [`Where text and code leave a choice: ${each.join("; ")}.`];
}

function charts({ study, runs, summaries }: StudyReport): readonly Chart[] {
  const { measure } = study.measure;
  const place = (variant: string): number => summaries.findIndex((summary) => summary.variant === variant);
  const colour = (variant: string) => (place(variant) < COLOURS.length ? place(variant) : undefined);
  const lines = (of: (run: RunResult) => readonly (readonly [step: number, value: number])[]): Chart["lines"] =>
    runs.map((run) => {
      const points = of(run).filter(([, value]) => Number.isFinite(value));
      return {
        ...{ row: place(run.variant), colour: colour(run.variant), label: `${run.variant}, seed ${run.seed}` },
        x: points.map(([step]) => step),
        y: points.map(([, value]) => Number(value.toPrecision(5))),
      };
    });
  return [
    {
      title: `Validation ${measure}`,
      words: "At each evaluation, with population statistics. A line for each seed.",
      ...overSteps,
      yLabel: measure,
      yFormat: measure === "accuracy" ? "percent" : "number",
      yKind: "fitted",
      dots: "small",
      lines: lines((run) => run.evaluations.map(({ step, measures }) => [step, measures[measure]] as const)),
    },
    {
      title: "Training loss",
      words: "Means over stretches of steps, each batch with its own statistics.",
      ...overSteps,
      yLabel: "training loss",
      yFormat: "number",
      yKind: "fitted",
      lines: lines((run) => run.training.map(({ step, loss }) => [step, loss] as const)),
    },
    {
      title: "Gradient norm",
      words: "L2 norm of the gradient of all parameters, before clipping; means over stretches of steps.",
      ...overSteps,
      yLabel: "gradient norm",
      yFormat: "number",
      yKind: "log",
      lines: lines((run) =>
        run.training.flatMap(({ step, gradientNorm }) => (gradientNorm ? [[step, gradientNorm] as const] : [])),
      ),
    },
  ];
}
