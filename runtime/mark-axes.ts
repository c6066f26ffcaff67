/** Which marks have an entry for each step, and which for each example. */
import type { Mark } from "./plan.ts";

export const markAxes: Readonly<Record<Mark, { readonly time: boolean; readonly batch: boolean }>> = {
  valid: { time: true, batch: true },
  first: { time: true, batch: true },
  last: { time: true, batch: true },
  examples: { time: true, batch: false },
  some: { time: true, batch: false },
  enough: { time: true, batch: false },
  until: { time: true, batch: false },
  after: { time: true, batch: false },
  span: { time: false, batch: true },
  present: { time: false, batch: true },
  begins: { time: false, batch: true },
};
