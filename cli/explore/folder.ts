/** The folder of an exploration: `explore.json`, `explore.html`, and `rows/` with a file for each finished row. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import { RecordedFolder } from "../recorded-folder.ts";
import { curvePoint } from "../report/curve-log.ts";
import { readRecordFile, writeAtomically } from "../report/files.ts";
import {
  anything,
  dictionary,
  either,
  list,
  Mismatch,
  measure,
  number,
  oneOf,
  optional,
  record as recordOf,
  type Schema,
  text,
  whole,
} from "../report/schema.ts";
import type { Conclusion, TestResult } from "./conclusion.ts";
import type { ExplorationLength } from "./length.ts";
import { placementText } from "./placement.ts";
import type { Ranking } from "./ranking.ts";
import type { RowRecord } from "./row.ts";
import type { Row } from "./rows.ts";

/** The settings that decide the rows and how they train, by option. To resume an exploration, all of them must agree. */
export type Identity = Readonly<Record<string, unknown>>;

/** `explore.json`. */
export interface ExploreRecord {
  readonly format: 2;
  readonly status: "running" | "finished" | "interrupted";
  readonly identity: Identity;
  readonly length: ExplorationLength;
  /** The number of rows, and how many are done. */
  readonly rows: number;
  readonly done: number;
  readonly machine: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly started: string;
  readonly ended?: string;
  /** Computed from the rows each time, and what a person is told of it. */
  readonly ranking?: Ranking;
  readonly conclusion?: Conclusion;
  /** The measures of the first placement on the test split, over its seeds. */
  readonly test?: TestResult;
}

/** The part of the record that is read again. */
type KnownRecord = Omit<ExploreRecord, "ranking" | "conclusion" | "test">;

/** The format of this version. Earlier explorations ranked by the test split and kept no models, so nothing can be added to them. */
const format: Schema<2> = (value, at) => {
  if (value === 1)
    throw new Mismatch(
      at,
      value,
      "2: an earlier version of cellc explored here, and this one cannot go on; choose another --out",
    );
  return oneOf(2)(value, at);
};

const exploreRecord = recordOf({
  format,
  status: oneOf("running", "finished", "interrupted"),
  identity: dictionary(anything),
  length: recordOf({ steps: whole(1), evaluateEvery: whole(1), rungs: list(whole(1)) }),
  rows: whole(),
  done: whole(),
  machine: dictionary(anything),
  started: text,
  ended: optional(text),
  ranking: anything,
  conclusion: anything,
  test: anything,
});

const rowRecord = recordOf({
  format,
  number: whole(1),
  placement: dictionary(text),
  placed: dictionary(text),
  seed: whole(),
  steps: whole(1),
  outcome: either("status", {
    finished: recordOf({ status: oneOf("finished") }),
    diverged: recordOf({ status: oneOf("diverged"), step: whole(), during: oneOf("training", "evaluation") }),
    failed: recordOf({ status: oneOf("failed"), code: text, message: text }),
  }),
  warnings: list(text),
  result: optional(recordOf({ loss: number, metrics: dictionary(measure) })),
  cost: optional(recordOf({ milliseconds: number, dispatches: whole(), bytes: whole(), parameters: whole() })),
  seconds: number,
  points: list(curvePoint),
});

const rowStem = (number: number): string => String(number).padStart(4, "0");
const rowName = (number: number): string => `${rowStem(number)}.json`;
const ROW_NAME = /^\d{4,}\.json$/;
const modelName = (number: number, steps: number): string => `${rowStem(number)}.${steps}.safetensors`;
const MODEL_NAME = /^\d{4,}\.\d+\.safetensors$/;

export class ExploreFolder extends RecordedFolder<KnownRecord> {
  readonly page: string;

  constructor(path: string) {
    const page = join(path, "explore.html");
    super(path, {
      noun: "an exploration",
      file: join(path, "explore.json"),
      schema: exploreRecord,
      drawing: page,
      identity: ({ identity }) => identity,
    });
    this.page = page;
  }

  async writePage(html: string): Promise<void> {
    await writeAtomically(this.page, html);
  }

  /**
   * Writes the whole row or nothing: a killed process only loses its unfinished rows. The model of a stretch before is of no use then,
   * and is removed.
   */
  async writeRow(row: RowRecord, before?: RowRecord): Promise<void> {
    await writeAtomically(join(this.#rows, rowName(row.number)), `${JSON.stringify(row)}\n`);
    if (before !== undefined && row.outcome.status === "finished")
      await rm(this.checkpoint(before.number, before.steps), { force: true });
  }

  /** Makes the folder of the rows, where worker threads put their models. Throws C0409. */
  async makeRows(): Promise<void> {
    await mkdir(this.#rows, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(this.#rows, error);
    });
  }

  /** The path of a row's model after so many steps. */
  checkpoint(number: number, steps: number): string {
    return join(this.#rows, modelName(number, steps));
  }

  /**
   * The rows of `wanted` that are done. Removes partial files and models that a killed process left. Throws C0408 if there are rows but
   * no record, and C0402 for a file that is not one of these rows.
   */
  async readRows(record: KnownRecord | undefined, wanted: readonly Row[]): Promise<readonly RowRecord[]> {
    const names = await readdir(this.#rows).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw cannotWrite(this.#rows, error);
    });
    const done = names.filter((name) => ROW_NAME.test(name));
    const models = names.filter((name) => MODEL_NAME.test(name));
    if (record === undefined && done.length + models.length > 0)
      throw new Failure("C0408", exit.usage, `${this.#rows} holds rows of another exploration`, "choose another --out");
    await this.removeLeftovers(this.#rows, (file) => ROW_NAME.test(file) || MODEL_NAME.test(file));
    const read = await Promise.all(done.map((name) => readRow(join(this.#rows, name), name, wanted)));
    const records = read.filter((row) => row !== undefined).sort((a, b) => a.number - b.number);
    // Models of rows that were not written when the process was killed, or of stretches before.
    const kept = new Set(records.map(({ number, steps }) => modelName(number, steps)));
    for (const name of models) if (!kept.has(name)) await rm(join(this.#rows, name), { force: true });
    return records;
  }

  get #rows(): string {
    return join(this.path, "rows");
  }
}

async function readRow(path: string, name: string, wanted: readonly Row[]): Promise<RowRecord | undefined> {
  const row = await readRecordFile(path, "a row of an exploration", rowRecord);
  if (row === undefined) return undefined;
  const meant = wanted.find(({ number }) => number === row.number);
  const same =
    rowName(row.number) === name &&
    meant?.seed === row.seed &&
    placementText(meant.placement) === placementText(row.placement) &&
    placementText(meant.placed) === placementText(row.placed);
  if (same) return row;
  throw new Failure(
    "C0402",
    exit.input,
    `${path}: row ${row.number}, ${placementText(row.placement)} with seed ${row.seed}, is no row of this exploration by that name`,
    "nothing was changed; put a sound copy of the file back, or take it away: its row is trained anew",
  );
}
