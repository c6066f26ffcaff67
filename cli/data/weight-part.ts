/** The weights of examples, as numbers for a model. */
import type { ReadExample } from "./opened-data.ts";
import { type RowPlace, type TargetPart, targetOf } from "./parts.ts";
import { columnsOf, type Preparation } from "./preparation.ts";
import type { Roles } from "./roles.ts";
import type { Store } from "./store.ts";
import type { TaskInput } from "./task.ts";
import type { PreparedWeights } from "./weights.ts";

/** Where weights are, and what they are. */
export interface WeightPart extends Pick<TargetPart, "at" | "prepared"> {
  /** The weight of a target that stands at a step of the example, or beside its sequence. */
  weightOf(example: ReadExample, step: number | undefined): number;
}

/** The weights that a preparation has, of the task's first target. Undefined if it has none. */
export function weightPart(
  store: Store,
  { weight: role }: Roles,
  { weight }: Preparation,
  target: TargetPart,
): WeightPart | undefined {
  if (weight === undefined) return undefined;
  const column = role && columnsOf(store, role)[0];
  const ofClass = weight.classes === undefined ? () => 1 : classWeight(store, weight.classes, target);
  return {
    at: weight.at,
    prepared: target.prepared,
    weightOf(example, step) {
      const of = role?.over === "steps" ? example.rows[(step ?? 0) * store.width + column!] : undefined;
      const own = role?.over === "sequence" ? example.row[column!] : of;
      return filled(weight, own) * ofClass(example, step);
    },
  };
}

/** Without a column, all weigh 1. */
const filled = ({ fill }: PreparedWeights, value: number | undefined): number =>
  value === undefined ? 1 : Number.isNaN(value) ? fill : value;

const classWeight =
  (store: Store, classes: readonly number[], { part, name }: TargetPart) =>
  ({ sequence, from, rows, row }: ReadExample, step: number | undefined): number => {
    if (part === undefined) throw new Error(`there is no ${name}, by whose class is weighed`);
    const [column] = part.columns;
    const place: RowPlace = step === undefined ? { sequence } : { sequence, step: from + step };
    const value = step === undefined ? row[column] : rows[step * store.width + column];
    return classes[part.place(value, place)];
  };

/** One number for each value of the target, but for each step of a horizon once. */
export const weightInput = ({ at, prepared }: WeightPart, horizon: number): TaskInput =>
  prepared.kind === "symbols" && at === "horizon"
    ? { kind: "value", shape: [1], time: false }
    : targetOf({ name: "", at, prepared: ONE, width: 1 }, horizon);

/** A number as it is. */
const ONE = { kind: "numbers", fields: [], center: [0], spread: [1], fill: [0] } as const;
