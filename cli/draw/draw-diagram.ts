/** Draws a diagram as an SVG document: boxes in layers, from inputs and states at the top to results at the bottom. */
import { COLOURS } from "../report/chart.ts";
import { blankDocument, FAMILY, INK, PALE_INK, svgElement, words } from "../report/svg.ts";
import { graphlib, layout } from "./dagre.ts";
import type { Box, BoxKind, Diagram } from "./diagram.ts";

const MONO = "'JetBrains Mono', 'DejaVu Sans Mono', 'Liberation Mono', Menlo, monospace";
const TEXT = `font-family: ${MONO}; font-size: 13px;`;
const SMALL = `font-family: ${FAMILY}; font-size: 12px;`;
/** Of a monospaced character of 13 px. */
const CHARACTER = 7.83;
const LINE = 18;
/** Around the text of a box. */
const PADDING = { x: 12, y: 9 };
/** Longer texts are broken, so that a picture fits a page. */
const LONGEST = 46;
const MARGIN = 24;
const HEADER = 76;

/** Fill and outline of each kind of box. A state has a colour of its own, and so has the equation of its next value. */
const looks: Readonly<Record<BoxKind, { readonly fill: string; readonly stroke: string }>> = {
  input: { fill: "#eef1f4", stroke: PALE_INK },
  state: { fill: "#ffffff", stroke: PALE_INK },
  equation: { fill: "#ffffff", stroke: "#b6bec8" },
  site: { fill: "#fff8dc", stroke: "#b8860b" },
  scan: { fill: "#ffffff", stroke: INK },
  result: { fill: "#ffffff", stroke: "#ffffff" },
};

/** The colour of state number `k`; the palette repeats. */
const colourOf = (k: number): string => COLOURS[k % COLOURS.length];

interface Placed {
  readonly box: Box;
  readonly lines: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Its centre. */
  readonly x: number;
  readonly y: number;
}

type Point = { readonly x: number; readonly y: number };

/** `title`: the name of what is drawn; `subtitle`: a line about it. */
export function drawDiagram({ boxes, arrows }: Diagram, title: string, subtitle: string): string {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 34, edgesep: 12, marginx: MARGIN, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const sized = boxes.map((box) => {
    const lines = broken(box.text);
    const tag = box.norm === undefined ? 0 : LINE;
    const widest = Math.max(...lines.map((l) => l.length), box.norm === undefined ? 0 : box.norm.length + 2);
    return { box, lines, width: widest * CHARACTER + 2 * PADDING.x, height: lines.length * LINE + tag + 2 * PADDING.y };
  });
  for (const [k, { width, height }] of sized.entries()) graph.setNode(String(k), { width, height });
  for (const [from, to] of arrows) graph.setEdge(String(from), String(to));
  layout(graph);
  const { width: wide = 0, height: high = 0 } = graph.graph() as { readonly width?: number; readonly height?: number };
  const placed = sized.map((s, k): Placed => {
    const { x, y } = graph.node(String(k)) as Point;
    return { ...s, x, y: y + HEADER };
  });

  const width = Math.ceil(Math.max(wide, MARGIN * 2 + title.length * 12, MARGIN * 2 + subtitle.length * 7));
  const height = Math.ceil(high + HEADER + MARGIN);
  const document = blankDocument();
  const svg = svgElement(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
  });
  const name = svgElement(document, "title", {});
  name.textContent = title;
  svg.append(
    name,
    arrowHead(document),
    svgElement(document, "rect", { width, height, fill: "#ffffff" }),
    words(document, title, { x: MARGIN, y: 30, fill: INK, style: `${SMALL} font-size: 20px; font-weight: 600;` }),
    words(document, subtitle, { x: MARGIN, y: 52, fill: PALE_INK, style: `${SMALL} font-size: 13px;` }),
    ...arrows.map(([from, to]) => {
      const { points } = graph.edge(String(from), String(to)) as { readonly points: readonly Point[] };
      return svgElement(document, "path", {
        d: curve(points.map(({ x, y }) => ({ x, y: y + HEADER }))),
        fill: "none",
        stroke: "#8c96a3",
        "stroke-width": 1.4,
        "marker-end": "url(#arrow)",
      });
    }),
    ...placed.flatMap((p) => boxOf(document, p)),
  );
  return `${svg.outerHTML}\n`;
}

function boxOf(document: Document, { box, lines, x, y, width, height }: Placed): readonly Element[] {
  const { fill, stroke } = looks[box.kind];
  const colour = box.state === undefined || box.state < 0 ? undefined : colourOf(box.state);
  const [left, top] = [x - width / 2, y - height / 2];
  const rect = svgElement(document, "rect", {
    x: left,
    y: top,
    width,
    height,
    rx: box.kind === "input" || box.kind === "state" ? height / 2 : 5,
    fill,
    stroke: colour ?? stroke,
    "stroke-width": colour || box.kind === "site" || box.kind === "scan" ? 2 : 1.2,
  });
  const text = lines.map((line, k) =>
    words(document, line, {
      x: lines.length > 1 ? left + PADDING.x : x,
      y: top + PADDING.y + LINE * (k + 0.72),
      fill: INK,
      "text-anchor": lines.length > 1 ? "start" : "middle",
      "xml:space": "preserve",
      style: TEXT,
    }),
  );
  const norm =
    box.norm === undefined
      ? []
      : [
          words(document, `→ ${box.norm}`, {
            x,
            y: top + PADDING.y + LINE * (lines.length + 0.72),
            fill: "#8a6508",
            "text-anchor": "middle",
            style: `${TEXT} font-weight: 600;`,
          }),
        ];
  return [rect, ...text, ...norm];
}

/** A smooth line through the points of an edge. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1)!;
  const bends = rest.slice(0, -1).map((p, k) => {
    const next = rest[k + 1];
    const end = k === rest.length - 2 ? last : { x: (p.x + next.x) / 2, y: (p.y + next.y) / 2 };
    return `Q ${round(p.x)} ${round(p.y)} ${round(end.x)} ${round(end.y)}`;
  });
  return [
    `M ${round(first.x)} ${round(first.y)}`,
    ...(bends.length > 0 ? bends : [`L ${round(last.x)} ${round(last.y)}`]),
  ].join(" ");
}

const round = (n: number): number => Math.round(n * 10) / 10;

function arrowHead(document: Document): Element {
  const marker = svgElement(document, "marker", {
    id: "arrow",
    viewBox: "0 0 10 10",
    refX: 9,
    refY: 5,
    markerWidth: 7,
    markerHeight: 7,
    orient: "auto",
  });
  marker.append(svgElement(document, "path", { d: "M 0 0 L 10 5 L 0 10 z", fill: "#8c96a3" }));
  const defs = svgElement(document, "defs", {});
  defs.append(marker);
  return defs;
}

/** A text in lines of at most `LONGEST` characters, broken after spaces; lines after the first are indented. */
function broken(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<= )/)) {
    if (line !== "" && line.length + word.trimEnd().length > LONGEST) {
      lines.push(line.trimEnd());
      line = "  ";
    }
    line += word;
  }
  return [...lines, line.trimEnd()];
}
