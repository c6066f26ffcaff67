/** How far gradients reach back for each initial gain (Cooijmans et al. 2016, section 4, figure 1a). */
import { join } from "node:path";
import type { Flow } from "../../gradflow/flow.ts";
import { type Analysis, textColumn, whereWords } from "../analysis.ts";
import { documentOf } from "../command-line.ts";
import { cellFile } from "../train-run.ts";

/** The paper's curves are flat up to the first, and end below 1e-25 before t = 1 from the second on. */
const FLAT = 0.3;
const COLLAPSED = 0.7;

/** A curve is flat if it keeps a hundredth of what it has at the end, and collapsed if it keeps less than this. */
const KEPT = 0.01;
const LOST = 1e-8;

export const gradients: Analysis = {
  title: "Gradients against the initial gain",
  section: "4, figure 1a",
  scales: {
    smoke: "two gains, 10 units, 10 examples",
    pilot: "the paper's: ten gains, 100 units, 784 steps of sequential MNIST, 100 examples, before any training",
    paper: "the same",
  },
  async run({ context, scale, out, where }) {
    const small = scale === "smoke" ? ["--gamma", "0.1,1", "--dims", "H=10", "--batch", "10"] : [];
    const line = [
      "gradflow",
      cellFile("gradflow.cell"),
      "--task",
      "mnist-pixels",
      ...small,
      ...whereWords(where),
      "--out",
      out,
    ];
    const document = await documentOf(context, line);
    if (document === undefined) return undefined;
    const flows = (document.flows as readonly Flow[]).filter(({ trained }) => trained === 0);
    const shares = flows.map(({ norms }) => norms[0] / norms[norms.length - 1]);
    const claim = (words: string, holds: (flow: Flow, share: number) => boolean | undefined) => {
      const judged = flows.flatMap((flow, at) => holds(flow, shares[at]) ?? []);
      return {
        claim: words,
        holds: judged.length === 0 ? undefined : judged.every(Boolean),
        seen: flows.map(({ gamma }, at) => `γ ${gamma}: ${shares[at].toExponential(1)}`).join(", "),
      };
    };
    return {
      measured: { flows: flows.map(thinned) },
      columns: [
        textColumn(
          "γ",
          flows.map(({ gamma }) => String(gamma)),
          flows.map(({ gamma }) => gamma),
        ),
        ...["t = T", "half-way", "t = 1"].map((title, part) =>
          textColumn(
            title,
            flows.map(({ norms }) => norms[[norms.length - 1, norms.length >> 1, 0][part]].toExponential(1)),
            flows.map(({ norms }) => norms[[norms.length - 1, norms.length >> 1, 0][part]]),
          ),
        ),
      ],
      findings: [
        claim(`gradients reach back to the first step with γ up to ${FLAT}`, ({ gamma }, share) =>
          gamma <= FLAT ? share >= KEPT : undefined,
        ),
        claim(`they vanish with γ from ${COLLAPSED} on`, ({ gamma }, share) =>
          gamma >= COLLAPSED ? share <= LOST : undefined,
        ),
      ],
      files: [join(out, "gradflow.svg"), join(out, "tanh-derivative.svg")],
    };
  },
};

/** Every so many steps of a curve are kept. */
const STRIDE = 8;

/** A curve with fewer points, and with digits that a figure shows; the command's own file has all. */
function thinned({ gamma, state, norms }: Flow): Readonly<Record<string, unknown>> {
  const steps = norms.flatMap((_, t) => (t % STRIDE === 0 || t === norms.length - 1 ? [t + 1] : []));
  return { gamma, state, steps, norms: steps.map((t) => Number(norms[t - 1].toPrecision(4))) };
}
