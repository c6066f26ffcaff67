/** A folder for the results of a long command, with a record of what they are results of. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exit, Failure } from "./failure.ts";
import { withFolderLock } from "./folder-lock.ts";
import { checkNoFolder, readRecordFile, writeAtomically } from "./report/files.ts";
import type { Schema } from "./report/schema.ts";

/** Describes one kind of folder. */
export interface Recording<R> {
  /** Its name in messages, with an article: `a run`, `an exploration`. */
  readonly noun: string;
  /** The path of the record. */
  readonly file: string;
  readonly schema: Schema<R>;
  /** The path of the picture or page that shows the results. */
  readonly drawing: string;
  /** The settings that decide the results, by name. To resume, all of them must agree. */
  identity(record: R): Readonly<Record<string, unknown>>;
}

/** `R` is what is read of a record. What is written may hold more. */
export class RecordedFolder<R> {
  readonly path: string;
  readonly #recording: Recording<R>;

  constructor(path: string, recording: Recording<R>) {
    this.path = path;
    this.#recording = recording;
  }

  /** Runs `work` while no other process writes into the folder. Throws C0410 and C0409 as `withFolderLock` does. */
  withLock<T>(work: () => Promise<T>): Promise<T> {
    return withFolderLock(this.path, work);
  }

  /** The record; undefined if there is none. Throws C0402, with the line, if the file is not a record. */
  read(): Promise<R | undefined> {
    const { noun, file, schema } = this.#recording;
    return readRecordFile(file, `the record of ${noun}`, schema);
  }

  /** Throws C0409 if the record cannot be written. The old one is then still there. */
  async write(record: R): Promise<void> {
    await writeAtomically(this.#recording.file, `${JSON.stringify(record, null, 2)}\n`);
  }

  /**
   * The record to resume from; undefined when starting afresh, which never overwrites earlier results. Throws C0408 if there are
   * results already, or none to resume, and C0409 if the drawing could not be written.
   */
  async begin(resume: boolean): Promise<R | undefined> {
    const { noun, drawing } = this.#recording;
    const record = await this.read();
    if (record === undefined && resume) throw this.#refused(`holds ${noun.replace(/^an?/, "no")} to resume`);
    if (record !== undefined && !resume)
      throw this.#refused(`holds ${noun} already`, "go on with it: --resume; or choose another --out");
    // Checked before the work begins: the drawing is made late.
    await checkNoFolder(drawing);
    return record;
  }

  /** Throws C0408, with the first difference, unless the record agrees with what is wanted. */
  checkIdentity(record: R, wanted: Readonly<Record<string, unknown>>): void {
    const { noun, identity } = this.#recording;
    const known = identity(record);
    for (const key of new Set([...Object.keys(known), ...Object.keys(wanted)])) {
      // Compared as JSON, which leaves out what is undefined.
      if (JSON.stringify(known[key]) !== JSON.stringify(wanted[key]))
        throw this.#refused(`holds ${noun} with ${key} ${inWords(known[key])}, not ${inWords(wanted[key])}`);
    }
  }

  /** Removes partial files that a process left in `folder` when it was killed while writing. */
  protected async removeLeftovers(folder: string, isOwn: (file: string) => boolean): Promise<void> {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    for (const name of names) {
      const [, file] = /^\.(.+)\.[^.]+\.(?:part|tmp)$/.exec(name) ?? [];
      if (file !== undefined && isOwn(file)) await rm(join(folder, name), { force: true });
    }
  }

  #refused(what: string, help?: string): Failure {
    return new Failure("C0408", exit.usage, `${this.path} ${what}`, help);
  }
}

const inWords = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing"));
