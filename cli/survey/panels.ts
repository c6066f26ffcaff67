/** A picture of a data set: its series and histograms, the lengths of its sequences, its classes and symbols. */
import { COLOURS, drawFigure, type Panel } from "../report/chart.ts";
import * as Plot from "../report/plot.ts";
import { INK } from "../report/svg.ts";
import { type Bins, lengthBins, valueBins } from "./bins.ts";
import { balanceOf, targetsOf } from "./findings.ts";
import { amount, percent, symbolText, whole } from "./numbers.ts";
import type { FoundData } from "./open-survey.ts";
import type { Proposal } from "./proposal.ts";
import type { FieldTally, Survey } from "./survey.ts";

/** Columns that are drawn. */
const MOST_COLUMNS = 6;

/** Bars of a histogram. */
const BINS = 40;

/** Classes or symbols that have a bar. */
const MOST_BARS = 10;

const BAR = "#9ec9e2";

/** The picture as a complete SVG document. */
export function drawSurvey({ survey, name, format }: FoundData, proposal: Proposal | undefined): string {
  const targets = new Set(proposal === undefined ? [] : targetsOf(proposal));
  const fields = [...survey.fields.values()];
  const numbers = fields
    .filter(({ numbers: [first] }) => first !== undefined && first.moments.count > 0)
    // What is predicted is drawn first.
    .toSorted((a, b) => Number(targets.has(b.name)) - Number(targets.has(a.name)));
  const isClassified = proposal?.kind === "classification" || proposal?.kind === "tagging";
  const panels: Panel[] = [];
  if (survey.lengths.size > 1)
    panels.push(histogram("sequences", "steps of a sequence", lengthBins(survey.lengths, BINS)));
  if (isClassified)
    for (const target of targets) {
      const perSequence = proposal.kind === "classification";
      const { counts, total } = balanceOf(survey.fields.get(target)!, perSequence);
      panels.push(bars(`classes of ${target}`, `share of ${perSequence ? "sequences" : "steps"}`, counts, total));
    }
  for (const tally of fields) {
    if (tally.field.kind !== "symbol" || (isClassified && targets.has(tally.name)) || tally.symbols.distinct === 0)
      continue;
    const { counts } = tally.symbols;
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    panels.push(bars(`symbols of ${tally.name}`, "share of all", counts, total));
  }
  for (const tally of numbers.slice(0, MOST_COLUMNS)) {
    if (tally.field.over === "steps") panels.push(series(tally, survey));
    const [{ sample }] = tally.numbers;
    if (sample !== undefined)
      panels.push(histogram(`share of ${columnName(tally)}`, columnName(tally), valueBins(sample.values, BINS), true));
  }
  const { sequences, steps } = survey;
  const more = numbers.length > MOST_COLUMNS ? `; ${MOST_COLUMNS} of ${whole(numbers.length)} columns are drawn` : "";
  return drawFigure({
    title: name,
    subtitle: `${format}: ${amount(steps, "step")} in ${amount(sequences, "sequence")}${more}`,
    series: [],
    panels,
    columns: Math.min(2, panels.length),
  });
}

/** Of a column with several numbers, the first is drawn. */
const columnName = ({ name, width }: FieldTally): string => (width === 1 ? name : `${name}[0]`);

function series(tally: FieldTally, { time, sequences }: Survey): Panel {
  const [{ traces }] = tally.numbers;
  const dates = time?.areDates === true && sequences === 1 ? time.trace.points : undefined;
  const points = traces.flatMap((trace, run) =>
    trace.points.map(({ step, mean, least, most }) => ({
      x: dates === undefined ? step : new Date(dates.findLast((date) => date.step <= step)!.mean),
      ...{ mean, least, most },
      colour: COLOURS[run],
    })),
  );
  const first = sequences > traces.length ? `, of ${traces.length} sequences` : "";
  return {
    label: `${columnName(tally)}${first}`,
    x: dates === undefined ? { label: "step", ticks: 5 } : { label: time!.name, type: "utc", ticks: 5 },
    y: {},
    marks: [
      ...(traces.length === 1
        ? [Plot.areaY(points, { x: "x", y1: "least", y2: "most", fill: BAR, fillOpacity: 0.6 })]
        : []),
      Plot.lineY(points, { x: "x", y: "mean", z: "colour", stroke: ({ colour }) => colour, strokeWidth: 1.4 }),
    ],
  };
}

function histogram(label: string, of: string, { edges, counts }: Bins, isShare = false): Panel {
  const total = isShare ? counts.reduce((sum, count) => sum + count, 0) : 1;
  const rows = counts.map((count, i) => ({ from: edges[i], to: edges[i + 1], count: count / total }));
  return {
    label,
    x: { label: of, ...ticksOf(edges) },
    y: { zero: true, ...(isShare && { tickFormat: "%" }) },
    marks: [
      Plot.rectY(rows, { x1: "from", x2: "to", y: "count", fill: COLOURS[0], inset: 0.5 }),
      Plot.ruleY([0], { stroke: "#8c959f" }),
    ],
  };
}

/** Bins of whole numbers have their numbers below them. */
const ticksOf = (
  edges: readonly number[],
): { readonly ticks: number | readonly number[]; readonly tickFormat?: string } =>
  edges.length <= BINS / 4 && edges[0] % 1 !== 0 && edges[1] - edges[0] === 1
    ? { ticks: edges.slice(0, -1).map((edge) => edge + 0.5), tickFormat: "d" }
    : { ticks: 6 };

function bars(label: string, of: string, counts: readonly (readonly [string, number])[], total: number): Panel {
  const rows = counts.slice(0, MOST_BARS).map(([value, count], place) => ({
    place,
    share: count / total,
    words: `${symbolText(value)}  ${percent(count / total)}`,
  }));
  const more = counts.length > MOST_BARS ? `, the first ${MOST_BARS} of ${whole(counts.length)}` : "";
  return {
    label: "",
    x: { label: of, tickFormat: "%", ticks: 5, zero: true },
    y: { axis: null, grid: false, type: "band", domain: Array.from({ length: Math.max(rows.length, 5) }, (_, i) => i) },
    marks: [
      Plot.barX(rows, { x: "share", y: "place", fill: BAR }),
      Plot.text(rows, { x: 0, y: "place", text: "words", textAnchor: "start", dx: 6, fill: INK }),
      Plot.text([`${label}${more}`], { frameAnchor: "top-left", dx: -46, dy: -29, fill: INK }),
    ],
  };
}
