/**
 * A table of rows as a recording: a row is a step, a column a field. Formats with rows give their cells; what rows mean is the same
 * for all of them.
 */
import { exit, Failure } from "../../failure.ts";
import type { Field, Piece, Recording, Values } from "../recording.ts";
import { type DateOrder, dateOrders, readDate } from "./date.ts";
import type { Look } from "./looks.ts";
import { type NumberForm, numberFormNames, numberForms, USUAL_NUMBERS } from "./number-forms.ts";
import type { ReadOptions } from "./read-options.ts";

/** - `number`: NaN where it is missing. - `date`: a label, in an order. - `text`: a symbol. */
export type ColumnKind = "number" | "date" | "text";

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

export interface Row {
  /** The line, or the row in a format without lines, counted from 1. */
  readonly line: number;
  /** As many as columns; "" where a text is missing. A number may come as its text. */
  readonly cells: readonly (string | number)[];
}

export interface Table {
  readonly path: string;
  /** What `Row.line` counts: `line`, `row`. */
  readonly unit: string;
  readonly columns: readonly Column[];
  /** Columns that look like something else than they are read as. */
  readonly looks?: Readonly<Record<string, Look>>;
  /** Some at a time, in order; may be read more than once. */
  rows(): AsyncIterable<readonly Row[]>;
}

/** Steps of a piece at most: large enough that a piece costs little, small beside the memory of a process. */
const PIECE = 4096;

/** What stands for a missing value in a table. */
const MISSING: ReadonlySet<string> = new Set([
  ...["", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "?"],
]);

export const isMissing = (text: string): boolean => MISSING.has(text);

/** A table, and how its texts are read. */
interface ReadTable extends Table {
  readonly form: NumberForm;
  readonly order: DateOrder | undefined;
}

/** Throws C0406 for a column that is asked for and not there. */
export function tableRecording(given: Table, options: ReadOptions): Recording {
  const table = { ...given, form: numberForms[options.numbers ?? USUAL_NUMBERS], order: options.dates };
  const { path, columns, looks } = table;
  const named = (name: string, what: string): number => {
    const at = columns.findIndex((column) => column.name === name);
    if (at >= 0) return at;
    throw new Failure(
      "C0406",
      exit.input,
      `${path} has no column ${name}, which is to be ${what}`,
      `its columns are ${columns.map((column) => column.name).join(", ")}`,
    );
  };
  const group = options.group === undefined ? undefined : named(options.group, "the group");
  const firstDate = columns.findIndex(({ kind }) => kind === "date");
  const time =
    options.timeColumn === undefined ? (firstDate < 0 ? undefined : firstDate) : named(options.timeColumn, "the time");
  const fields = new Map<string, { readonly field: Field; readonly column: number; readonly kind: ColumnKind }>();
  for (const [at, { name, kind }] of columns.entries()) {
    // A label costs memory, and only these two are asked for.
    if (at === group) fields.set(name, { field: { kind: "label", over: "sequence" }, column: at, kind: "text" });
    else if (at === time) fields.set(name, { field: { kind: "label", over: "steps" }, column: at, kind });
    else if (options.fields === undefined || options.fields.has(name)) {
      const asText = kind === "text" || options.texts?.has(name);
      if (asText) fields.set(name, { field: { kind: "symbol", over: "steps" }, column: at, kind: "text" });
      else if (kind === "date") fields.set(name, { field: { kind: "label", over: "steps" }, column: at, kind });
      else fields.set(name, { field: { kind: "number", over: "steps", shape: [] }, column: at, kind });
    }
  }
  return {
    path,
    fields: Object.fromEntries([...fields].map(([name, { field }]) => [name, field])),
    ...(looks && { looks }),
    pieces: () =>
      piecesOf(
        table,
        [...fields].map(([name, field]) => ({ name, ...field })),
        { group, time },
        options,
      ),
  };
}

interface Wanted {
  readonly name: string;
  readonly field: Field;
  readonly column: number;
  readonly kind: ColumnKind;
}

async function* piecesOf(
  table: ReadTable,
  wanted: readonly Wanted[],
  { group, time }: { readonly group?: number; readonly time?: number },
  { missing, group: groupName, anyOrder = false }: ReadOptions,
): AsyncGenerator<Piece> {
  const overSteps = wanted.filter(({ field }) => field.over === "steps");
  const reads = overSteps.map((of) => cellReader(table, of, missing));
  /** The groups that have begun, with the line of each one's first row. */
  const seen = new Map<string, number>();
  let [current, begins, steps] = ["", true, 0];
  let order = timeOrder(table, time, anyOrder);
  let values = empty(overSteps);
  const piece = (): Piece => {
    const made: Record<string, Values> = {};
    for (const [at, { name }] of overSteps.entries()) {
      const list = values[at];
      made[name] = list instanceof Float64Array ? list.slice(0, steps) : list;
    }
    if (begins && groupName !== undefined) made[groupName] = [current];
    return { begins, steps, values: made };
  };
  for await (const rows of table.rows())
    for (const row of rows) {
      if (group !== undefined) {
        const own = String(row.cells[group]);
        if (seen.size === 0 || own !== current) {
          if (own === "") throw wrong(table, row, group, "is empty, and says to which sequence the row belongs");
          const before = seen.get(own);
          if (before !== undefined)
            throw wrong(
              table,
              row,
              group,
              `is "${own}" again, which began at ${table.unit} ${before}, with others in between`,
              "sort the rows by this column first, and keep their order otherwise",
            );
          if (steps > 0) yield piece();
          seen.set(own, row.line);
          [current, begins, steps] = [own, true, 0];
          values = empty(overSteps);
          order = timeOrder(table, time, anyOrder);
        }
      }
      order(row);
      for (let at = 0; at < overSteps.length; at++) {
        const list = values[at];
        const value = reads[at](row);
        if (list instanceof Float64Array) list[steps] = value as number;
        else list.push(value as string);
      }
      steps++;
      if (steps === PIECE) {
        yield piece();
        [begins, steps] = [false, 0];
        values = empty(overSteps);
      }
    }
  if (steps > 0) yield piece();
}

const empty = (wanted: readonly Wanted[]): (Float64Array | string[])[] =>
  wanted.map(({ field }) => (field.kind === "number" ? new Float64Array(PIECE) : []));

/** Reads the cell of a column. Throws C0402 with the line for a cell that is not of the column's kind. */
function cellReader(
  table: ReadTable,
  { column, kind, field }: Wanted,
  missing: "refused" | "kept",
): (row: Row) => string | number {
  switch (kind) {
    case "number":
      return (row) => {
        const number = numberIn(table, row, column, missing);
        if (field.kind === "number") return number;
        // A time, which is written down again where points are all that stands in numbers.
        return Number.isNaN(number) ? "" : table.form.plain(String(row.cells[column]).trim());
      };
    case "text":
      return (row) => {
        const text = String(row.cells[column]);
        if (!isMissing(text)) return text;
        if (missing === "kept") return "";
        throw missingValue(table, row, column);
      };
    case "date":
      return (row) => String(row.cells[column]).trim();
    default:
      return kind satisfies never;
  }
}

function numberIn(table: ReadTable, row: Row, column: number, missing: "refused" | "kept"): number {
  const given = row.cells[column];
  // Between quotes, blanks are kept.
  const cell = typeof given === "number" ? given : given.trim();
  if (typeof cell === "number") {
    if (Number.isFinite(cell)) return cell;
    if (!Number.isNaN(cell)) throw wrong(table, row, column, `is ${cell}, and numbers must be finite`);
  } else if (table.form.is(cell)) {
    const number = Number(table.form.plain(cell));
    if (Number.isFinite(number)) return number;
    throw wrong(table, row, column, `is ${cell}, more than a number can be`);
  } else if (!isMissing(cell)) {
    if (/^[+-]?inf(?:inity)?$/i.test(cell)) throw wrong(table, row, column, `is ${cell}, and numbers must be finite`);
    throw wrong(
      table,
      row,
      column,
      `is "${short(cell)}", no number as ${row.line <= 2 ? "below" : "above"} it`,
      numberHelp(table, cell, row),
    );
  }
  if (missing === "kept") return Number.NaN;
  throw missingValue(table, row, column);
}

const missingValue = (table: Table, row: Row, column: number): Failure =>
  wrong(table, row, column, "is missing", "fill what is missing: --missing mean, zero or previous");

const GAP = "leave the cell empty, and say what stands for it: --missing mean, zero or previous";
const UNITS = "if the line has the units of the columns, take it out";
const MEND = "mend the cell, or leave the column out: --x and the names of others";

/** Whether a line is the first one under the names. */
const isFirst = (unit: string, line: number): boolean => unit === "line" && line === 2;

function numberHelp({ form, unit }: ReadTable, cell: string, { line }: Row): string {
  const others = numberFormNames.filter((name) => numberForms[name].is(cell));
  if (others.length > 0)
    return `numbers are read as ${form.name}, and this one is written as ${others.join(" or ")}: give --numbers the form that all of them have`;
  if (/^\([\d.,]+\)$/.test(cell)) return "write a minus sign, and no parentheses";
  if (/[%‰€$£¥]/.test(cell)) return "write the number alone";
  if (/^#[A-Z0-9/]+[!?]?$/.test(cell)) return `a formula has failed there: ${GAP}`;
  if (/^[-–—.*]+$/.test(cell)) return `if it says that the number is missing, ${GAP}`;
  if (isFirst(unit, line)) return `${UNITS}; else ${MEND}`;
  return MEND;
}

const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

/** A check that the times of a sequence are such, and do not go back unless they may. */
function timeOrder(table: ReadTable, time: number | undefined, anyOrder: boolean): (row: Row) => void {
  if (time === undefined) return () => {};
  const { kind } = table.columns[time];
  let before = Number.NEGATIVE_INFINITY;
  let text = "";
  return (row) => {
    const now =
      kind === "number" ? numberIn(table, row, time, "refused") : readDate(String(row.cells[time]).trim(), table.order);
    if (now === undefined) throw noDate(table, row, time);
    if (now < before && !anyOrder)
      throw wrong(
        table,
        row,
        time,
        `is ${row.cells[time]}, before the ${text} above it`,
        "sort the rows by time; if the table has several series, say which column tells them apart: --group",
      );
    [before, text] = [now, String(row.cells[time])];
  };
}

function noDate(table: ReadTable, row: Row, time: number): Failure {
  const text = String(row.cells[time]).trim();
  if (isMissing(text)) {
    const what = row.cells.every((cell) => cell === "")
      ? "the line has no values: take it out"
      : isFirst(table.unit, row.line)
        ? UNITS
        : "each row needs its time; a row of totals is no step, so take it out";
    return wrong(table, row, time, "is missing", what);
  }
  const order = dateOrders.find((one) => one !== table.order && readDate(text, one) !== undefined);
  const like =
    table.order === undefined ? "2016-07-01 12:00:00 or 1.7.2016" : table.order === "dmy" ? "31/12/2016" : "12/31/2016";
  return wrong(
    table,
    row,
    time,
    `is "${short(text)}", no date as ${like} is`,
    order === undefined
      ? "mend the cell; if the line has units or totals, take it out"
      : `with the ${order === "dmy" ? "day" : "month"} first it is one: --dates ${order}`,
  );
}

/** `etth1.csv:17: column 8, OT: …` */
function wrong(table: Table, row: Row, column: number, why: string, help?: string): Failure {
  const at = table.unit === "line" ? `${table.path}:${row.line}` : `${table.path}, ${table.unit} ${row.line}`;
  return new Failure("C0402", exit.input, `${at}: column ${column + 1}, ${table.columns[column].name}, ${why}`, help);
}
