/** The two pictures of `cellc gradflow`. */

import { COLOURS, drawFigure, type Panel, type Series } from "../report/chart.ts";
import * as Plot from "../report/plot.ts";
import type { Flow } from "./flow.ts";
import { tanhDerivative } from "./tanh-derivative.ts";

/** Smaller gradients are not drawn: they have vanished, and f32 ends at 1e-45. */
const LEAST = 1e-30;

/** A colour from blue for the smallest gain to red for the largest. */
const ramp = (at: number, count: number): string =>
  `hsl(${Math.round(240 * (1 - at / Math.max(1, count - 1)))}, 75%, 45%)`;

/** Draws gradient norms over the steps of the sequence: a panel for each state and amount of training, a line for each gain. */
export function drawFlows(
  flows: readonly Flow[],
  words: { readonly title: string; readonly subtitle: string },
): string {
  const gammas = distinct(flows.map(({ gamma }) => gamma)).sort((a, b) => a - b);
  const panels = distinct(flows.map(({ state }) => state)).flatMap((state) =>
    distinct(flows.map(({ trained }) => trained)).map((trained) =>
      flowPanel(
        flows.filter((flow) => flow.state === state && flow.trained === trained),
        `‖∂loss/∂${state}ₜ‖ ${trained === 0 ? "at initialisation" : `after ${trained} training steps`}`,
      ),
    ),
  );
  const series = gammas.map((gamma, at): Series => ({ name: gainName(gamma), colour: ramp(at, gammas.length) }));
  return drawFigure({ ...words, series, panels });
}

const gainName = (gamma: number): string => `γ ${gamma}`;

function flowPanel(flows: readonly Flow[], label: string): Panel {
  const marks = flows.flatMap(({ gamma, norms }) =>
    norms.map((norm, t) => ({ gain: gainName(gamma), step: t + 1, norm: norm >= LEAST ? norm : Number.NaN })),
  );
  const steps = Math.max(1, ...flows.map(({ norms }) => norms.length));
  return {
    label,
    x: { label: "step t", domain: [1, steps] },
    y: { type: "log", tickFormat: "~e", nice: false },
    marks: [Plot.lineY(marks, { x: "step", y: "norm", z: "gain", stroke: "gain", strokeWidth: 1.8, title: "gain" })],
  };
}

/** Standard deviations at which the curve is computed. */
const DEVIATIONS = Array.from({ length: 51 }, (_, i) => i / 50);

/** Draws E[tanh'(x)] for x ~ N(0, σ²) over σ, with a band between the quartiles. */
export function drawTanhDerivative(): string {
  const points = DEVIATIONS.map(tanhDerivative);
  const [colour] = COLOURS;
  return drawFigure({
    title: "What tanh lets through of a gradient",
    subtitle: "x ~ N(0, σ²), where σ is what a norm's gain makes it; the band holds the middle half",
    series: [{ name: "mean of tanh′(x)", colour }],
    panels: [
      {
        label: "tanh′(x)",
        x: { label: "σ", domain: [0, 1] },
        y: { domain: [0, 1] },
        marks: [
          Plot.areaY(points, {
            x: "deviation",
            y1: ({ quartiles }) => quartiles[0],
            y2: ({ quartiles }) => quartiles[1],
            fill: colour,
            fillOpacity: 0.18,
          }),
          Plot.lineY(points, { x: "deviation", y: "mean", stroke: colour, strokeWidth: 2.2 }),
        ],
      },
    ],
  });
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
