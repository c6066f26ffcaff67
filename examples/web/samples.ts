/** The waves that the page shows, and what the model says about each. */

import { kinds } from "./kinds.js";
import type { Answer } from "./messages.ts";
import { heightsOf, heldOut, shown } from "./waves.ts";

const svgSpace = "http://www.w3.org/2000/svg";
/** Units of the drawing, and the height of the highest wave in them. */
const [width, height, amplitude] = [160, 64, 18];

/** Draws the waves that belong to a seed, without answers. */
export function drawWaves(list: HTMLElement, seed: number): void {
  const { x } = heldOut(seed);
  list.replaceChildren(
    ...Array.from({ length: shown }, (_, b) => {
      const wave = heightsOf(x.data, b);
      const item = document.createElement("li");
      const svg = document.createElementNS(svgSpace, "svg");
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("aria-hidden", "true");
      const line = document.createElementNS(svgSpace, "polyline");
      const xOf = (t: number): number => 2 + (t / (wave.length - 1)) * (width - 4);
      const points = Array.from(
        wave,
        (value, t) => `${xOf(t).toFixed(1)},${(height / 2 - amplitude * value).toFixed(1)}`,
      );
      line.setAttribute("points", points.join(" "));
      svg.append(line);
      item.append(svg, document.createElement("p"));
      return item;
    }),
  );
}

/** Writes under each wave what the model takes it for, and whether that is right. */
export function writeAnswers(list: HTMLElement, answers: readonly Answer[]): void {
  for (const [i, { kind, answer, probability }] of answers.entries()) {
    const item = list.children[i];
    const isRight = kind === answer;
    item.className = isRight ? "right" : "wrong";
    const said = document.createElement("strong");
    said.textContent = `${isRight ? "✓" : "✗"} ${kinds[answer]}`;
    const more = document.createElement("span");
    more.textContent = isRight ? `${Math.round(100 * probability)} % sure` : `it is a ${kinds[kind]}`;
    item.querySelector("p")?.replaceChildren(said, " ", more);
  }
}
