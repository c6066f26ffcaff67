/** Keeps an executable within a memory budget, at the least cost in time. */
import type { EntryName } from "../runtime/plan.ts";
import { bytesOf, segmentLength } from "./buffers/segment-length.ts";
import type { Graph } from "./ir/types.ts";
import type { Segmented } from "./passes/segment.ts";
import type { Scheduled } from "./schedule.ts";

export type Schedule = ReadonlyMap<EntryName, Scheduled>;
export type Programs = Readonly<Partial<Record<EntryName, Graph | Segmented>>>;

/**
 * The fastest schedule that needs no more than `budget` bytes for `steps` steps: first with the best choice of values saved for the
 * backward loop, then with as much of them recomputed as possible, then in segments, the longest that fit. Throws C0305.
 */
export function within(
  budget: number | undefined,
  steps: number,
  make: (programs: Programs, length?: number) => Schedule,
  programs: Programs,
  others: { readonly thrifty: () => Programs; readonly segmented: () => Programs },
): Schedule {
  /** `programs`, with those replaced that `better` has. */
  const instead = (better: Programs): Programs =>
    Object.fromEntries(
      Object.entries(programs).map(([entry, program]) => [entry, better[entry as EntryName] ?? program]),
    );
  const whole = make(programs);
  if (budget === undefined || bytesOf(whole, steps) <= budget) return whole;
  const thrifty = make(instead(others.thrifty()));
  if (bytesOf(thrifty, steps) <= budget) return thrifty;
  const cut = instead(others.segmented());
  return make(cut, segmentLength(make(cut, 1), steps, budget));
}
