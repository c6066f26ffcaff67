/** Goes through a data set once, from its beginning to its end, and keeps what describes it. */
import type { DataOptions } from "../data/data-options.ts";
import { type DateOrder, readDate } from "../data/formats/date.ts";
import type { Field, Piece, Recording } from "../data/recording.ts";
import { checkSameFields } from "../data/store.ts";
import type { Split } from "../data/task.ts";
import { Fingerprint, MOST_SYMBOLS, MOST_TRACES, MOST_VALUES, NumberTally, Trace, ValueTally } from "./tallies.ts";

/** Columns of which values are kept to be drawn. */
const MOST_DRAWN = 24;

/** Where a value stands. Both are counted from 1. */
export interface Place {
  readonly sequence: number;
  readonly step: number;
  /** The date of the step, or whatever its time is. */
  readonly time?: string;
}

/** What is known of a field. */
export class FieldTally {
  readonly name: string;
  readonly field: Field;
  /** Numbers of a step or sequence; one for a symbol. */
  readonly width: number;
  /** For numbers: one for each. */
  readonly numbers: readonly NumberTally[];
  /** For symbols. */
  readonly symbols = new ValueTally<string>(MOST_SYMBOLS);
  /** Values that are missing, and where the first of them would be. */
  missing = 0;
  firstMissing: Place | undefined;
  /** Whether it is the same at all steps of each sequence. */
  isConstantInSequences = true;
  /** How many sequences begin with each value, as text. */
  readonly firsts = new ValueTally<string>(MOST_VALUES);
  /** Runs of equal values; whether each run has a value of its own, as far as that is known. */
  runs = 0;
  isRising = true;
  /** Of all values; and of the order in which different ones came first, which names of the same classes have in common. */
  readonly fingerprint = new Fingerprint();
  readonly order = new Fingerprint();
  readonly #codes = new Map<number | string, number>();
  #first: number | string | undefined;
  #before: number | string | undefined;

  constructor(name: string, field: Field, drawn: number) {
    this.name = name;
    this.field = field;
    this.width = field.kind === "number" ? field.shape.reduce((product, extent) => product * extent, 1) : 1;
    const count = field.kind === "number" ? this.width : 0;
    this.numbers = Array.from({ length: count }, (_, i) => new NumberTally(i < drawn));
  }

  /** Whether every value has runs of its own, and there are several: what tells sequences apart does. */
  get tellsApart(): boolean {
    const [numbers] = this.numbers;
    if (this.width !== 1 || this.runs < 2 || this.missing > 0) return false;
    if (numbers !== undefined)
      return numbers.isWhole && (this.isRising || (!numbers.values.isFull && numbers.values.distinct === this.runs));
    return !this.symbols.isFull && this.symbols.distinct === this.runs;
  }

  /** Whether it has a single value, and nothing is missing. */
  get isConstant(): boolean {
    if (this.missing > 0) return false;
    if (this.field.kind === "symbol") return this.symbols.distinct === 1;
    return this.numbers.length > 0 && this.numbers.every(({ moments }) => moments.least === moments.most);
  }

  begin(): void {
    this.#first = undefined;
    for (const numbers of this.numbers) numbers.begin();
  }

  /** Part `part` of a value: a number, or a symbol. */
  add(value: number | string, part: number, isTraced: boolean, place: () => Place): void {
    const isMissing = typeof value === "number" ? Number.isNaN(value) : value === "";
    if (isMissing) {
      this.missing++;
      this.firstMissing ??= place();
    }
    if (typeof value === "number") {
      this.numbers[part].add(value, isTraced);
      if (this.width === 1) this.fingerprint.add(value);
    } else if (!isMissing) this.symbols.add(value);
    if (this.width > 1) {
      // Whatever has several parts is no class.
      this.isConstantInSequences = false;
      return;
    }
    if (this.#first === undefined) {
      this.#first = value;
      this.firsts.add(String(value));
    } else if (value !== this.#first) this.isConstantInSequences = false;
    if (value !== this.#before) {
      this.runs++;
      this.isRising &&= typeof value === "number" && (this.#before === undefined || value > (this.#before as number));
      this.#before = value;
    }
    const known = this.#codes.get(value);
    if (known === undefined && this.#codes.size < MOST_VALUES) this.#codes.set(value, this.#codes.size);
    this.order.add(known ?? this.#codes.size);
  }
}

/** What is known of the times of steps. */
export class TimeTally {
  readonly name: string;
  first: string | undefined;
  last = "";
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  /** The distances of neighbours: milliseconds, or the column's own unit if it has numbers. */
  readonly distances = new ValueTally<number>(MOST_VALUES);
  areDates = true;
  /** Times of the first sequence, at the points of the columns' traces. */
  readonly trace = new Trace();
  /** Steps with the time of the step before, and those that have the same values, too. */
  repeated = 0;
  duplicates = 0;
  /** Steps whose time is before that of the step before, and the first two such times. */
  back = 0;
  firstBack: readonly [string, string] | undefined;
  /** The widest distance, and the times around it. */
  widest = 0;
  around: readonly [string, string] | undefined;
  #before = Number.NaN;
  #text = "";
  #sequences = 0;
  readonly #order: DateOrder | undefined;

  constructor(name: string, order: DateOrder | undefined) {
    this.name = name;
    this.#order = order;
  }

  begin(): void {
    this.#before = Number.NaN;
    this.#sequences++;
  }

  /** `isSame`: whether the step has the values of the one before. */
  add(text: string, isSame: () => boolean): void {
    const date = readDate(text, this.#order);
    if (date === undefined) this.areDates = false;
    const now = date ?? Number(text);
    if (this.#sequences === 1) this.trace.add(now);
    if (now < this.#least) [this.#least, this.first] = [now, text];
    if (now > this.#most) [this.#most, this.last] = [now, text];
    const distance = now - this.#before;
    if (!Number.isNaN(distance)) {
      this.distances.add(distance);
      if (distance < 0) {
        this.back++;
        this.firstBack ??= [this.#text, text];
      }
      if (distance === 0) {
        this.repeated++;
        if (isSame()) this.duplicates++;
      }
      if (distance > this.widest) [this.widest, this.around] = [distance, [this.#text, text]];
    }
    [this.#before, this.#text] = [now, text];
  }

  /** The usual distance; undefined with fewer than two steps. Of months, which differ in length, that of the most frequent month. */
  get usual(): number | undefined {
    return this.distances.counts[0]?.[0];
  }

  /** Distances that are not the usual one. */
  get irregular(): number {
    if (this.isMonthly) return 0;
    return this.distances.counts.slice(1).reduce((sum, [, count]) => sum + count, 0);
  }

  /** Whether all distances are those of a month to the next. */
  get isMonthly(): boolean {
    const day = 86_400_000;
    const { counts } = this.distances;
    return (
      this.areDates && counts.length > 0 && counts.every(([distance]) => distance >= 28 * day && distance <= 31 * day)
    );
  }
}

/** What is known of a data set. */
export interface Survey {
  readonly fields: ReadonlyMap<string, FieldTally>;
  readonly sequences: number;
  readonly steps: number;
  /** How many sequences have each length, by length. */
  readonly lengths: ReadonlyMap<number, number>;
  /** Sequences of each part, if files or arrays say parts. */
  readonly splits?: Readonly<Record<Split, number>>;
  readonly time?: TimeTally;
}

/** Recordings that are one data set, with the part of each if its file's name says one. */
export interface Surveyed {
  readonly recording: Recording;
  readonly split?: Split;
}

/**
 * Reads all recordings. `timeColumn` is the label that has the times, and `dates` the order of its dates. Throws the readers' errors; the
 * memory it takes does not grow with the files.
 */
export async function surveyOf(
  recordings: readonly Surveyed[],
  { timeColumn, dates }: Pick<DataOptions, "timeColumn" | "dates">,
): Promise<Survey> {
  const fields = new Map<string, FieldTally>();
  const lengths = new Map<number, number>();
  const splits: Record<Split, number> = { train: 0, validation: 0, test: 0 };
  let [sequences, steps, length, isSplit] = [0, 0, 0, false];
  let time: TimeTally | undefined;
  const close = (): void => {
    if (sequences > 0) lengths.set(length, (lengths.get(length) ?? 0) + 1);
  };
  for (const { recording, split } of recordings) {
    declare(recording, fields);
    const labels = Object.entries(recording.fields).filter(
      ([, { kind, over }]) => kind === "label" && over === "steps",
    );
    const named = labels.find(([name]) => timeColumn === undefined || name === timeColumn)?.[0];
    if (named !== undefined) time ??= new TimeTally(named, dates);
    const rows = new LastRow(recording);
    for await (const piece of recording.pieces()) {
      if (piece.begins) {
        close();
        [sequences, length] = [sequences + 1, 0];
        for (const tally of fields.values()) tally.begin();
        time?.begin();
        const part = piece.split ?? split;
        if (part !== undefined) {
          splits[part]++;
          isSplit = true;
        }
      }
      const placeOf = (over: Field["over"], row: number): Place => ({
        sequence: sequences,
        step: over === "steps" ? length + row + 1 : 1,
        ...(over === "steps" && named !== undefined && { time: String(piece.values[named][row]) }),
      });
      for (const [name, tally] of fields) {
        const { over, kind } = tally.field;
        if (kind === "label" || (over === "sequence" && !piece.begins)) continue;
        const values = piece.values[name];
        const isTraced = sequences <= MOST_TRACES;
        for (let i = 0; i < values.length; i++)
          tally.add(values[i], i % tally.width, isTraced, () => placeOf(over, Math.floor(i / tally.width)));
      }
      if (named !== undefined && time !== undefined)
        for (let row = 0; row < piece.steps; row++)
          time.add(String(piece.values[named][row]), () => rows.isAsBefore(piece, row));
      rows.keep(piece);
      length += piece.steps;
      steps += piece.steps;
    }
  }
  close();
  return {
    ...{ fields, sequences, steps },
    lengths: new Map([...lengths].sort(([a], [b]) => a - b)),
    ...(isSplit && { splits }),
    ...(time !== undefined && { time }),
  };
}

/** Throws C0406 for a file whose fields are not those of the files before it. */
function declare(recording: Recording, fields: Map<string, FieldTally>): void {
  if (fields.size > 0) {
    checkSameFields(Object.fromEntries([...fields].map(([name, { field }]) => [name, field])), recording);
    return;
  }
  let drawn = 0;
  for (const [name, field] of Object.entries(recording.fields)) {
    const tally = new FieldTally(name, field, MOST_DRAWN - drawn);
    drawn += tally.numbers.length;
    fields.set(name, tally);
  }
}

/** The values of the row before the first of a piece. */
class LastRow {
  readonly #names: readonly string[];
  #row: Readonly<Record<string, readonly (number | string)[]>> = {};

  constructor({ fields }: Recording) {
    this.#names = Object.keys(fields).filter((name) => fields[name].over === "steps");
  }

  isAsBefore({ values, steps }: Piece, row: number): boolean {
    return this.#names.every((name) => {
      const width = values[name].length / steps;
      return Array.from({ length: width }, (_, i) => i).every((i) => {
        const before = row === 0 ? this.#row[name]?.[i] : values[name][(row - 1) * width + i];
        return Object.is(before, values[name][row * width + i]);
      });
    });
  }

  keep({ values, steps }: Piece): void {
    if (steps === 0) return;
    this.#row = Object.fromEntries(
      this.#names.map((name) => {
        const width = values[name].length / steps;
        return [name, [...values[name].slice((steps - 1) * width)]];
      }),
    );
  }
}
