/** The types of marks, which say what steps the examples of a batch have. */
import { markAxes } from "../../runtime/mark-axes.ts";
import type { Mark } from "../../runtime/plan.ts";
import type { Type } from "./types.ts";

export const markNames = Object.keys(markAxes) as readonly Mark[];

/** The type of a mark: for each step, for each example, or for each step of each example. */
export const markType = (mark: Mark): Type => ({ dtype: "f32", ...markAxes[mark], shape: [] });
