/** Prints the drift of stored statistics and its effect on the loss. */
import type { Output } from "../output.ts";
import type { Measures } from "../training/learner.ts";
import { type Drift, LAG_LIMIT } from "./drift.ts";
import type { Provenance } from "./provenance.ts";
import { short } from "./summary.ts";

/** The same model on the same examples, with different statistics. */
export interface Measured {
  readonly split: string;
  readonly stored: Measures;
  readonly estimated: Measures;
  /** Each batch normalized by its own statistics. */
  readonly batch: Measures;
}

export function sayDrift(
  drifts: readonly Drift[],
  measured: Measured,
  provenance: Provenance,
  output: Pick<Output, "say" | "table">,
): void {
  output.table(
    ["site", "mean off by, in σ", "95 %", "worst", "σ off by a factor", "95 %", "worst"],
    drifts.map(({ site, shift, factor }) => [
      site,
      ...[shift, factor].flatMap((part) =>
        part === undefined
          ? ["–", "–", "–"]
          : [short(part.median), short(part.most), `${short(part.worst.value)} (${placeText(part.worst)})`],
      ),
    ]),
  );
  output.say();
  const { split, stored, estimated, batch } = measured;
  const names = ["loss", ...Object.keys(stored.metrics)];
  const value = ({ loss, metrics }: Measures, name: string): string =>
    (name === "loss" ? loss : (metrics[name] ?? Number.NaN)).toFixed(4);
  output.table(
    [`on ${split}`, "stored", "estimated anew", "the batch's own"],
    names.map((name) => [name, ...[stored, estimated, batch].map((measures) => value(measures, name))]),
  );
  output.say();
  output.say(verdict(drifts, provenance));
  if (estimated.loss > GAP * batch.loss)
    output.say(
      `with new estimates, too, the loss is ${short(estimated.loss / batch.loss)} times that with each batch's own: look where cellc stats finds a variance of zero, or ε as large as one`,
    );
}

/**
 * The report says that estimates are worse than the batches' own statistics if the loss grows by more than this factor. With batches
 * of 64, the batches' own statistics vary by chance, which tends to make their loss larger.
 */
const GAP = 1.1;

const placeText = ({ step, unit }: Drift["factor"]["worst"]): string =>
  step === undefined ? `unit ${unit}` : `t = ${step}, unit ${unit}`;

export const lagging = (drifts: readonly Drift[]): readonly Drift[] => drifts.filter(({ lag }) => lag > LAG_LIMIT);

function verdict(drifts: readonly Drift[], { kind }: Provenance): string {
  const sites = [...new Set(lagging(drifts).map(({ site }) => site))];
  if (sites.length === 0) return `the stored statistics are within ${LAG_LIMIT} σ of what an exact pass finds`;
  return kind === "estimated"
    ? `the stored statistics of ${sites.join(", ")} differ from these, though both are estimates: take more --batches`
    : `the moving statistics of ${sites.join(", ")} lag: estimate them anew, with --estimate`;
}
