/** Draws population statistics over the steps, like figure 5 of the paper: a thin line for each unit, and their median. */

import { COLOURS, drawFigure, type Panel } from "../report/chart.ts";
import * as Plot from "../report/plot.ts";
import { median } from "./quantile.ts";
import { rowOf, type Statistic } from "./statistic.ts";

/** More lines than this cannot be distinguished; then only every second, third, … unit is drawn. */
const LINES = 100;

/** Longer sequences are drawn on a logarithmic axis of steps: the interesting part is the first twenty. */
const LONG = 100;

/** Largest number of points of a line, approximately. */
const POINTS = 160;

/** Variances that differ by more than this factor are drawn on a logarithmic axis. */
const WIDE = 30;

/** Variances below this fraction of ε make no difference to the norm. They are drawn as equal, or rounding errors would fill the axis. */
const LEAST = 0.01;

const UNIT = "a unit";
const MEDIAN = "median over units";

/** Draws a row of panels per site if each has two statistics, or else one column. `steps`: length of the training sequences. */
export function drawStatistics(
  statistics: readonly Statistic[],
  { title, subtitle, steps }: { readonly title: string; readonly subtitle: string; readonly steps: number },
): string {
  const known = statistics.filter(({ is }) => is !== "other");
  const sites = [...new Set(known.map(({ site }) => site))];
  const rows = sites.map((site) => meansFirst(known.filter((statistic) => statistic.site === site)));
  const panels = rows.flat().map((statistic) => statisticPanel(statistic, steps));
  const [blue, orange] = COLOURS;
  const series = [
    { name: UNIT, colour: blue },
    { name: MEDIAN, colour: orange },
  ];
  return drawFigure({ title, subtitle, series, panels, columns: rows.every((row) => row.length === 2) ? 2 : 1 });
}

const meansFirst = (statistics: readonly Statistic[]): readonly Statistic[] =>
  statistics.toSorted((a, b) => Number(b.is === "mean") - Number(a.is === "mean"));

function statisticPanel(statistic: Statistic, steps: number): Panel {
  const { site, is, rows, units, batches } = statistic;
  const long = steps > LONG;
  // A statistic that all steps share is a horizontal line.
  const shown =
    rows === 1
      ? [0, 0]
      : rowsShown(
          batches.map((_, row) => row).filter((row) => batches[row] > 0),
          long,
        );
  const stepOf = (at: number): number => (rows === 1 ? [1, steps][at] : shown[at] + 1);
  const values = shown.map((row) => rowOf(statistic, row));
  const positive = values.flatMap((row) => [...row].filter((value) => value > 0 && Number.isFinite(value)));
  const [lowest, most] = positive.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, 0]);
  const least = is === "variance" ? Math.max(lowest, LEAST * (statistic.epsilon ?? 0)) : lowest;
  const log = is !== "mean" && most > WIDE * least;
  // A logarithmic axis has no zero: smaller values are drawn at its lower end.
  const drawn = (value: number): number => (log ? Math.max(value, least) : value);
  const every = Math.ceil(units / LINES);
  const lines = values.flatMap((row, at) =>
    [...row].flatMap((value, unit) =>
      unit % every === 0 ? [{ step: stepOf(at), value: drawn(value), unit, line: UNIT }] : [],
    ),
  );
  const middle = values.map((row, at) => ({ step: stepOf(at), value: drawn(median(row)), line: MEDIAN }));
  const of = every === 1 ? "" : `, ${Math.ceil(units / every)} of ${units} units`;
  return {
    label: `${site}: ${is}${of}`,
    x: { label: "step t", domain: [1, Math.max(2, steps)], ...(long && { type: "log", tickFormat: "~s", ticks: 4 }) },
    y: log ? { type: "log", tickFormat: "~e", nice: false } : { zero: is !== "mean" },
    marks: [
      Plot.lineY(lines, { x: "step", y: "value", z: "unit", stroke: "line", strokeWidth: 0.6, strokeOpacity: 0.35 }),
      Plot.lineY(middle, { x: "step", y: "value", stroke: "line", strokeWidth: 2.2 }),
    ],
  };
}

/** Picks at most about POINTS rows, spaced evenly or, for long sequences, evenly by their logarithms. */
function rowsShown(rows: readonly number[], long: boolean): readonly number[] {
  if (rows.length <= POINTS) return rows;
  const ratio = long ? rows.length ** (1 / POINTS) : 1;
  const kept: number[] = [];
  for (let at = 0; at < rows.length; at = Math.max(at + 1, Math.floor((at + 1) * ratio))) kept.push(rows[at]);
  return kept.at(-1) === rows.at(-1) ? kept : [...kept, rows[rows.length - 1]];
}
