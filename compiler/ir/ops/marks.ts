/**
 * Ops that mark a value and return it unchanged: sites of norms, statistics, values without gradient, values with a buffer of their
 * own.
 */
import { copyFormat, none, policy, text, words } from "../attributes.ts";
import { moved } from "../range.ts";
import { inPlace, type Rows, type StructuralRow, whereAll } from "./row.ts";

type Mark = "stop" | "copy" | "site" | "stat" | "population";

const mark = <K extends Mark>(
  doc: string,
  row: Pick<StructuralRow<K>, "attributes" | "grad"> & Partial<StructuralRow<K>>,
): StructuralRow<K> => ({
  doc,
  operands: ["x"],
  infer: ([x]) => [x],
  axes: ([x]) => [inPlace(x)],
  range: moved,
  form: "point",
  zero: whereAll,
  evaluate: ([x]) => [x],
  ...row,
});

export const marks: Rows<Mark> = {
  stop: mark("the operand, without gradient", { attributes: none, grad: "zero", held: true, recompute: 0 }),
  copy: mark("the operand, in a buffer of its own", {
    attributes: words({ format: copyFormat }),
    grad: (_, { dy }) => dy,
    recompute: 0,
  }),
  site: mark("a point where a norm may stand", { attributes: words({ name: text }), grad: (_, { dy }) => dy }),
  stat: mark("a statistic over examples", { attributes: words({ name: text, policy }), grad: (_, { dy }) => dy }),
  population: mark("the population's value of a statistic of the batch", {
    attributes: words({ name: text, collected: text, policy }),
    grad: "zero",
    held: true,
    form: "expanded",
  }),
};
