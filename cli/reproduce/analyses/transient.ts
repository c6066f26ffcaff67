/** How the statistics settle over the first steps of a sequence (Cooijmans et al. 2016, section 3, figure 5). */
import { join } from "node:path";
import { type Summary, short } from "../../statistics/summary.ts";
import { type Analysis, textColumn, whereWords } from "../analysis.ts";
import { documentOf } from "../command-line.ts";
import { runName } from "../plan.ts";

/** The share of its last value within which a median stays once it has settled. */
const WITHIN = 0.1;

/** The paper's figure shows 50 steps, and its variances settled by a third of them. */
const SOON = 20;

export const transient: Analysis = {
  title: "Statistics over the steps",
  section: "3, figure 5",
  of: "ptb",
  scales: {
    smoke: "of the smoke test's model",
    pilot: "of the pilot's BN-LSTM on the Penn Treebank",
    paper: "of the paper's BN-LSTM",
  },
  async run({ context, out, of, where }) {
    const plot = join(out, "statistics.svg");
    const run = join(of!, runName("bn-lstm", context.seed));
    const document = await documentOf(context, ["stats", run, "--plot", plot, ...whereWords(where)]);
    if (document === undefined) return undefined;
    const statistics = (document.statistics as readonly Summary[]).filter(({ policy }) => policy !== "shared");
    const rows = statistics.map(({ name, is, steps }) => {
      const medians = steps.map((step) => step?.median ?? Number.NaN);
      return { name, is, medians, most: steps.map((step) => step?.most ?? Number.NaN), settled: settledAfter(medians) };
    });
    const variances = rows.filter(({ is }) => is === "variance");
    const last = ({ medians }: (typeof rows)[number]): number => medians[medians.length - 1];
    return {
      measured: { run: runName("bn-lstm", context.seed), within: WITHIN, statistics: rows },
      columns: [
        textColumn(
          "statistic",
          rows.map(({ name }) => name),
        ),
        ...[1, 2, 5, 10, 20, 50].map((t) =>
          textColumn(
            `t = ${t}`,
            rows.map(({ medians }) => (t <= medians.length ? short(medians[t - 1]) : "–")),
            rows.map(({ medians }) => medians[t - 1] ?? Number.NaN),
          ),
        ),
        textColumn(
          "last",
          rows.map((row) => short(last(row))),
          rows.map(last),
        ),
        textColumn(
          "settled after",
          rows.map(({ is, settled }) => (is === "variance" ? `${settled}` : "–")),
          rows.map(({ settled }) => settled),
        ),
      ],
      findings: [
        {
          claim: `variances settle within the first ${SOON} steps: their median over the units stays within ${100 * WITHIN} % of its last value`,
          holds: variances.every(({ settled }) => settled <= SOON),
          seen: variances.map(({ name, settled }) => `${name} after ${settled}`).join(", "),
        },
      ],
      files: [plot],
    };
  },
};

/** The number of steps after which all values are near the last. */
export function settledAfter(values: readonly number[]): number {
  const last = values[values.length - 1];
  return values.findLastIndex((value) => !(Math.abs(value - last) <= WITHIN * Math.abs(last))) + 1;
}
