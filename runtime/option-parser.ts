/** Checks an object of options against a table of rules: types do not protect a caller that is JavaScript. */
import { RuntimeError } from "./error.ts";
import { isCount, isRecord, shown } from "./shown.ts";

/** What a value must be, as the end of a sentence that begins with its name, and the test for it. */
export type Rule = readonly [what: string, test: (value: never) => boolean];
export type Rules<T> = { readonly [K in keyof T]-?: Rule };

/** Tests the number as f32 holds it: there 1e-60 is zero and 1e60 infinite. */
export const number = (what: string, test: (value: number) => boolean): Rule => [
  what,
  (value) => typeof value === "number" && test(Math.fround(value)),
];
export const isSize = (value: unknown): boolean => isCount(value) && value >= 1;
export const flag: Rule = ["true or false", (value) => typeof value === "boolean"];

/** Checks options of a kind and returns them. It is called for each step, and allocates nothing. */
export type OptionParser<T> = (given: unknown) => Partial<T>;

/** Accepts the fields that there are rules for, each of them optional, and no others. Errors: C0406, naming the field. */
export function optionParser<T extends object>(what: string, rules: Rules<T>): OptionParser<T> {
  const known = Object.entries<Rule>(rules);
  return (given) => {
    if (!isRecord(given)) throw new RuntimeError("C0406", `${what} are an object, not ${shown(given)}`);
    for (const key in given) {
      if (Object.hasOwn(rules, key)) continue;
      throw new RuntimeError("C0406", `${what} have no \`${key}\``, `there are ${Object.keys(rules).join(", ")}`);
    }
    for (const [key, [must, test]] of known) {
      const value = given[key];
      if (value !== undefined && !test(value as never))
        throw new RuntimeError("C0406", `\`${key}\` is ${must}, not ${shown(value)}`);
    }
    return given as Partial<T>;
  };
}
