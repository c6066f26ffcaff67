/** The report of an exploration as a page: the conclusion, a table of the placements, the norms' effects, and curves. */
import { type CurveRun, evaluationMarks, type Mark } from "../report/curves.ts";
import type { Chart, ChartLine, EffectChart, ReportRow } from "../report/page/page-data.ts";
import { reportPage } from "../report/page/report-page.ts";
import { overSteps, trainingCharts } from "../report/page/training-charts.ts";
import type { Trivial } from "../training/trivial.ts";
import { type Conclusion, type TestResult, testWords } from "./conclusion.ts";
import { differenceText, valueText } from "./measure-text.ts";
import { placementText } from "./placement.ts";
import type { Ranking, Standing } from "./ranking.ts";
import type { RowRecord } from "./row.ts";
import { isTrivial, rankingTable, rowName } from "./table.ts";

export interface ExplorationPage {
  readonly title: string;
  /** Under the title: task, sizes, settings. */
  readonly facts: readonly string[];
  readonly ranking: Ranking;
  readonly conclusion: Conclusion;
  readonly test: TestResult | undefined;
  readonly rows: readonly RowRecord[];
}

/** As many placements as there are colours that can be told apart. */
const COLOURS = 8;

/** Returns the text of the page. */
export function drawPage({ title, facts, ranking, conclusion, test, rows }: ExplorationPage): string {
  const table = rankingTable(ranking);
  const places = new Map(table.rows.map((row, at) => [rowName(row), at]));
  const coloured = table.rows.filter((row) => !isTrivial(row) && row.rank !== undefined).slice(0, COLOURS);
  const colours = new Map(coloured.map((row, at) => [rowName(row), at]));
  const { sentence, notes, command } = conclusion;
  return reportPage({
    title,
    facts,
    answer: { sentence, notes: [...notes, ...(test ? [testWords(test)] : [])], command },
    columns: table.columns,
    rows: table.rows.map((row) => reportRow(row, ranking, colours.get(rowName(row)))),
    effects: effectChart(ranking),
    charts: charts(ranking, rows, (row) => ({
      row: places.get(placementText(row.placement))!,
      colour: colours.get(placementText(row.placement)),
    })),
  });
}

function reportRow(row: Standing | Trivial, { steps, by }: Ranking, colour: number | undefined): ReportRow {
  const name = rowName(row);
  if (isTrivial(row)) return { name, colour, best: false, bare: true, facets: {}, statuses: ["to compare with"] };
  const { best, baseline, placement, finished, rows, flags, warnings, reasons } = row;
  const left = row.steps < steps && reasons.length === 0;
  const statuses = [
    ...(best ? ["may be the best"] : []),
    ...(baseline ? ["to compare with"] : []),
    finished === rows.length && !left ? "finished" : left ? "fewer steps" : "not finished",
    ...(flags.length > 0 ? ["gradients exploded or vanished"] : []),
    ...(warnings.length > 0 ? ["warnings"] : []),
  ];
  const details = row.bySeed.map(({ seed, value }) => ({
    title: `${by.measure}, seed ${seed}`,
    text: valueText(by.measure, value),
  }));
  return { name, colour, best, bare: baseline, facets: placement, statuses, details, note: warnings.join("\n") };
}

function effectChart({ effects, by, seeds, effectSteps, steps }: Ranking): EffectChart | undefined {
  if (effects.length === 0) return undefined;
  const sites = [...new Set(effects.map(({ site }) => site))];
  const references = [...new Set(effects.map(({ reference }) => reference))];
  const after = effectSteps === steps ? "" : `, after ${effectSteps} steps, which all placements have trained`;
  const known =
    seeds > 1
      ? "with intervals over the seeds that all hold together with 95 %"
      : "with one seed, so that intervals are not known";
  return {
    title: "What each norm does at each site",
    words: `The mean difference to ${references.join(" or ")} at that site, everything else being equal${after}; ${known}. Colour: an interval without 0.`,
    xLabel: `difference in ${by.measure}`,
    format: formatOf(by.measure),
    better: by.direction,
    groups: sites.map((site) => ({
      name: site,
      items: effects
        .filter((effect) => effect.site === site)
        .map(({ norm, difference, placements, unfinished }) => ({
          label: norm,
          mean: difference.mean,
          interval: difference.interval ?? null,
          words: `${differenceText(by.measure, difference)}\nover ${placements} ${placements === 1 ? "pair" : "pairs"} of placements${unfinished > 0 ? `, ${unfinished} more did not finish` : ""}`,
        })),
    })),
  };
}

const formatOf = (measure: string): Chart["yFormat"] => (measure === "accuracy" ? "percent" : "number");

/** Of many rows, each curve has this many points: more are not seen, and the page would grow by megabytes. */
const POINTS = 60_000;

type PlaceOf = (row: RowRecord) => Pick<ChartLine, "row" | "colour">;

function charts({ by, standings, trivial }: Ranking, rows: readonly RowRecord[], placeOf: PlaceOf): readonly Chart[] {
  const drawn = rows.filter(({ points }) => points.length > 0);
  const most = Math.max(20, Math.floor(POINTS / Math.max(1, drawn.length)));
  const lines = (marksOf: (run: CurveRun) => readonly Mark[]): readonly ChartLine[] =>
    drawn.map((row) => {
      const label = `${placementText(row.placement)}, seed ${row.seed}`;
      const marks = thinned(marksOf({ name: label, points: row.points }), most);
      return { ...placeOf(row), label, x: marks.map(({ step }) => step), y: marks.map(({ value }) => short(value)) };
    });
  const { measure } = by;
  const value = trivial?.measures[measure];
  const costs = standings.flatMap(({ placement, cost, measures, rows: own }): readonly ChartLine[] => {
    const row = rows.find(({ number }) => number === own[0]);
    if (!cost || !measures[measure] || row === undefined) return [];
    const [x, y] = [[short(cost.milliseconds)], [short(measures[measure].mean)]];
    return [{ ...placeOf(row), label: placementText(placement), x, y }];
  });
  return [
    {
      title: `Held-out ${measure}`,
      words: "At each evaluation on the validation split, with population statistics. The best eight have colours.",
      ...overSteps,
      yLabel: measure,
      yFormat: formatOf(measure),
      yKind: "fitted",
      dots: "small",
      ...(value !== undefined && {
        rule: { value, label: `${trivial!.predicted[measure]}: ${valueText(measure, value)}` },
      }),
      lines: lines((run) => evaluationMarks([run], measure).marks),
    },
    ...trainingCharts(lines),
    {
      title: "What a step costs and what it gives",
      words: "Milliseconds of a training step on one thread (the quickest), and the last evaluation; means over seeds.",
      xLabel: "milliseconds a training step",
      xKind: "fitted",
      yLabel: measure,
      yFormat: formatOf(measure),
      yKind: "fitted",
      dots: "large",
      lines: costs,
    },
  ];
}

/** Evenly fewer marks, with the first and the last. */
function thinned(marks: readonly Mark[], most: number): readonly Mark[] {
  if (marks.length <= most) return marks;
  const stride = (marks.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, at) => marks[Math.round(at * stride)]);
}

/** Five digits are finer than a pixel. */
const short = (value: number): number => Number(value.toPrecision(5));
