/** What the fields of JSON records are, seen from some of them. */
import type { Failure } from "../../failure.ts";
import type { KeyPath } from "../../report/schema.ts";
import type { Field } from "../recording.ts";
import type { Line } from "./characters.ts";

export interface JsonRecord {
  readonly line: Line;
  readonly entries: ReadonlyMap<string, unknown>;
}

export interface JsonField {
  readonly key: string;
  readonly field: Field;
}

/** The key of how many steps a sequence has before what fills it up. */
export const LENGTHS = "lengths";

type Refuse = (record: JsonRecord, at: KeyPath, reason: string, help?: string) => Failure;

/**
 * The fields of records, of which there is at least one. Lists named in `perSequence` are of the sequence as a whole. What is missing in
 * all records is no field. Throws what `refuse` returns.
 */
export function fieldsOfRecords(
  records: readonly JsonRecord[],
  perSequence: readonly string[],
  refuse: Refuse,
): readonly JsonField[] {
  const keys = [...new Set(records.flatMap(({ entries }) => [...entries.keys()]))].filter((key) => key !== LENGTHS);
  const known = keys.flatMap((key) => {
    const record = records.find(({ entries }) => isKnown(entries.get(key)));
    return record === undefined ? [] : [{ key, record, value: record.entries.get(key) }];
  });
  const [text, words] = ["text", "w"].map((name) => known.find(({ key }) => key === name));
  if (text !== undefined && words !== undefined)
    throw refuse(text.record, ["text"], "would be called w, and there is a `w`", "leave one of them out");
  const steps = leadOf(known, perSequence, records, refuse);
  return known.map(({ key, record, value }) => {
    const over =
      key === "text" || (Array.isArray(value) && !perSequence.includes(key) && isAsLong(key, steps, records))
        ? "steps"
        : "sequence";
    return { key, field: fieldOf(key, value, over, (at, reason) => refuse(record, at, reason)) };
  });
}

interface Known {
  readonly key: string;
  readonly record: JsonRecord;
  readonly value: unknown;
}

/** The most lists within one another: no input has more axes, and a file of brackets alone must not exhaust the stack. */
const DEEPEST = 8;

/** Whether a value says what its field is: it is neither missing nor a list of nothing else. */
export const isKnown = (value: unknown, depth = 0): boolean =>
  Array.isArray(value)
    ? depth === DEEPEST || value.some((item) => isKnown(item, depth + 1))
    : value !== null && value !== undefined;

/** The key of the list or text whose parts are the steps. */
function leadOf(
  known: readonly Known[],
  perSequence: readonly string[],
  records: readonly JsonRecord[],
  refuse: Refuse,
): string {
  const lists = known.filter(
    ({ key, value }) => key === "text" || (Array.isArray(value) && !perSequence.includes(key)),
  );
  const named = ["x", "w", "text"].find((name) => lists.some(({ key }) => key === name));
  if (named !== undefined) return named;
  const [first, ...others] = lists;
  if (first === undefined) throw refuse(records[0], [], "has no list, so it has no steps", `want {"x": […], "y": …}`);
  const other = others.find(({ key }) => !isAsLong(key, first.key, records));
  if (other === undefined) return first.key;
  throw refuse(
    other.record,
    [other.key],
    `is not as long as \`${first.key}\`: which has the steps?`,
    "call the list with the inputs x, or name the other one in --per-sequence",
  );
}

/** Whether the lists of two keys are equally long in all records. A record that has a list for only one of them does not say otherwise. */
function isAsLong(key: string, other: string, records: readonly JsonRecord[]): boolean {
  return records.every(({ entries }) => {
    const [a, b] = [entries.get(key), entries.get(other)];
    return !Array.isArray(a) || !Array.isArray(b) || a.length === b.length;
  });
}

function fieldOf(
  key: string,
  value: unknown,
  over: Field["over"],
  refuse: (at: KeyPath, reason: string) => Failure,
): Field {
  if (key === "text") {
    if (typeof value !== "string") throw refuse([key], "is no text");
    return { kind: "symbol", over };
  }
  const at: (string | number)[] = [key];
  const shape: number[] = [];
  let inner = value;
  while (Array.isArray(inner)) {
    if (shape.length === DEEPEST) throw refuse([key], `has more than ${DEEPEST} lists within one another`);
    const depth = shape.length + 1;
    const index = inner.findIndex((item) => isKnown(item, depth));
    at.push(index);
    shape.push(inner.length);
    inner = inner[index];
  }
  if (typeof inner === "object") throw refuse(at, "is an object: want numbers, texts or lists of them");
  const isLabel = key === "id" && over === "sequence";
  if (typeof inner === "number" && !isLabel)
    return { kind: "number", over, shape: over === "steps" ? shape.slice(1) : shape };
  if (shape.length > (over === "steps" ? 1 : 0))
    throw refuse(at, over === "steps" ? "is one of several texts at a step" : "is one of several texts of a sequence");
  return { kind: isLabel ? "label" : "symbol", over };
}
