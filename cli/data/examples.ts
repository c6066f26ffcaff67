/** Which examples a data set has, before any of them is read: windows, whole sequences, or parts that follow each other. */
import { exit, Failure } from "../failure.ts";
import { type CarriedParts, carriedParts } from "./carried-parts.ts";
import type { OwnData } from "./opened-data.ts";
import { type Examples, examplesOf } from "./segments.ts";
import { isEachStep } from "./target-place.ts";
import type { Split } from "./task.ts";

export interface DataExamples {
  /** Steps behind an example's own that its target needs. */
  readonly behind: number;
  /** Those of them that must be there: none of data that is predicted. */
  readonly certain: number;
  /** Steps that an example takes of its sequence, with what must be behind it; undefined if that is all of them. */
  readonly needed: number | undefined;
  readonly examples: Readonly<Record<Split, Examples>>;
  /** The same examples, if they are parts of sequences that go on. */
  readonly parts: CarriedParts | undefined;
}

/** Throws C0406 for states that go on past a target of a whole sequence. */
export function dataExamples(data: Omit<OwnData, "summary" | "store" | "roles">): DataExamples {
  const { segments, preparation, options, predicting = false, going } = data;
  const { window, horizon = 0, stride = 1, randomOffset } = options;
  const behind = Object.values(preparation.places).includes("next") ? 1 : horizon;
  const certain = predicting ? 0 : behind;
  const needed = window === undefined ? undefined : window + certain;
  if (going !== undefined) {
    requireEachStep(data);
    if (window === undefined) throw new Error("states go on from window to window");
    const parts = carriedParts(segments, { streams: going.streams, window, ahead: certain }, predicting);
    return { behind, certain, needed: 1 + certain, examples: parts, parts };
  }
  const of = (split: Split, movable = false): Examples =>
    examplesOf(segments[split], { needed, stride, least: 1 + certain, toEnd: predicting, movable });
  const examples = {
    train: of("train", randomOffset === true && !predicting),
    validation: of("validation"),
    test: of("test"),
  };
  return { behind, certain, needed, examples, parts: undefined };
}

function requireEachStep({ name, preparation: { places, targets } }: Pick<OwnData, "name" | "preparation">): void {
  const alone = Object.keys(targets).find((target) => !isEachStep(places[target]));
  if (alone === undefined) return;
  throw new Failure(
    "C0406",
    exit.input,
    `${alone} of ${name}, ${targets[alone].fields.join(", ")}, is of a whole sequence, and with --carry each window goes on in the next`,
    "take a target at each step: --per step; or leave --carry out",
  );
}

/** Whether sequences that go on differ in length. */
export const isUneven = (parts: CarriedParts): boolean => Object.values(parts).some(({ uneven }) => uneven);
