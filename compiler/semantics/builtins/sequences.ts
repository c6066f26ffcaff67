/** Built-in functions of sequences. */
import type { Value } from "../../ir/types.ts";
import { type Builtin, type BuiltinCall, value } from "../builtin.ts";
import { toValue } from "../expressions.ts";
import { poison } from "../scope.ts";

/** A function of a sequence. */
const ofSequence = (
  name: string,
  doc: string,
  of: (xs: Value, call: BuiltinCall) => Value,
  without: string,
): Builtin => ({
  signature: `${name}(xs)`,
  doc,
  arity: [1, 1],
  apply: (call) => {
    const { span, args, spans, c } = call;
    const x = toValue(args[0], spans[0], c);
    if (x === undefined) return poison;
    if (x.type.time) return value(of(x, call));
    c.problems.error("C0215", span, `\`${name}\` needs a value that varies over time`, {
      label: "this value has no time axis",
      help: without,
    });
    return poison;
  },
});

const atStep = (step: "first" | "last"): Builtin =>
  ofSequence(
    step,
    `the value at the ${step} time step`,
    (x, { c }) => c.builder.one("at", [x], { step }),
    `use it without \`${step}\``,
  );

export const sequenceFunctions = {
  last: atStep("last"),
  first: atStep("first"),
  cumsum: ofSequence(
    "cumsum",
    "at each step the sum of all steps so far",
    (x, { c }) => c.builder.one("cumsum", [x], { reverse: false }),
    "use it on a sequence, in a model; in a cell, keep the sum as a state: s' = s + x",
  ),
} satisfies Readonly<Record<string, Builtin>>;
