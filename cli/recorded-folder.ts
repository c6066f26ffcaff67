/** A folder in which a command keeps what it makes over a long time, beside a record that says what it is of. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exit, Failure } from "./failure.ts";
import { withFolderLock } from "./folder-lock.ts";
import { checkNoFolder, readRecordFile, writeAtomically } from "./report/files.ts";
import type { Schema } from "./report/schema.ts";

/** What one kind of folder holds. */
export interface Recording<R> {
  /** In messages, with its article: `a run`, `an exploration`. */
  readonly noun: string;
  /** The path of the record. */
  readonly file: string;
  readonly schema: Schema<R>;
  /** The path of the picture or page that is drawn of what was made. */
  readonly drawing: string;
  /** What decides what is made, by name: who goes on must agree with all of it. */
  identity(record: R): Readonly<Record<string, unknown>>;
}

/** `R`: what is read of a record. What is written may say more. */
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

  /** The record; undefined where there is none. Throws C0402, with the line, where the file is none. */
  read(): Promise<R | undefined> {
    const { noun, file, schema } = this.#recording;
    return readRecordFile(file, `the record of ${noun}`, schema);
  }

  /** Throws C0409 where it cannot be written; what stood there is then still there. */
  async write(record: R): Promise<void> {
    await writeAtomically(this.#recording.file, `${JSON.stringify(record, null, 2)}\n`);
  }

  /**
   * The record of what is to be gone on with; undefined where something new is to begin, which must not destroy what is there.
   * Throws C0408 where something stands here already, or there is nothing to resume, and C0409 where nothing could be drawn.
   */
  async begin(resume: boolean): Promise<R | undefined> {
    const { noun, drawing } = this.#recording;
    const record = await this.read();
    if (record === undefined && resume) throw this.#refused(`holds ${noun.replace(/^an?/, "no")} to resume`);
    if (record !== undefined && !resume)
      throw this.#refused(`holds ${noun} already`, "go on with it: --resume; or choose another --out");
    // Said before anything is made: it is drawn when much has been.
    await checkNoFolder(drawing);
    return record;
  }

  /** Throws C0408, naming the first difference, unless what is to be gone on with is what is recorded. */
  checkIdentity(record: R, wanted: Readonly<Record<string, unknown>>): void {
    const { noun, identity } = this.#recording;
    const known = identity(record);
    for (const key of new Set([...Object.keys(known), ...Object.keys(wanted)])) {
      // As JSON has it: what is undefined is not there.
      if (JSON.stringify(known[key]) !== JSON.stringify(wanted[key]))
        throw this.#refused(`holds ${noun} with ${key} ${inWords(known[key])}, not ${inWords(wanted[key])}`);
    }
  }

  /** Removes what a process that was killed in the middle of writing left beside its own files in `folder`. */
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
