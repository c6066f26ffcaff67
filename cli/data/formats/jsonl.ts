/** JSON Lines: an object on each line, which is a sequence. */
import type { Failure } from "../../failure.ts";
import { errorOffset, keyPathOffset, keyPathText } from "../../report/json.ts";
import type { KeyPath } from "../../report/schema.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Field, Piece, Recording, Values } from "../recording.ts";
import { type Line, readLines } from "./characters.ts";
import { fault } from "./fault.ts";
import { fieldsOfRecords, isKnown, type JsonField, type JsonRecord, LENGTHS } from "./json-fields.ts";
import { BadSymbol, cutText, type SymbolUnit } from "./symbols.ts";
import { type Wanted, withWanted } from "./wanted.ts";

export interface JsonlOptions extends Wanted {
  /** What a missing value is, written `null` or left out: a `Failure` that names its place, or NaN. */
  readonly missing: "refused" | "kept";
  /** Lists with a value for the sequence as a whole, although they are as long as it. */
  readonly perSequence?: readonly string[];
  /** Into what a `text` is cut. Default: characters. */
  readonly unit?: SymbolUnit;
}

/** Records from which the fields are seen. */
const SAMPLE = 1000;

/**
 * Opens JSON Lines: `{"x": [[1, 2], [3, 4]], "y": 3, "id": "a"}`. The list `x` (or `w`, or the text `text`, which becomes `w`) has the
 * steps, and so have lists that are always as long; other lists, numbers and texts are of the sequence. Texts are symbols, `id` is a
 * label, and `lengths` says where a sequence that is filled up ends. Blank lines are passed over. Throws C0401, and C0402 with line,
 * column and the key.
 */
export async function openJsonl(source: ByteSource, options: JsonlOptions): Promise<Recording> {
  const sample: JsonRecord[] = [];
  for await (const record of records(source)) {
    sample.push(record);
    if (sample.length === SAMPLE) break;
  }
  if (sample.length === 0) throw fault(source.path, "it is empty");
  const fields = fieldsOfRecords(sample, options.perSequence ?? [], (record, at, reason, help) =>
    wrong(source, record, at, reason, help),
  );
  const recording: Recording = {
    path: source.path,
    fields: Object.fromEntries(fields.map(({ key, field }) => [nameOf(key), field])),
    async *pieces() {
      for await (const record of records(source)) yield pieceOf(source, record, fields, options);
    },
  };
  return withWanted(recording, options);
}

/** A text is the words of a language model's input. */
const nameOf = (key: string): string => (key === "text" ? "w" : key);

async function* records(source: ByteSource): AsyncGenerator<JsonRecord> {
  for await (const lines of readLines(source)) {
    for (const line of lines) {
      if (line.text.trim() !== "") yield parsed(source, line);
    }
  }
}

function parsed(source: ByteSource, line: Line): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (error) {
    const column = errorOffset(error, line.text) + 1;
    const notJson = /(?:^|[[:,\s])-?(?:NaN|Infinity)\b/.test(line.text)
      ? "write null for a number that is missing"
      : undefined;
    throw fault(source.path, "the line is not JSON", { line: line.number, column }, notJson);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault(source.path, "the line is no object", { line: line.number, column: 1 }, `want {"x": […], "y": …}`);
  return { line, entries: new Map(Object.entries(value)) };
}

function wrong(source: ByteSource, { line }: JsonRecord, at: KeyPath, reason: string, help?: string): Failure {
  const column = keyPathOffset(line.text, at) + 1;
  return fault(source.path, `${keyPathText(at)} ${reason}`, { line: line.number, column }, help);
}

function pieceOf(source: ByteSource, record: JsonRecord, fields: readonly JsonField[], options: JsonlOptions): Piece {
  const stray = [...record.entries].find(
    ([key, value]) => key !== LENGTHS && isKnown(value) && !fields.some((field) => field.key === key),
  );
  if (stray !== undefined) throw wrong(source, record, [stray[0]], "is in no line before: the lines do not agree");
  const refuse = (at: KeyPath, reason: string): Failure => {
    const help = reason === MISSING ? "fill what is missing: --missing mean, zero or previous" : undefined;
    return wrong(source, record, at, reason, help);
  };
  const steps = stepsOf(source, record, fields, options, refuse);
  const values = fields.map(({ key, field }): [string, Values] => {
    const value = record.entries.get(key);
    const isMissing = value === undefined || value === null;
    if (isMissing && (field.over === "steps" || options.missing === "refused")) throw refuse([key], MISSING);
    if (key === "text") return [nameOf(key), symbolsOf(String(value), options, refuse).slice(0, steps)];
    if (field.over === "sequence") return [key, ofSequence(value, field, [key], options, refuse)];
    return [key, overSteps(value, field, steps, [key], options, refuse)];
  });
  return { begins: true, steps, values: Object.fromEntries(values) };
}

const MISSING = "is missing";

type Refuse = (at: KeyPath, reason: string) => Failure;

/** How long the sequence is; its lists must agree. */
function stepsOf(
  source: ByteSource,
  record: JsonRecord,
  fields: readonly JsonField[],
  options: JsonlOptions,
  refuse: Refuse,
): number {
  let length: number | undefined;
  let first = "";
  for (const { key, field } of fields) {
    if (field.over !== "steps") continue;
    const value = record.entries.get(key);
    if (value === undefined || value === null) throw refuse([key], MISSING);
    if (key === "text" ? typeof value !== "string" : !Array.isArray(value))
      throw refuse([key], `is ${kindOf(value)}, want ${key === "text" ? "text" : "a list"}`);
    const found = key === "text" ? symbolsOf(value as string, options, refuse).length : (value as unknown[]).length;
    if (length !== undefined && found !== length)
      throw wrong(
        source,
        record,
        [key],
        `has ${found} steps, and \`${first}\` has ${length}`,
        `a list of the sequence as a whole is named in --per-sequence ${key}`,
      );
    [length, first] = [found, key];
  }
  if (length === undefined || length === 0) throw refuse([first], "has no step");
  const given = record.entries.get(LENGTHS);
  if (given === undefined || given === null) return length;
  if (typeof given === "number" && Number.isInteger(given) && given >= 1 && given <= length) return given;
  throw refuse(
    [LENGTHS],
    `is ${typeof given === "number" ? given : kindOf(given)}, want a whole number of steps from 1 to ${length}`,
  );
}

function symbolsOf(text: string, { unit = "characters" }: JsonlOptions, refuse: Refuse): string[] {
  try {
    return cutText(text, unit);
  } catch (error) {
    if (error instanceof BadSymbol) throw refuse(["text"], `cannot be cut into ${unit}: ${error.message}`);
    throw error;
  }
}

function ofSequence(value: unknown, field: Field, at: KeyPath, options: JsonlOptions, refuse: Refuse): Values {
  if (field.kind !== "number") return [textOf(value ?? "", field, at, refuse)];
  const out = new Float64Array(field.shape.reduce((product, extent) => product * extent, 1)).fill(Number.NaN);
  if (value !== undefined && value !== null) fill(out, 0, value, field.shape, at, options, refuse);
  return out;
}

function overSteps(
  value: unknown,
  field: Field,
  steps: number,
  at: KeyPath,
  options: JsonlOptions,
  refuse: Refuse,
): Values {
  const list = value as readonly unknown[];
  if (field.kind !== "number")
    return list.slice(0, steps).map((item, step) => {
      if (item === null && options.missing === "refused") throw refuse([...at, step], MISSING);
      return textOf(item ?? "", field, [...at, step], refuse);
    });
  const width = field.shape.reduce((product, extent) => product * extent, 1);
  const out = new Float64Array(steps * width);
  for (let step = 0; step < steps; step++)
    fill(out, step * width, list[step], field.shape, [...at, step], options, refuse);
  return out;
}

/** Writes nested lists of numbers to `out`, from `from` on. */
function fill(
  out: Float64Array,
  from: number,
  value: unknown,
  shape: readonly number[],
  at: KeyPath,
  options: JsonlOptions,
  refuse: Refuse,
): void {
  const [extent, ...inner] = shape;
  if (extent === undefined) {
    if (typeof value === "number") out[from] = value;
    else if (value !== null) throw refuse(at, `is ${kindOf(value)}, want a number`);
    else if (options.missing === "refused") throw refuse(at, MISSING);
    else out[from] = Number.NaN;
    return;
  }
  if (!Array.isArray(value)) throw refuse(at, `is ${kindOf(value)}, want a list of ${extent}`);
  if (value.length !== extent) throw refuse(at, `is a list of ${value.length}, want ${extent}`);
  const width = inner.reduce((product, size) => product * size, 1);
  for (let i = 0; i < extent; i++) {
    const item = value[i];
    // What most lists hold, without a path for each number.
    if (inner.length === 0 && typeof item === "number") out[from + i] = item;
    else fill(out, from + i * width, item, inner, [...at, i], options, refuse);
  }
}

function textOf(value: unknown, field: Field, at: KeyPath, refuse: Refuse): string {
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  if (field.kind === "label" && typeof value === "number") {
    if (Number.isSafeInteger(value) || !Number.isInteger(value)) return String(value);
    throw refuse(at, "is a number beyond 2^53, which JSON's readers round: write it in quotes");
  }
  throw refuse(at, `is ${kindOf(value)}, want text`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "number" ? "a number" : typeof value === "boolean" ? "true or false" : "text";
}
