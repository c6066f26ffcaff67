/** Learning curves as one SVG picture: training loss above, the evaluation's metric below, one colour a run. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { CurvePoint } from "./curve-log.ts";

export interface CurveRun {
  readonly name: string;
  readonly points: readonly CurvePoint[];
}

export interface CurvePicture {
  readonly title: string;
  /** A line under the title: task, sizes, what the evaluation is on. */
  readonly subtitle: string;
  /** At most as many as there are colours, 8. */
  readonly runs: readonly CurveRun[];
  /** The metric of the lower panel, by its name in the evaluations; where no run has it, their loss. */
  readonly metric: string;
}

/** Okabe & Ito 2008: eight colours told apart by most colour-blind readers; the pale ones last. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f", "#b8a900"];

const WIDTH = 840;
const PANEL = 280;
const MARGIN = { left: 70, right: 30, top: 34, bottom: 54 };
const INK = "#24292f";
const FAMILY = "'Inter', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";
const FONT = `font-family: ${FAMILY}; font-size: 14px;`;

/** The raw loss is thinned to this many points a run: more cannot be seen, and the file would grow by megabytes. */
const RAW_POINTS = 600;

/** Draws the picture; the text is a whole SVG document. */
export function drawCurves(picture: CurvePicture): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const header = 96;
  const height = header + 2 * PANEL;
  const svg = element(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: "img",
  });
  // A <title>, not an aria-label: the serialiser escapes text for XML, but attributes only for HTML.
  const title = element(document, "title", {});
  title.textContent = picture.title;
  svg.append(
    title,
    element(document, "rect", { width: WIDTH, height, fill: "#ffffff" }),
    words(document, picture.title, { x: 24, y: 32, fill: INK, style: `${FONT} font-size: 20px; font-weight: 600;` }),
    words(document, picture.subtitle, { x: 24, y: 55, fill: "#57606a", style: FONT }),
    ...legend(document, picture.runs),
    panel(document, header, lossPanel(picture.runs)),
    panel(document, header + PANEL, metricPanel(picture.runs, picture.metric)),
  );
  return `${svg.outerHTML}\n`;
}

/**
 * An exponential average whose weight is corrected for its start, so that its first value is the first loss and not a blend
 * with zero: sum of d^(n−k)·x_k over sum of d^(n−k).
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

interface Mark {
  readonly run: string;
  readonly step: number;
  readonly value: number;
}

interface Panel {
  readonly label: string;
  readonly marks: readonly Plot.Markish[];
  readonly runs: readonly CurveRun[];
  readonly y: Plot.ScaleOptions;
}

function lossPanel(runs: readonly CurveRun[]): Panel {
  const raw: Mark[] = [];
  const smoothed: Mark[] = [];
  for (const run of runs) {
    const points = run.points.filter((point) => point.kind === "train" && Number.isFinite(point.loss));
    // A window of a fiftieth of the run: short runs keep their shape, long ones lose their noise.
    const averaged = smooth(
      points.map((point) => point.loss),
      1 - 1 / Math.max(2, points.length / 50),
    );
    const stride = Math.max(1, Math.ceil(points.length / RAW_POINTS));
    points.forEach((point, i) => {
      if (i % stride !== 0 && i !== points.length - 1) return;
      raw.push({ run: run.name, step: point.step, value: point.loss });
      smoothed.push({ run: run.name, step: point.step, value: averaged[i] });
    });
  }
  return {
    label: "training loss (batch statistics)",
    runs,
    y: { zero: true },
    marks: [
      Plot.lineY(raw, { x: "step", y: "value", z: "run", stroke: "run", strokeOpacity: 0.22, strokeWidth: 1 }),
      Plot.lineY(smoothed, { x: "step", y: "value", z: "run", stroke: "run", strokeWidth: 2.2 }),
    ],
  };
}

function metricPanel(runs: readonly CurveRun[], metric: string): Panel {
  const has = runs.some((run) => run.points.some((point) => point.kind === "evaluation" && metric in point.metrics));
  const values: Mark[] = runs.flatMap((run) =>
    run.points.flatMap((point) => {
      if (point.kind !== "evaluation") return [];
      const value = has ? point.metrics[metric] : point.loss;
      return Number.isFinite(value) ? [{ run: run.name, step: point.step, value }] : [];
    }),
  );
  const share = has && metric === "accuracy";
  return {
    label: `${has ? metric : "loss"} on held-out examples (population statistics)`,
    runs,
    y: share ? { domain: [0, 1], tickFormat: "%" } : { zero: true },
    marks: [
      Plot.lineY(values, { x: "step", y: "value", z: "run", stroke: "run", strokeWidth: 2.2 }),
      Plot.dot(values, { x: "step", y: "value", fill: "run", r: 3.2 }),
    ],
  };
}

function panel(document: Document, top: number, { label, marks, runs, y }: Panel): Element {
  const lastStep = Math.max(1, ...runs.map((run) => run.points.reduce((last, point) => Math.max(last, point.step), 0)));
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: PANEL,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    // The height again, because the library's own `height: auto` would win over the attribute in a nested <svg>.
    style: { fontFamily: FAMILY, fontSize: "14px", color: INK, overflow: "visible", height: `${PANEL}px` },
    x: { label: "training step", domain: [0, lastStep], labelOffset: 40, ticks: 8 },
    y: { label, grid: true, nice: true, ticks: 6, labelArrow: "none", labelOffset: 46, ...y },
    color: { domain: runs.map((run) => run.name), range: COLOURS.slice(0, runs.length) },
    marks: [Plot.ruleY([0], { stroke: "#8c959f" }), ...marks],
  });
  plot.setAttribute("x", "0");
  plot.setAttribute("y", String(top));
  return plot;
}

function legend(document: Document, runs: readonly CurveRun[]): Element[] {
  let x = 24;
  return runs.flatMap((run, i) => {
    const left = x;
    // Seven and a half pixels a character is wide enough for 14 px sans-serif.
    x += 34 + run.name.length * 7.5 + 26;
    return [
      element(document, "line", { x1: left, x2: left + 24, y1: 76, y2: 76, stroke: COLOURS[i], "stroke-width": 4 }),
      words(document, run.name, { x: left + 32, y: 81, fill: INK, style: FONT }),
    ];
  });
}

function element(document: Document, name: string, attributes: Readonly<Record<string, string | number>>): Element {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function words(document: Document, text: string, attributes: Readonly<Record<string, string | number>>): Element {
  const made = element(document, "text", attributes);
  made.textContent = text;
  return made;
}
