/** `iterate`: a function applied several times. */
import { type Builtin, constant } from "../builtin.ts";
import { maxParts } from "../constants.ts";
import { poison } from "../scope.ts";

export const rounds = {
  iterate: {
    signature: "iterate(f, n, start, …)",
    doc: "n rounds of the function f: f(start, 0, …), then f of the result and 1, and so on; further arguments go to every round",
    arity: [3, Number.POSITIVE_INFINITY],
    takesFunction: true,
    apply: ({ f, args: [count, start, ...others], spans, c }) => {
      const rounds = constant(count, spans[0], c);
      if (rounds === undefined) return poison;
      if (!Number.isInteger(rounds) || rounds < 0 || rounds > maxParts) {
        c.problems.error("C0222", spans[0], `${rounds} is not a number of rounds`, {
          label: `a whole number up to ${maxParts} is needed`,
        });
        return poison;
      }
      let carried = start;
      for (let i = 0; i < rounds && carried.kind !== "poison"; i++)
        carried = f!([carried, { kind: "number", number: i }, ...others], i);
      return carried;
    },
  },
} satisfies Readonly<Record<string, Builtin>>;
