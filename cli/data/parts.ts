/** What of a row becomes an input or a target of a model, and how. */
import { exit, Failure } from "../failure.ts";
import {
  columnsOf,
  type Preparation,
  type Prepared,
  type PreparedNumbers,
  type PreparedSymbols,
  symbolTexts,
} from "./preparation.ts";
import type { Role, Roles } from "./roles.ts";
import type { Store } from "./store.ts";
import { isEachStep, type TargetPlace } from "./target-place.ts";
import type { TaskInput, TaskOutput } from "./task.ts";

/** Where a row was read, for messages. */
export interface RowPlace {
  readonly sequence: number;
  /** Counted from 0; undefined for what is of the sequence as a whole. */
  readonly step?: number;
}

/** An input or a target, and how its numbers come from a row. */
export interface Part {
  readonly name: string;
  readonly prepared: Prepared;
  readonly over: Role["over"];
  /** Where its values are in a row. */
  readonly columns: readonly number[];
  /** A symbol's place among the names, from what stands in the row. */
  readonly place: (value: number, at: RowPlace) => number;
}

/** A target; without a part where the file does not have it. */
export interface TargetPart {
  readonly name: string;
  readonly prepared: Prepared;
  readonly at: TargetPlace;
  /** Numbers at a step. */
  readonly width: number;
  readonly part?: Part;
}

export const widthOf = (prepared: Prepared): number => (prepared.kind === "symbols" ? 1 : prepared.center.length);

export function partOf(store: Store, file: string, role: Role, prepared: Prepared): Part {
  const place =
    prepared.kind === "numbers" ? (value: number) => value : placeAmong(file, prepared, symbolTexts(store, role));
  return { name: role.name, prepared, over: role.over, columns: columnsOf(store, role), place };
}

/** The targets of a preparation, with their parts where the file has them. */
export function targetParts(store: Store, file: string, roles: Roles, preparation: Preparation): readonly TargetPart[] {
  return Object.entries(preparation.targets).map(([name, prepared]) => {
    const role = roles.targets.find((one) => one.name === name);
    return {
      name,
      prepared,
      at: preparation.places[name],
      width: widthOf(prepared),
      ...(role && { part: partOf(store, file, role, prepared) }),
    };
  });
}

/** A symbol's place among the names. Throws C0406, with its place, for one that is not there, unless one stands for all those. */
function placeAmong(file: string, { names, unknown, fields }: PreparedSymbols, textOf: (value: number) => string) {
  const places = new Map(names.map((text, at) => [text, at]));
  const known = new Map<number, number>();
  return (value: number, { sequence, step }: RowPlace): number => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const text = Number.isNaN(value) ? "" : textOf(value);
    const place = places.get(text) ?? (unknown ? names.length - 1 : undefined);
    if (place === undefined) {
      const where = `in sequence ${sequence + 1}${step === undefined ? "" : `, step ${step + 1}`}`;
      throw new Failure(
        "C0406",
        exit.input,
        text === ""
          ? `${fields[0]} of ${file} is missing ${where}`
          : `${fields[0]} of ${file} is ${JSON.stringify(text)} ${where}, which the training part does not have`,
        "--unknown, in training, gives all such symbols one place",
      );
    }
    known.set(value, place);
    return place;
  };
}

export const filled = ({ fill }: PreparedNumbers, c: number, value: number): number =>
  Number.isNaN(value) ? fill[c] : value;

export const scaled = (of: PreparedNumbers, c: number, value: number): number =>
  (filled(of, c, value) - of.center[c]) / of.spread[c];

/** Writes the numbers of a row, which begins at `from`, to `to`. With `base`, relative to those of the row that begins there. */
export function fill(
  values: Float32Array,
  to: number,
  { prepared, columns, place }: Part,
  rows: Float64Array,
  from: number,
  at: RowPlace,
  base?: number,
): void {
  if (prepared.kind === "symbols") {
    values[to] = place(rows[from + columns[0]], at);
    return;
  }
  for (let c = 0; c < columns.length; c++) {
    const value = rows[from + columns[c]];
    values[to + c] =
      base === undefined
        ? scaled(prepared, c, value)
        : (filled(prepared, c, value) - filled(prepared, c, rows[base + columns[c]])) / prepared.spread[c];
  }
}

export function inputOf(prepared: Prepared, time: boolean): TaskInput {
  if (prepared.kind === "symbols") return { kind: "index", size: prepared.names.length, time };
  return { kind: "value", shape: [widthOf(prepared)], time };
}

/** A single column's forecast is [horizon], several columns' [horizon, columns]. */
export function targetOf({ prepared, at, width }: TargetPart, horizon: number): TaskInput {
  if (at !== "horizon" || prepared.kind === "symbols") return inputOf(prepared, isEachStep(at));
  return { kind: "value", shape: width === 1 ? [horizon] : [horizon, width], time: false };
}

export function outputOf({ name, prepared, at, width }: TargetPart, store: Store, horizon: number): TaskOutput {
  if (prepared.kind === "symbols") return { kind: at === "next" ? "symbols" : "classes", names: prepared.names };
  const widths = prepared.fields.map((field) => store.fields.get(field)?.width);
  const isKnown = widths.every((of) => of !== undefined);
  const columns =
    prepared.fields.length === width
      ? prepared.fields
      : isKnown
        ? prepared.fields.flatMap((field, f) => numbered(field, widths[f]!))
        : numbered(prepared.fields.length === 1 ? prepared.fields[0] : name, width);
  return { kind: "numbers", columns, ...(at === "horizon" && { horizon }) };
}

const numbered = (name: string, width: number): readonly string[] =>
  width === 1 ? [name] : Array.from({ length: width }, (_, i) => `${name}[${i}]`);

/** D: numbers of a step; V: symbols of a step; K: classes or targets; N: the horizon. */
export function dimsOf(
  inputs: readonly Part[],
  [target]: readonly TargetPart[],
  horizon: number,
): Readonly<Record<string, number>> {
  const numbers = inputs.find(({ prepared, over }) => prepared.kind === "numbers" && over === "steps");
  const symbols = inputs.find(({ prepared, over }) => prepared.kind === "symbols" && over === "steps");
  return {
    ...(numbers && { D: numbers.columns.length }),
    ...(symbols?.prepared.kind === "symbols" && { V: symbols.prepared.names.length }),
    K: target.prepared.kind === "symbols" ? target.prepared.names.length : target.width,
    ...(horizon > 0 && { N: horizon }),
  };
}
