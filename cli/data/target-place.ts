/** Where the target of an example stands. */
import type { DataOptions } from "./data-options.ts";
import type { Role, Roles } from "./roles.ts";
import type { Store } from "./store.ts";

/** In the order in which they are listed in messages. */
export const targetPlaces = ["horizon", "next", "step", "last", "sequence"] as const;

/**
 * So many steps after the window, at the next step, at each step, at the last step, or beside the sequence.
 */
export type TargetPlace = (typeof targetPlaces)[number];

/** Where a target of a data set stands. Options that say it twice are refused before. */
export function placeOf(role: Role, { next }: Roles, { horizon, per }: DataOptions, store: Store): TargetPlace {
  if (role.over === "sequence") return "sequence";
  if (next) return "next";
  if (horizon !== undefined) return "horizon";
  if (per !== undefined) return per === "step" ? "step" : "last";
  // A class that all steps of each of many sequences share is said once.
  const field = store.fields.get(role.fields[0])!;
  return role.kind === "symbols" && field.constant && store.lengths.length > 1 ? "last" : "step";
}

/** Whether there is a target for each step of an example. */
export const isEachStep = (at: TargetPlace): boolean => at === "step" || at === "next";
