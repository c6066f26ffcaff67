/** The folder of an exploration: `explore.json`, `explore.html`, and `rows/` with a file for each row that is done. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import { readRecordFile, writeAtomically } from "../report/files.ts";
import type { Standing } from "./ranking.ts";
import type { RowLength, RowRecord } from "./row.ts";

/** What decides what the rows are and do, by option: a resumed exploration must agree with all of it. */
export type Identity = Readonly<Record<string, unknown>>;

/** `explore.json`. */
export interface ExploreRecord {
  readonly format: 1;
  readonly status: "running" | "finished" | "interrupted";
  readonly identity: Identity;
  readonly length: RowLength;
  /** Rows in all, and those that are done. */
  readonly rows: number;
  readonly done: number;
  readonly machine: Readonly<Record<string, string | number>>;
  /** ISO 8601. */
  readonly started: string;
  readonly ended?: string;
  /** What the ranking goes by: `accuracy`, or `loss`. */
  readonly rankedBy?: string;
  /** The best first. */
  readonly ranking?: readonly Standing[];
}

const recordPath = (folder: string): string => join(folder, "explore.json");
const rowsFolder = (folder: string): string => join(folder, "rows");
const rowName = (number: number): string => `${String(number).padStart(4, "0")}.json`;
const ROW_NAME = /^\d{4,}\.json$/;

export async function writeRecord(folder: string, record: ExploreRecord): Promise<void> {
  await writeAtomically(recordPath(folder), `${JSON.stringify(record, null, 2)}\n`);
}

export async function writePage(folder: string, html: string): Promise<string> {
  const path = join(folder, "explore.html");
  await writeAtomically(path, html);
  return path;
}

/** Whole or not at all: a process that is killed loses the rows it is at, and no other. */
export async function writeRow(folder: string, row: RowRecord): Promise<void> {
  await writeAtomically(join(rowsFolder(folder), rowName(row.number)), `${JSON.stringify(row)}\n`);
}

/**
 * Makes sure that starting does not destroy an exploration and that resuming goes on with the same one; undefined where there is
 * none yet. Throws C0408, and C0402 for a file that is no record.
 */
export async function checkFolder(
  folder: string,
  identity: Identity,
  resume: boolean,
): Promise<ExploreRecord | undefined> {
  const record = await readRecordFile<ExploreRecord>(recordPath(folder), "of an exploration");
  if (record === undefined) {
    if (resume) throw new Failure("C0408", exit.usage, `${folder} holds no exploration to resume`);
    return undefined;
  }
  if (!resume) {
    throw new Failure(
      "C0408",
      exit.usage,
      `${folder} holds an exploration already`,
      "go on with it: --resume; or choose another --out",
    );
  }
  // As JSON has it: what is undefined is not there.
  const wanted = JSON.parse(JSON.stringify(identity)) as Identity;
  for (const key of new Set([...Object.keys(record.identity), ...Object.keys(wanted)])) {
    const [there, here] = [record.identity[key], wanted[key]].map((value) => JSON.stringify(value) ?? "nothing");
    if (there !== here)
      throw new Failure("C0408", exit.usage, `${folder} holds an exploration with ${key} ${there}, not ${here}`);
  }
  return record;
}

/**
 * The rows that are done, without what a killed process left of others. Throws C0408 where there are some and no record that
 * says what they are rows of.
 */
export async function readRows(folder: string, record: ExploreRecord | undefined): Promise<readonly RowRecord[]> {
  const rows = rowsFolder(folder);
  const names = await readdir(rows).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw cannotWrite(rows, error);
  });
  const whole = names.filter((name) => ROW_NAME.test(name));
  if (record === undefined && whole.length > 0)
    throw new Failure("C0408", exit.usage, `${rows} holds rows of another exploration`, "choose another --out");
  for (const name of names) if (name.endsWith(".part")) await rm(join(rows, name), { force: true });
  const records = await Promise.all(
    whole.map((name) => readRecordFile<RowRecord>(join(rows, name), "of an exploration")),
  );
  return records.filter((row) => row !== undefined).sort((a, b) => a.number - b.number);
}
