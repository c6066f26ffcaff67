/** Warns about norms that divide by almost nothing, as seen in the first batch of training. */
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { mainAxis } from "../../runtime/batch.ts";
import { ownBatch } from "../../runtime/inference-arguments.ts";
import type { Session } from "../../runtime/session.ts";
import type { TaskBatch } from "../data/task.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import type { Output } from "../output.ts";
import { findingsOf, stepsText } from "../statistics/findings.ts";
import { median } from "../statistics/quantile.ts";
import { type Norms, type Statistic, statisticsOf, varianceOf } from "../statistics/statistic.ts";
import { type Learner, withTrain } from "./learner.ts";

/** A learner that checks its norms' statistics after its first step, when they are those of that batch alone. */
export function watchVariances(
  learner: Learner,
  session: Pick<Session, "read" | "plan">,
  norms: Norms,
  output: Output,
): Learner {
  return withTrain(learner, async (given, settings) => {
    const first = learner.step === 0;
    const measures = await learner.train(given, settings);
    const batches: readonly TaskBatch[] = Array.isArray(given) ? given : [given];
    const [batch] = batches;
    // In a batch of one all variances are zero. Another warning covers that.
    if (first && batch.examples > 1) {
      const values = new Map<string, Float32Array>();
      for (const { statistic } of norms.moments) values.set(statistic, await session.read(statistic));
      const { reset: _, ...sizes } = batch;
      const once = Object.entries(ownBatch(sizes, session.plan).axes).map(
        ([axis, { steps }]) => [axis, new Array<number>(steps).fill(1)] as const,
      );
      const { [mainAxis]: seen, ...seenOver } = Object.fromEntries(once);
      const collected = { seen, seenOver };
      const statistics = statisticsOf(session.plan, norms, collected, (name) => values.get(name) ?? new Float32Array());
      sayDiagnostics(varianceWarnings(statistics, norms.sites), output);
    }
    return measures;
  });
}

/** W0607 if an ε is as large as the variance it guards; W0609 if a variance in a recurrence is zero after its first step. */
export function varianceWarnings(statistics: readonly Statistic[], sites: Norms["sites"]): readonly Diagnostic[] {
  const findings = findingsOf(statistics);
  return statistics.flatMap((statistic): readonly Diagnostic[] => {
    const site = sites.find(({ name }) => placeName(name) === statistic.site);
    if (site === undefined) return [];
    const { epsilon } = statistic;
    const variance = medianVariance(statistic);
    const collapsed = findings.find(({ kind, statistic: name }) => kind === "collapsed" && name === statistic.name);
    // At step 1 the large gradient ends at the initial state. At later steps the factors multiply.
    const steps = statistic.recurrent ? (collapsed?.steps.filter((step) => step > 1) ?? []) : [];
    return [
      ...(epsilon !== undefined && variance <= epsilon ? [largeEpsilon(site, epsilon, variance)] : []),
      ...(collapsed && steps.length > 0
        ? [noVariance(site, statistic, stepsText(collapsed.steps), collapsed.units)]
        : []),
    ];
  });
}

type Site = Norms["sites"][number];

const shown = ({ name }: Site): string => placeName(name);

const largeEpsilon = (site: Site, epsilon: number, variance: number): Diagnostic => ({
  code: "W0607",
  severity: "warning",
  message: `at \`${shown(site)}\` ε is ${epsilon}, as large as the variance it guards, ${variance.toPrecision(2)}`,
  span: site.span,
  label: "the median of the first batch",
  help: `use a smaller eps, such as eps = ${(variance / 100).toExponential(0)}`,
});

const noVariance = (site: Site, { units: all }: Statistic, steps: string, units: number): Diagnostic => ({
  code: "W0609",
  severity: "warning",
  message: `at \`${shown(site)}\` the examples of the first batch are alike at ${steps}, in ${units === all ? `all ${all}` : `up to ${units} of ${all}`} units`,
  span: site.span,
  label: "the variance is zero there, and at each such step gradients grow by γ/√ε",
  help: "let the examples begin apart: state h : [H] = noise(0.1)",
});

/** Median of the variances above zero: steps where all examples are equal, such as the first, say nothing about ε. */
function medianVariance(statistic: Statistic): number {
  return median([...statistic.values].flatMap((value) => varianceOf(statistic, value) ?? []).filter((v) => v > 0));
}
