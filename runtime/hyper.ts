/** Hyper-parameters: numbers that the host sets before a run. */
import { RuntimeError } from "./error.ts";
import { shown } from "./shown.ts";

/** Errors: C0406, if a hyper-parameter is not a finite number in f32. */
export function checkHyper(name: string, value: unknown): asserts value is number {
  if (typeof value === "number" && Number.isFinite(Math.fround(value))) return;
  throw new RuntimeError("C0406", `hyper-parameter \`${name}\` is a finite number, not ${shown(value)}`);
}

/** The numbers of a hyper-parameter by their index: a list holds one for each step. Errors: C0406. */
export type HyperAt = (name: string, value: number | readonly number[] | undefined) => (index: number) => number;

export const hyperAt: HyperAt = (name, value) => {
  if (value === undefined) throw new RuntimeError("C0406", `hyper-parameter \`${name}\` has no value`);
  const isOne = typeof value === "number";
  for (const one of isOne ? [value] : value) checkHyper(name, one);
  return (index) => (isOne ? value : value[index]);
};
