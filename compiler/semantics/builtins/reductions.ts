/** Built-in functions that reduce over axes. */
import type { Builtin } from "../builtin.ts";
import { reduce } from "../reductions.ts";

const reduction = (name: "sum" | "mean", doc: string): Builtin => ({
  signature: `${name}(x, over …)`,
  doc,
  arity: [1, 1],
  reduces: true,
  takesAllSteps: true,
  apply: (call) => reduce(name, call),
});

export const reductions = {
  sum: reduction("sum", "sum over features, or the axes given"),
  mean: reduction("mean", "mean over features, or the axes given"),
} satisfies Readonly<Record<string, Builtin>>;
