/** Built-in functions that depend on the progress of training. */
import type { OpAttrs, StatPolicy } from "../../ir/types.ts";
import { type Builtin, constant, value } from "../builtin.ts";
import { maxParts } from "../constants.ts";
import { type Context, claim } from "../context.ts";
import { realValue, toValue } from "../expressions.ts";
import { poison } from "../scope.ts";

/** The statistic that records whether statistics kept by `policy` were collected: one for all of a norm with that policy. */
function collected({ name, policy }: OpAttrs["stat"], c: Context): string {
  const alike = c.builder.ops.find((op) => op.op === "population" && sameKeeping(op.attrs.policy, policy));
  if (alike?.op === "population") return alike.attrs.collected;
  return claim(`${name.slice(0, name.lastIndexOf("/"))}/collected`, c.world.taken);
}

const sameKeeping = (a: StatPolicy, b: StatPolicy): boolean =>
  a.kind === "per_step" && b.kind === "per_step" ? a.steps === b.steps : a.kind === b.kind;

export const trainingFunctions = {
  population: {
    signature: "population(m)",
    doc: "the population's value of the statistic m, without gradient",
    arity: [1, 1],
    apply: (call) => {
      const { c, spans, args } = call;
      const m = toValue(args[0], spans[0], c);
      if (m === undefined) return poison;
      const stat = c.builder.ops.find((op) => op.results.includes(m));
      if (stat?.op === "stat") {
        const { name, policy } = stat.attrs;
        return value(c.builder.one("population", [m], { name, policy, collected: collected(stat.attrs, c) }));
      }
      c.problems.error("C0226", spans[0], "this is not a statistic", {
        label: "there is a population's value of a `stat` only",
        help: "give the statistic a name, `stat m = …`, and write population(m)",
      });
      return poison;
    },
  },
  ramp: {
    signature: "ramp(from, to, first, last)",
    doc: "changes from `from` to `to` between the updates `first` and `last` of a training; `to` at inference and in estimates",
    arity: [4, 4],
    apply: ({ args, spans, c, span }) => {
      const numbers = args.map((m, i) => constant(m, spans[i], c));
      const [from, to, first, last] = numbers;
      if (from === undefined || to === undefined || first === undefined || last === undefined) return poison;
      if (Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 0 && last >= first)
        return value(c.builder.one("ramp", [], { from, to, first, last }));
      c.problems.error("C0222", span, `nothing changes between the updates ${first} and ${last}`, {
        label: "two whole numbers are needed, from 0 up, the second no smaller",
        help: "write ramp(1, 3, 5000, 40000)",
      });
      return poison;
    },
  },
  training: {
    signature: "training()",
    doc: "1 in training, 0 at inference and when statistics are estimated",
    arity: [0, 0],
    apply: ({ c }) => value(c.builder.one("training", [], {})),
  },
  group_mean: {
    signature: "group_mean(x, n)",
    doc: "in a stat: for each example the mean over its group of n consecutive examples",
    arity: [2, 2],
    apply: (call) => {
      const { c, args, spans, span } = call;
      const x = realValue(args[0], spans[0], c);
      const size = constant(args[1], spans[1], c);
      if (x === undefined || size === undefined) return poison;
      if (c.inStat !== true) {
        c.problems.error("C0223", span, "what is computed of an example must not depend on the others", {
          label: "a mean over a group of examples is a statistic",
          help: "in a norm: stat m = group_mean(x, 16), for which the population's value stands at inference",
        });
        return poison;
      }
      if (!Number.isInteger(size) || size < 2 || size > maxParts) {
        c.problems.error("C0222", spans[1], `${size} is not the size of a group`, {
          label: `a whole number from 2 to ${maxParts} is needed: a single example has no variance`,
        });
        return poison;
      }
      if (!x.type.batch) {
        c.batchless?.(span);
        return poison;
      }
      const b = c.builder;
      const one = b.broadcast(b.scalar(1), { ...x.type, time: false, shape: [] });
      const [sum, count] = [x, one].map((v) => b.one("group_sum", [v], { group: size }));
      return value(b.div(sum, count));
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
