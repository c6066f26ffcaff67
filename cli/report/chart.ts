/** Draws figures: a common style, and a way from panels of Observable Plot to a complete SVG document. */

import * as Plot from "./plot.ts";
import { blankDocument, FAMILY, INK, PALE_INK, svgElement, words } from "./svg.ts";

/** Okabe & Ito 2008: eight colours that most colour-blind readers can distinguish; the pale ones last. */
export const COLOURS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#e69f00",
  "#7f7f7f",
  "#b8a900",
];

const FONT = `font-family: ${FAMILY}; font-size: 14px;`;

const WIDTH = 840;
const PANEL = 280;
/** Title, a line of subtitle, and legend. */
const HEADER = 96;
/** Between two lines of the subtitle. */
const LINE = 20;
const MARGIN = { left: 70, right: 30, top: 34, bottom: 54 };

/** The name and colour of what is drawn in one colour. */
export interface Series {
  readonly name: string;
  readonly colour: string;
}

export interface Panel {
  /** Label of the vertical axis, above the panel. */
  readonly label: string;
  readonly marks: readonly Plot.Markish[];
  readonly x: Plot.ScaleOptions & { readonly label: string };
  readonly y: Plot.ScaleOptions;
}

export interface Figure {
  readonly title: string;
  /** Under the title: sizes, what was measured. */
  readonly subtitle: string;
  /** The legend. Marks use these names as `stroke` or `fill`. */
  readonly series: readonly Series[];
  /** Row by row, from top to bottom. */
  readonly panels: readonly Panel[];
  /** Panels side by side. Default 1. */
  readonly columns?: number;
}

/** Draws the figure as a complete SVG document. */
export function drawFigure({ title, subtitle, series, panels, columns = 1 }: Figure): string {
  const document = blankDocument();
  const lines = wrapped(subtitle);
  const header = HEADER + (lines.length - 1) * LINE;
  const height = header + Math.ceil(panels.length / columns) * PANEL;
  const svg = svgElement(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: "img",
  });
  // A <title>, not an aria-label: the serialiser escapes text for XML, but attributes only for HTML.
  const name = svgElement(document, "title", {});
  name.textContent = title;
  svg.append(
    name,
    svgElement(document, "rect", { width: WIDTH, height, fill: "#ffffff" }),
    words(document, title, { x: 24, y: 32, fill: INK, style: `${FONT} font-size: 20px; font-weight: 600;` }),
    ...lines.map((line, at) => words(document, line, { x: 24, y: 55 + at * LINE, fill: PALE_INK, style: FONT })),
    ...legend(document, series, header - HEADER),
    ...panels.map((panel, at) => {
      const width = WIDTH / columns;
      const plot = drawPanel(document, panel, series, width);
      plot.setAttribute("x", String((at % columns) * width));
      plot.setAttribute("y", String(header + Math.floor(at / columns) * PANEL));
      return plot;
    }),
  );
  return `${svg.outerHTML}\n`;
}

/** Draws a single panel without a legend. */
export function drawPanel(
  document: Document,
  { label, marks, x, y }: Panel,
  series: readonly Series[],
  width = WIDTH,
): Element {
  return Plot.plot({
    document,
    width,
    height: PANEL,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    // The height again, because the library's own `height: auto` would win over the attribute in a nested <svg>.
    style: { fontFamily: FAMILY, fontSize: "14px", color: INK, overflow: "visible", height: `${PANEL}px` },
    x: { labelOffset: 40, ticks: 8, ...x },
    y: { label, grid: true, nice: true, ticks: 6, labelArrow: "none", labelOffset: 46, ...y },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) },
    marks: [...marks],
  });
}

/** The words in as many lines as they need: seven and a half pixels per character are enough for 14 px sans-serif. */
function wrapped(text: string): readonly string[] {
  const most = Math.floor((WIDTH - 48) / 7.5);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > most) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** `down`: how far below its usual place. */
function legend(document: Document, series: readonly Series[], down: number): Element[] {
  // Seven and a half pixels per character are enough for 14 px sans-serif.
  const widths = series.map(({ name }) => 34 + name.length * 7.5);
  const left = 24;
  const room = WIDTH - 2 * left - widths.reduce((sum, width) => sum + width, 0);
  const gap = Math.min(26, room / Math.max(1, series.length - 1));
  let x = left;
  return series.flatMap(({ name, colour }, at) => {
    const left = x;
    x += widths[at] + gap;
    return [
      svgElement(document, "line", {
        x1: left,
        x2: left + 24,
        y1: 76 + down,
        y2: 76 + down,
        stroke: colour,
        "stroke-width": 4,
      }),
      words(document, name, { x: left + 32, y: 81 + down, fill: INK, style: FONT }),
    ];
  });
}
