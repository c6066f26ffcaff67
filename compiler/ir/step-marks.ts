/** The types of marks, which say what steps the examples of a batch have. */
import type { Mark } from "../../runtime/plan.ts";
import type { Type } from "./types.ts";

/** Which marks have an entry for each step, and which for each example. */
const entries: Readonly<Record<Mark, Pick<Type, "time" | "batch">>> = {
  valid: { time: true, batch: true },
  first: { time: true, batch: true },
  last: { time: true, batch: true },
  examples: { time: true, batch: false },
  some: { time: true, batch: false },
  enough: { time: true, batch: false },
  until: { time: true, batch: false },
  after: { time: true, batch: false },
  span: { time: false, batch: true },
  exists: { time: false, batch: true },
  present: { time: false, batch: true },
};

export const markNames = Object.keys(entries) as readonly Mark[];

/** The type of a mark: for each step, for each example, or for each step of each example. */
export const markType = (mark: Mark): Type => ({ dtype: "f32", ...entries[mark], shape: [] });
