/** Classifies the statistics of norms as means, variances or deviations. */
import type { Graph } from "../ir/types.ts";
import { definitions } from "../passes/rewrite.ts";
import { meanOf, variances } from "../passes/variances.ts";
import { type Epsilon, epsilons } from "./epsilons.ts";

/** A norm's statistic that is a mean, a variance or a deviation. */
export interface Moment {
  /** Full name of the site: `rnn/hh`. */
  readonly site: string;
  /** Full name of the statistic: `rnn/hh/v`. */
  readonly statistic: string;
  /** A deviation is the root of a variance plus ε. */
  readonly is: "mean" | Epsilon["is"];
  /** What keeps it away from zero, if a norm divides by it. */
  readonly epsilon?: number;
  /** The mean that a variance is about, or that goes with a deviation. */
  readonly about?: string;
}

/** The statistics of `graph`, as elaborated, that are means, variances or deviations of what is normalized. */
export function moments(graph: Pick<Graph, "norms">): readonly Moment[] {
  const guarded = new Map(epsilons(graph).map((guard) => [guard.statistic, guard]));
  return [...graph.norms].flatMap(([site, norm]) => {
    const defs = definitions(norm.ops);
    const about = variances(norm);
    const spread = (name: string): boolean => about.has(name) || guarded.has(name);
    const statistics = norm.ops.flatMap((op) => (op.op === "stat" ? [{ op, name: op.attrs.name }] : []));
    const means = statistics.flatMap(({ op, name }) =>
      !spread(name) && meanOf(defs, op.operands[0]) !== undefined ? [name] : [],
    );
    return statistics.flatMap(({ name }): readonly Moment[] => {
      if (means.includes(name)) return [{ site, statistic: name, is: "mean" }];
      if (!spread(name)) return [];
      const { epsilon, is = "variance" } = guarded.get(name) ?? {};
      const mean = about.get(name) ?? (is === "deviation" ? means[0] : undefined);
      return [
        {
          ...{ site, statistic: name, is },
          ...(epsilon !== undefined && { epsilon }),
          ...(mean !== undefined && { about: mean }),
        },
      ];
    });
  });
}
