/** A confusion matrix as an SVG picture: the shares of each true class, darker where there are more. */
import { blankDocument, FAMILY, INK, PALE_INK, svgElement, words } from "../report/svg.ts";
import type { ClassReport } from "./class-report.ts";

/** The blue of the charts' first series. */
const FULL = [0, 114, 178] as const;

const LEFT = 150;
const TOP = 150;
/** Below this size of a cell, numbers in it could not be read. */
const READABLE = 34;

export interface ConfusionPicture {
  readonly title: string;
  readonly subtitle: string;
  readonly report: ClassReport;
}

/** Draws the picture as a complete SVG document. */
export function drawConfusion({ title, subtitle, report: { classes, confusion } }: ConfusionPicture): string {
  const cell = Math.max(6, Math.min(64, Math.floor(640 / classes.length)));
  const side = cell * classes.length;
  const [width, height] = [Math.max(560, LEFT + side + 40), TOP + side + 30];
  const document = blankDocument();
  const svg = svgElement(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
  });
  const style = `font-family: ${FAMILY};`;
  const name = svgElement(document, "title", {});
  name.textContent = title;
  const text = (shown: string, attributes: Readonly<Record<string, string | number>>): Element =>
    words(document, shown, { style: `${style} font-size: ${cell < 14 ? 6 : 12}px;`, fill: INK, ...attributes });
  svg.append(
    name,
    svgElement(document, "rect", { width, height, fill: "#ffffff" }),
    text(title, { x: 24, y: 32, style: `${style} font-size: 20px; font-weight: 600;` }),
    text(subtitle, { x: 24, y: 55, fill: PALE_INK, style: `${style} font-size: 14px;` }),
    text("true", { x: 24, y: TOP + 14, fill: PALE_INK, style: `${style} font-size: 12px;` }),
    text("predicted", { x: LEFT, y: 84, fill: PALE_INK, style: `${style} font-size: 12px;` }),
  );
  for (const [at, called] of classes.entries()) {
    const middle = at * cell + cell / 2;
    svg.append(
      text(short(called), { x: LEFT - 8, y: TOP + middle + 4, "text-anchor": "end" }),
      text(short(called), {
        x: 0,
        y: 0,
        transform: `translate(${LEFT + middle + 3}, ${TOP - 8}) rotate(-45)`,
      }),
    );
  }
  for (const [row, counts] of confusion.entries()) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (const [column, count] of counts.entries()) {
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [LEFT + column * cell, TOP + row * cell];
      const colour = FULL.map((channel) => Math.round(255 + (channel - 255) * share));
      const box = svgElement(document, "rect", {
        ...{ x, y, width: cell, height: cell, fill: `rgb(${colour.join(", ")})`, stroke: "#d0d7de" },
      });
      const hint = svgElement(document, "title", {});
      hint.textContent = `${classes[row]} taken for ${classes[column]}: ${count}, ${(100 * share).toFixed(1)} %`;
      box.append(hint);
      svg.append(box);
      if (cell >= READABLE && count > 0)
        svg.append(
          text(String(count), {
            x: x + cell / 2,
            y: y + cell / 2 + 4,
            "text-anchor": "middle",
            fill: share > 0.5 ? "#ffffff" : INK,
          }),
        );
    }
  }
  return `${svg.outerHTML}\n`;
}

/** A name that fits beside the matrix. */
const short = (name: string): string => (name.length > 16 ? `${name.slice(0, 15)}…` : name);
