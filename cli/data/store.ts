/** All steps of all sequences of a data set, for access in any order: in memory, or beyond a limit in a temporary file. */
import { exit, Failure } from "../failure.ts";
import type { Field, Piece, Recording, Values } from "./recording.ts";
import { Spool } from "./spool.ts";
import type { Split } from "./task.ts";

export interface StoreOptions {
  /** Bytes that may be in memory. */
  readonly limit?: number;
  /** What a missing number is: a `Failure` that names its place, or NaN, or what stood before it in its sequence. */
  readonly missing: "refused" | "kept" | "previous";
  /** Fields whose missing numbers are NaN in any case. */
  readonly gaps?: ReadonlySet<string>;
}

/** A recording, and the split of all of its sequences if its file's name says one. */
export interface Origin {
  readonly recording: Recording;
  readonly split?: Split;
}

/** With this limit, reading a table of any size stays below 300 MB. */
const LIMIT = 64 * 2 ** 20;

/** More different values are no vocabulary, and would fill the memory. */
const MOST_SYMBOLS = 2 ** 20;

/** A text's place is its position times this, plus its bytes. */
const LONGEST_LABEL = 2 ** 16;

/** What a field's values are in a row of the store. */
export interface StoredField {
  readonly field: Field;
  /** Where its numbers begin in a row. */
  readonly column: number;
  /** How many they are. */
  readonly width: number;
  /** The texts of a field of symbols by their codes. */
  readonly symbols: readonly string[];
  /** Whether its value is the same at all steps of each sequence. Of a single sequence, this says nothing. */
  readonly constant: boolean;
  /** How many values were missing. */
  readonly missing: number;
}

class Growing implements StoredField {
  readonly field: Field;
  readonly column: number;
  readonly width: number;
  readonly symbols: string[] = [];
  readonly codes = new Map<string, number>();
  constant = true;
  missing = 0;
  /** The first value of the sequence, and the last one that was not missing of each of its numbers. */
  first = Number.NaN;
  readonly before: Float64Array;

  constructor(field: Field, column: number) {
    this.field = field;
    this.column = column;
    this.width = field.kind === "number" ? field.shape.reduce((product, extent) => product * extent, 1) : 1;
    this.before = new Float64Array(this.width).fill(Number.NaN);
  }
}

/** Numbers are stored as they are, a symbol as its code, a label as its place. What is missing is NaN. */
export class Store {
  readonly #fields = new Map<string, Growing>();
  readonly #steps: { readonly spool: Spool; width: number };
  readonly #sequences: { readonly spool: Spool; width: number };
  readonly #labels: Spool;
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #splits: (Split | undefined)[] = [];
  readonly #withBefore: boolean[] = [];
  readonly #options: StoreOptions;

  private constructor(options: StoreOptions) {
    const limit = options.limit ?? LIMIT;
    this.#options = options;
    this.#steps = { spool: new Spool(limit), width: 0 };
    this.#sequences = { spool: new Spool(limit / 4), width: 0 };
    this.#labels = new Spool(limit / 4);
  }

  /** Reads recordings with the same fields. Throws their errors, C0402 for missing values, C0406 for fields that differ. */
  static async fill(origins: readonly Origin[], options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    for (const { recording, split } of origins) {
      store.#declare(recording);
      for await (const piece of recording.pieces()) store.#add(piece, recording, split);
    }
    return store;
  }

  get fields(): ReadonlyMap<string, StoredField> {
    return this.#fields;
  }

  /** The steps of each sequence. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** The split that a sequence says, or that its file was named after. */
  splitOf(sequence: number): Split | undefined {
    return this.#splits[sequence];
  }

  /** Whether a sequence belongs with the one before it, in the same split. */
  belongsWithBefore(sequence: number): boolean {
    return this.#withBefore[sequence];
  }

  /** Whether the steps are in a temporary file. */
  get isOnDisk(): boolean {
    return this.#steps.spool.isOnDisk;
  }

  /** Numbers of a row of a sequence's steps. */
  get width(): number {
    return this.#steps.width;
  }

  /** Steps `from` … `to` − 1 of a sequence: [to − from, width]. At once if they are in memory. */
  rows(sequence: number, from: number, to: number): Float64Array | Promise<Float64Array> {
    if (from < 0 || to > this.#lengths[sequence]) throw new RangeError(`steps ${from} … ${to} of sequence ${sequence}`);
    const { spool, width } = this.#steps;
    const start = this.#starts[sequence];
    return floats(spool.read((start + from) * width * 8, (start + to) * width * 8));
  }

  /** What is of a sequence as a whole: [width over sequences]. */
  row(sequence: number): Float64Array | Promise<Float64Array> {
    const { spool, width } = this.#sequences;
    return floats(spool.read(sequence * width * 8, (sequence + 1) * width * 8));
  }

  /** The text of a label, by what stands for it in a row. */
  async label(place: number): Promise<string> {
    const at = Math.floor(place / LONGEST_LABEL);
    return new TextDecoder().decode(await this.#labels.read(at, at + (place % LONGEST_LABEL)));
  }

  close(): void {
    this.#steps.spool.close();
    this.#sequences.spool.close();
    this.#labels.close();
  }

  #declare(recording: Recording): void {
    if (this.#fields.size === 0) {
      for (const [name, field] of Object.entries(recording.fields)) {
        const over = field.over === "steps" ? this.#steps : this.#sequences;
        const growing = new Growing(field, over.width);
        over.width += growing.width;
        this.#fields.set(name, growing);
      }
      return;
    }
    checkSameFields(Object.fromEntries([...this.#fields].map(([name, { field }]) => [name, field])), recording);
  }

  #add(piece: Piece, { path }: Recording, split: Split | undefined): void {
    if (piece.begins) {
      this.#starts.push((this.#starts.at(-1) ?? 0) + (this.#lengths.at(-1) ?? 0));
      this.#lengths.push(0);
      this.#splits.push(piece.split ?? split);
      this.#withBefore.push(piece.withBefore ?? false);
      for (const growing of this.#fields.values()) {
        growing.before.fill(Number.NaN);
        growing.first = Number.NaN;
      }
      this.#append(this.#sequences, piece, 1, "sequence", path);
    }
    this.#append(this.#steps, piece, piece.steps, "steps", path);
    this.#lengths[this.#lengths.length - 1] += piece.steps;
  }

  #append(
    { spool, width }: { readonly spool: Spool; readonly width: number },
    { values }: Piece,
    count: number,
    over: Field["over"],
    path: string,
  ): void {
    if (width === 0) return;
    const rows = new Float64Array(count * width);
    for (const [name, growing] of this.#fields) {
      if (growing.field.over !== over) continue;
      const given = values[name];
      if (given === undefined || given.length !== count * growing.width)
        throw new Error(`the reader of ${path} gave ${given?.length ?? "no"} values of ${name} for ${count}`);
      this.#place(rows, width, growing, given, name, path);
    }
    spool.append(new Uint8Array(rows.buffer));
  }

  /** Puts a field's values into rows. */
  #place(rows: Float64Array, width: number, growing: Growing, given: Values, name: string, path: string): void {
    const { column, field } = growing;
    const goesOn = this.#options.missing === "previous" && this.#options.gaps?.has(name) !== true;
    for (let i = 0; i < given.length; i++) {
      const row = Math.floor(i / growing.width);
      const part = i % growing.width;
      const value = given[i];
      const number = typeof value === "number" ? value : this.#coded(value, growing, name, path);
      if (field.kind !== "label" && Number.isNaN(number)) this.#note(growing, name, path, row);
      const kept = goesOn && Number.isNaN(number) ? growing.before[part] : number;
      if (!Number.isNaN(kept)) growing.before[part] = kept;
      if (part === 0) {
        if (Number.isNaN(growing.first)) growing.first = kept;
        else if (kept !== growing.first) growing.constant = false;
      }
      rows[row * width + column + part] = kept;
    }
  }

  #note(growing: Growing, name: string, path: string, row: number): void {
    if (this.#options.gaps?.has(name)) return;
    growing.missing++;
    if (this.#options.missing !== "refused") return;
    const step = growing.field.over === "steps" ? `, step ${(this.#lengths.at(-1) ?? 0) + row + 1}` : "";
    throw new Failure(
      "C0402",
      exit.input,
      `${path}: ${name} is missing in sequence ${this.#lengths.length}${step}`,
      "fill what is missing: --missing mean, zero or previous",
    );
  }

  /** The code of a symbol, or the place of a label. */
  #coded(text: string, { field, codes, symbols }: Growing, name: string, path: string): number {
    if (field.kind === "label") {
      const bytes = new TextEncoder().encode(text).subarray(0, LONGEST_LABEL - 1);
      const place = this.#labels.size * LONGEST_LABEL + bytes.length;
      this.#labels.append(bytes);
      return place;
    }
    if (text === "") return Number.NaN;
    const known = codes.get(text);
    if (known !== undefined) return known;
    if (symbols.length === MOST_SYMBOLS)
      throw new Failure(
        "C0406",
        exit.input,
        `${name} of ${path} has more than ${MOST_SYMBOLS} different values, too many for a vocabulary`,
        "leave it out: --x and the names of the other columns",
      );
    codes.set(text, symbols.length);
    symbols.push(text);
    return symbols.length - 1;
  }
}

type Fields = Readonly<Record<string, Field>>;

/** Throws C0406 unless a file has the fields of those `before` it. */
export function checkSameFields(before: Fields, { path, fields, looks }: Omit<Recording, "pieces">): void {
  const words = (of: Fields, name: string): string => (Object.hasOwn(of, name) ? fieldText(of[name]) : "none");
  for (const name of new Set([...Object.keys(before), ...Object.keys(fields)])) {
    const [there, here] = [words(before, name), words(fields, name)];
    if (there !== here)
      throw new Failure(
        "C0406",
        exit.input,
        `${path} does not go with the files before it: ${name} is ${here} in it, and ${there} in them`,
        looks?.[name] && `${looks[name].why}: ${looks[name].help}`,
      );
  }
}

/** `numbers [3] over steps`, `symbols over sequence`. */
const fieldText = (field: Field): string =>
  `${field.kind === "number" ? `numbers${field.shape.length > 0 ? ` [${field.shape.join(", ")}]` : ""}` : `${field.kind}s`} over ${field.over}`;

function floats(
  bytes: Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>,
): Float64Array | Promise<Float64Array> {
  return bytes instanceof Promise
    ? bytes.then(({ buffer }) => new Float64Array(buffer))
    : new Float64Array(bytes.buffer);
}
