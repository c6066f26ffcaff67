/** What each statistic of the norms is. */
import type { Graph } from "../ir/types.ts";
import { definitions } from "../passes/rewrite.ts";
import { meanOf, variances } from "../passes/variances.ts";
import { type Guard, guards } from "./guards.ts";

/** A norm's statistic that is a mean, a variance or a deviation. */
export interface Moment {
  /** Full name of the site: `rnn/hh`. */
  readonly site: string;
  /** Full name of the statistic: `rnn/hh/v`. */
  readonly statistic: string;
  /** A deviation is a variance's root, an ε within it. */
  readonly is: "mean" | Guard["is"];
  /** What keeps it away from zero, where it is a variance or deviation that a norm divides by. */
  readonly epsilon?: number;
  /** The statistic that a variance is about, or that stands beside a deviation. */
  readonly about?: string;
}

/** The statistics of `graph`, as elaborated, that are means, variances or deviations of what is normalized. */
export function moments(graph: Pick<Graph, "norms">): readonly Moment[] {
  const guarded = new Map(guards(graph).map((guard) => [guard.statistic, guard]));
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
