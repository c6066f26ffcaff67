/** The report as one self-contained HTML page: a table of the placements, their curves, and the cost of a step. */

import { COLOURS, drawPanel, type Panel, type Series } from "../report/chart.ts";
import { type CurveRun, evaluationMarks, metricAxis, stepAxis, trainingMarks } from "../report/curves.ts";
import * as Plot from "../report/plot.ts";
import { blankDocument, INK, PALE_INK } from "../report/svg.ts";
import type { Ranking } from "./ranking.ts";
import type { RowRecord } from "./row.ts";
import { placementText } from "./rows.ts";
import { rankingTable } from "./table.ts";

export interface ReportPage {
  readonly title: string;
  /** Under the title: task, sizes, settings. */
  readonly facts: readonly string[];
  readonly ranking: Ranking;
  readonly rows: readonly RowRecord[];
}

/** The colour of placements that have none of their own. */
const PALE = "#c9ced6";

const STYLE = `
body { font: 15px/1.5 'Inter', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif; color: ${INK}; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0.2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 0.2rem; }
p { color: ${PALE_INK}; margin: 0.2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; margin-top: 1rem; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; white-space: nowrap; border-bottom: 1px solid #eaeef2; }
th { font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:hover { background: #f6f8fa; }
.colour { display: inline-block; width: 1rem; height: 0.3rem; vertical-align: middle; }
svg { max-width: 100%; height: auto; }
.chosen { stroke: #000000; stroke-width: 4px; stroke-opacity: 1; }
`;

/** Highlights the curves of the table row under the pointer: their titles begin with its placement. */
const SCRIPT = `
for (const row of document.querySelectorAll("tbody tr")) {
  const own = () => [...document.querySelectorAll("svg title")]
    .filter((title) => title.textContent === row.dataset.placement || title.textContent.startsWith(row.dataset.placement + ", "))
    .map((title) => title.parentNode);
  row.addEventListener("mouseenter", () => own().forEach((mark) => mark.classList.add("chosen")));
  row.addEventListener("mouseleave", () => own().forEach((mark) => mark.classList.remove("chosen")));
}
`;

/** Returns the text of the page. */
export function drawPage({ title, facts, ranking, rows }: ReportPage): string {
  const document = blankDocument();
  const made = maker(document);
  const { standings } = ranking;
  const series = standings.map(
    ({ placement, rank }, at): Series => ({
      name: placementText(placement),
      colour: rank !== undefined && at < COLOURS.length ? COLOURS[at] : PALE,
    }),
  );
  document.documentElement.setAttribute("lang", "en");
  const charset = document.createElement("meta");
  charset.setAttribute("charset", "utf-8");
  document.head.append(charset, made("title", title), made("style", STYLE));
  document.body.append(
    made("h1", title),
    ...facts.map((fact) => made("p", fact)),
    table(made, ranking, series),
    ...sections(ranking, rows).flatMap(({ heading, words, panel }) => [
      made("h2", heading),
      made("p", words),
      drawPanel(document, panel, series),
    ]),
    made("script", SCRIPT),
  );
  return `<!doctype html>\n${document.documentElement.outerHTML}\n`;
}

type Maker = (name: string, ...children: readonly (string | Element)[]) => Element;

const maker =
  (document: Document): Maker =>
  (name, ...children) => {
    const element = document.createElement(name);
    element.append(...children);
    return element;
  };

function table(made: Maker, ranking: Ranking, series: readonly Series[]): Element {
  const { columns, rows } = rankingTable(ranking);
  const cell = (name: "th" | "td", text: string, at: number): Element => {
    const element = made(name, text);
    if (columns[at].numeric) element.setAttribute("class", "number");
    return element;
  };
  const body = rows.map((texts, place) => {
    const { placement, warnings } = ranking.standings[place];
    const colour = made("span");
    colour.setAttribute("class", "colour");
    colour.setAttribute("style", `background: ${series[place].colour}`);
    const row = made("tr", made("td", colour), ...texts.map((text, at) => cell("td", text, at)));
    row.setAttribute("data-placement", placementText(placement));
    row.lastElementChild!.setAttribute("title", warnings.join("\n"));
    return row;
  });
  const header = made("tr", made("th", ""), ...columns.map(({ title }, at) => cell("th", title, at)));
  const wide = made("div", made("table", made("thead", header), made("tbody", ...body)));
  wide.setAttribute("class", "wide");
  return wide;
}

interface Section {
  readonly heading: string;
  readonly words: string;
  readonly panel: Panel;
}

function sections({ by, standings }: Ranking, rows: readonly RowRecord[]): readonly Section[] {
  // The best are drawn last, on top of the others.
  const order = new Map(standings.map(({ placement }, at) => [placementText(placement), -at]));
  const drawn = rows
    .filter(({ points }) => points.length > 0)
    .map((row): CurveRun & { readonly placement: string } => ({
      name: `${placementText(row.placement)}, seed ${row.seed}`,
      placement: placementText(row.placement),
      points: row.points,
    }))
    .sort((a, b) => order.get(a.placement)! - order.get(b.placement)!);
  const placementOf = new Map(drawn.map(({ name, placement }) => [name, placement]));
  const line = {
    x: "step",
    y: "value",
    z: "run",
    stroke: ({ run }: { readonly run: string }) => placementOf.get(run),
    title: "run",
    strokeWidth: 1.6,
  } as const;
  const losses = drawn.flatMap((run) => trainingMarks(run, ({ loss }) => loss).smoothed);
  const norms = drawn.flatMap((run) => trainingMarks(run, ({ gradientNorm }) => gradientNorm || undefined).smoothed);
  const metric = evaluationMarks(drawn, by);
  const costs = standings.flatMap(({ placement, cost, measures }) =>
    cost && measures[by]
      ? [{ placement: placementText(placement), cost: cost.milliseconds, value: measures[by].mean }]
      : [],
  );
  return [
    {
      heading: `Held-out ${metric.name}`,
      words: "At each evaluation, with population statistics. Colours are those of the table: the best eight.",
      panel: {
        label: metric.name,
        x: stepAxis(drawn),
        y: metricAxis(metric.name),
        marks: [
          Plot.lineY(metric.marks, line),
          Plot.dot(metric.marks, { x: "step", y: "value", fill: line.stroke, r: 2.5, title: "run" }),
        ],
      },
    },
    {
      heading: "Training loss",
      words: "Of each step's batch, with its own statistics; smoothed.",
      panel: { label: "training loss", x: stepAxis(drawn), y: { zero: true }, marks: [Plot.lineY(losses, line)] },
    },
    {
      heading: "Gradient norm",
      words: "L2 norm of the gradient of all parameters, before clipping; smoothed.",
      panel: {
        label: "gradient norm",
        x: stepAxis(drawn),
        y: { type: "log", tickFormat: "~g", nice: false },
        marks: [Plot.lineY(norms, line)],
      },
    },
    {
      heading: "What a step costs and what it gives",
      words: "Milliseconds of a training step on one thread (the quickest), and the last evaluation; means over seeds.",
      panel: {
        label: by,
        x: { label: "milliseconds a training step", zero: true, nice: true },
        y: by === "accuracy" ? { tickFormat: "%" } : {},
        marks: [Plot.dot(costs, { x: "cost", y: "value", fill: "placement", r: 5, title: "placement" })],
      },
    },
  ];
}
