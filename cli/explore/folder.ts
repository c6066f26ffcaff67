/** The folder of an exploration: `explore.json`, `explore.html`, and `rows/` with a file for each finished row. */
import { readdir } from "node:fs/promises";
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
  measure,
  number,
  oneOf,
  optional,
  record as recordOf,
  text,
  whole,
} from "../report/schema.ts";
import type { Standing } from "./ranking.ts";
import type { RowLength, RowRecord } from "./row.ts";
import { placementText, type Row } from "./rows.ts";

/** The settings that decide the rows and how they train, by option. To resume an exploration, all of them must agree. */
export type Identity = Readonly<Record<string, unknown>>;

/** `explore.json`. */
export interface ExploreRecord {
  readonly format: 1;
  readonly status: "running" | "finished" | "interrupted";
  readonly identity: Identity;
  readonly length: RowLength;
  /** The number of rows, and how many are done. */
  readonly rows: number;
  readonly done: number;
  readonly machine: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly started: string;
  readonly ended?: string;
  /** The measure that rows are ranked by: `accuracy` or `loss`. */
  readonly rankedBy?: string;
  /** Best first. Computed from the rows each time. */
  readonly ranking?: readonly Standing[];
}

/** The part of the record that is read again. */
type KnownRecord = Omit<ExploreRecord, "ranking">;

const exploreRecord = recordOf({
  format: oneOf(1),
  status: oneOf("running", "finished", "interrupted"),
  identity: dictionary(anything),
  length: recordOf({ steps: whole(1), evaluateEvery: whole(1) }),
  rows: whole(),
  done: whole(),
  machine: dictionary(anything),
  started: text,
  ended: optional(text),
  rankedBy: optional(text),
  ranking: anything,
});

const rowRecord = recordOf({
  format: oneOf(1),
  number: whole(1),
  placement: dictionary(text),
  seed: whole(),
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

const rowName = (number: number): string => `${String(number).padStart(4, "0")}.json`;
const ROW_NAME = /^\d{4,}\.json$/;

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

  /** Writes the whole row or nothing: a killed process only loses its unfinished rows. */
  async writeRow(row: RowRecord): Promise<void> {
    await writeAtomically(join(this.#rows, rowName(row.number)), `${JSON.stringify(row)}\n`);
  }

  /**
   * The rows of `wanted` that are done. Removes partial files of a killed process. Throws C0408 if there are rows but no record, and
   * C0402 for a file that is not one of these rows.
   */
  async readRows(record: KnownRecord | undefined, wanted: readonly Row[]): Promise<readonly RowRecord[]> {
    const names = await readdir(this.#rows).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw cannotWrite(this.#rows, error);
    });
    const done = names.filter((name) => ROW_NAME.test(name));
    if (record === undefined && done.length > 0)
      throw new Failure("C0408", exit.usage, `${this.#rows} holds rows of another exploration`, "choose another --out");
    await this.removeLeftovers(this.#rows, (file) => ROW_NAME.test(file));
    const records = await Promise.all(done.map((name) => readRow(join(this.#rows, name), name, wanted)));
    return records.filter((row) => row !== undefined).sort((a, b) => a.number - b.number);
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
    placementText(meant.placement) === placementText(row.placement);
  if (same) return row;
  throw new Failure(
    "C0402",
    exit.input,
    `${path}: row ${row.number}, ${placementText(row.placement)} with seed ${row.seed}, is no row of this exploration by that name`,
    "nothing was changed; put a sound copy of the file back, or take it away: its row is trained anew",
  );
}
