/** The values of indices: which frame, and where in it. */
import type { Index } from "./plan.ts";

/** What an index may depend on. */
export interface IndexTimes {
  readonly t: number;
  readonly T: number;
  readonly y: number;
}

const operations = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => Math.trunc(a / b),
  rem: (a: number, b: number) => a % b,
  min: Math.min,
  max: Math.max,
} as const;

/** The value of an index. */
export function indexAt(index: Index, times: IndexTimes): number {
  if (typeof index === "number") return index;
  if (typeof index === "string") return times[index];
  const [op, a, b] = index;
  return operations[op](indexAt(a, times), indexAt(b, times));
}
