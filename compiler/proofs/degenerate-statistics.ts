/**
 * Statistics that are degenerate for a batch of one example: they do not depend on the example, such as its variance, which is zero.
 * The norm then maps every example to the same result, and the population must not collect such a statistic.
 *
 * They are found by experiment: a norm's statistics are computed in f64 for two different examples, each a batch by itself.
 */
import type { Alone } from "../../runtime/plan.ts";
import { interpret } from "../ir/interpret.ts";
import { count, extents } from "../ir/tensor.ts";
import type { Block, Graph, OpOf, Type, Value } from "../ir/types.ts";
import { variances } from "../passes/variances.ts";

/** The statistics of `graph`, as elaborated, that are degenerate for a batch of one, by name. `dims`: a number for every dimension. */
export function degenerateStatistics(graph: Graph, dims: Readonly<Record<string, number>>): ReadonlyMap<string, Alone> {
  const never = new Map([...graph.norms].map(([site, norm]) => [site, constantStatistics(norm, dims, 2)]));
  const blind = new Set([...never].flatMap(([site, names]) => (names.length > 0 ? [site] : [])));
  const downstream = sitesDownstream(graph, blind);
  return new Map(
    [...graph.norms].flatMap(([site, norm]): [string, Alone][] => {
      const total = variances(norm);
      const said = (steps: Alone["steps"], names: readonly string[]) =>
        names.map((name): [string, Alone] => [name, { steps, total: total.has(name) }]);
      // Values computed from a norm that makes all examples the same are not those of the model.
      if (downstream.has(site)) return statistics(norm).map((name) => [name, { steps: "any", total: false }]);
      return [...said("one", constantStatistics(norm, dims, 1)), ...said("any", never.get(site) ?? [])];
    }),
  );
}

const statistics = ({ ops }: Graph): readonly string[] =>
  ops.flatMap((op) => (op.op === "stat" ? [op.attrs.name] : []));

/** The statistics of a norm that are the same for two examples of `steps` steps, each a batch by itself. */
function constantStatistics(norm: Graph, dims: Readonly<Record<string, number>>, steps: number): readonly string[] {
  const results = norm.ops.flatMap((op) =>
    op.op === "stat" ? [{ kind: "output" as const, name: op.attrs.name, value: op.operands[0] }] : [],
  );
  const sizes = { ...dims, batch: 1, time: steps };
  const numbers = (seed: number, type: Type): readonly number[] =>
    // Between −1 and 1, no two alike: the sine of whole numbers.
    Array.from({ length: count(extents(type, sizes)) }, (_, i) => Math.sin(seed + 3 * i + 1));
  const of = (seed: number) =>
    interpret(
      { ...norm, results },
      { dims: sizes, leaf: (_, leaf, type) => numbers(leaf.kind === "input" ? seed : 0.5, type) },
    );
  const [first, second] = [of(0.1), of(0.7)];
  return results.flatMap(({ name }) => {
    const [a, b] = [first, second].map((made) => made.get(`output:${name}`)!.data);
    return a.every((value, i) => value === b[i]) ? [name] : [];
  });
}

/** The sites whose values are computed from results of the norms at `from`, which through a recurrence may be the same sites. */
function sitesDownstream(graph: Graph, from: ReadonlySet<string>): ReadonlySet<string> {
  const reached = new Set<Value>();
  const downstream = new Set<string>();
  const block = ({ ops }: Pick<Block, "ops">): void => {
    for (const op of ops) {
      if (op.op === "scan") scan(op);
      else {
        const isReached = op.operands.some((v) => reached.has(v));
        if (op.op === "site" && isReached) downstream.add(op.attrs.name);
        if (isReached || (op.op === "site" && from.has(op.attrs.name))) for (const r of op.results) reached.add(r);
      }
    }
  };
  const scan = ({ operands, attrs: { states }, results, body }: OpOf<"scan">): void => {
    const { params, results: made } = body!;
    const take = (to: Value, ...of: readonly Value[]): void => {
      if (of.some((v) => reached.has(v))) reached.add(to);
    };
    params.forEach((p, i) => {
      take(p, operands[i]);
    });
    // What reaches a next state reaches the next step: repeat up to a fixed point.
    for (let before = -1; before !== reached.size; ) {
      before = reached.size;
      block(body!);
      params.slice(0, states).forEach((p, i) => {
        take(p, made[i]);
      });
    }
    results.forEach((r, i) => {
      take(r, made[i], ...(i < states ? [params[i]] : []));
    });
  };
  if (from.size > 0) block(graph);
  return downstream;
}
