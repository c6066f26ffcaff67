/** Runs side by side as a page: a table of their results, and their curves. */
import type { RankedBy } from "../explore/measure.ts";
import { NOTHING, valueText } from "../explore/measure-text.ts";
import { formatCount, formatSeconds } from "../output.ts";
import { type CurveRun, evaluationMarks, type Mark } from "../report/curves.ts";
import type { Chart, Column } from "../report/page/page-data.ts";
import { reportPage } from "../report/page/report-page.ts";
import { overSteps, trainingCharts } from "../report/page/training-charts.ts";
import { type ComparedRun, differsText, metricsOf, type RunResult } from "./compared-run.ts";

const COLOURS = 8;

/** The columns of the table: for the page and for the terminal. */
export function resultColumns(results: readonly RunResult[], { measure }: RankedBy): readonly Column[] {
  const column = (
    title: string,
    numeric: boolean,
    cell: (result: RunResult) => readonly [key: number | string | undefined, text: string],
  ): Column => {
    const cells = results.map(cell);
    return { title, numeric, keys: cells.map(([key]) => key), texts: cells.map(([, text]) => text) };
  };
  const names = [...new Set(results.flatMap(({ last }) => Object.keys(last)))];
  const order = (name: string): number => (name === measure ? 0 : name === "loss" ? 2 : 1);
  const measures = names.sort((a, b) => order(a) - order(b));
  const value = (name: string) =>
    column(name, true, ({ last }) => [last[name], name in last ? valueText(name, last[name]) : NOTHING]);
  return [
    column("run", false, ({ name }) => [name, name]),
    column("model", false, ({ model }) => [model, model]),
    column("task", false, ({ task }) => [task, task]),
    ...measures.map(value),
    column(`best ${measure}`, true, ({ best }) => [
      best?.value,
      best === undefined ? NOTHING : `${valueText(measure, best.value)} (step ${formatCount(best.step)})`,
    ]),
    column("steps", true, ({ steps }) => [steps, formatCount(steps)]),
    column("time", true, ({ seconds }) => [seconds, formatSeconds(seconds)]),
    column("status", false, ({ status }) => [status, status]),
    column("seed", true, ({ seed }) => [seed, String(seed)]),
    column("remarks", false, (result) => [differsText(result), differsText(result)]),
  ];
}

export interface ComparisonPage {
  readonly runs: readonly ComparedRun[];
  /** Best first. */
  readonly results: readonly RunResult[];
  readonly by: RankedBy;
  readonly sentence: string;
  readonly notes: readonly string[];
}

/** Returns the text of the page. */
export function drawComparison({ runs, results, by, sentence, notes }: ComparisonPage): string {
  const tasks = [...new Set(results.map(({ task }) => task))];
  return reportPage({
    title: `${results.length} runs on ${tasks.join(", ")}`,
    facts: ["Measured at each run's last evaluation. Remarks are the options that are not the same for all runs."],
    answer: { sentence, notes },
    columns: resultColumns(results, by),
    rows: results.map(({ name, model, task, status }, at) => ({
      ...{ name, colour: at < COLOURS ? at : undefined, best: at === 0, bare: false },
      facets: { model, task },
      statuses: [status],
    })),
    charts: charts(runs, results, by),
  });
}

function charts(runs: readonly ComparedRun[], results: readonly RunResult[], { measure }: RankedBy): readonly Chart[] {
  const lines = (marksOf: (run: CurveRun) => readonly Mark[]): Chart["lines"] =>
    results.map(({ name }, at) => {
      const marks = marksOf(runs.find((run) => run.name === name)!);
      return {
        ...{ row: at, colour: at < COLOURS ? at : undefined, label: name },
        x: marks.map(({ step }) => step),
        y: marks.map(({ value }) => Number(value.toPrecision(5))),
      };
    });
  const heldOut = drawnMeasures(runs, measure).map(
    (name): Chart => ({
      title: `Held-out ${name}`,
      words: "At each evaluation, with population statistics.",
      ...overSteps,
      yLabel: name,
      yFormat: name === "accuracy" ? "percent" : "number",
      yKind: "fitted",
      dots: "small",
      lines: lines((run) => evaluationMarks([run], name).marks.filter(() => has(run, name))),
    }),
  );
  return [...heldOut, ...trainingCharts(lines)];
}

/** What has a curve of its own: what ranks, the other metrics, and the loss. */
export const drawnMeasures = (runs: readonly ComparedRun[], ranking: string): readonly string[] => [
  ...new Set([ranking, ...metricsOf(runs), "loss"]),
];

/** Whether a run measures this: another one is no curve of it. */
const has = ({ points }: CurveRun, measure: string): boolean =>
  measure === "loss" || points.some((point) => point.kind === "evaluation" && measure in point.metrics);
