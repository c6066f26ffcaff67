/** Where the files of built-in tasks are looked for. */
import { join } from "node:path";
import { exit, Failure } from "../failure.ts";

/** What a built-in task may read. */
export interface FileOptions {
  /** `--data`: the folder to look in, instead of `CELLC_DATA`'s. */
  readonly directory?: string;
  /** Never use the network. */
  readonly offline: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called before a download starts. */
  readonly say: (line: string) => void;
}

/** The folders to look in, in order: that of `--data`, or else of `CELLC_DATA`, and in it a folder `name`. */
export function namedFolders(
  name: string,
  { directory, environment }: Pick<FileOptions, "directory" | "environment">,
): readonly string[] {
  // Who names a folder means that one: other data, from elsewhere, would be wrong numbers without a word.
  const place = directory ?? environment.CELLC_DATA;
  return place ? [place, join(place, name)] : [];
}

/** C0405, with every folder and what it lacks. `what` is `MNIST`, `help` says how to have it. */
export const notFound = (what: string, looked: readonly string[], help: string): Failure =>
  new Failure(
    "C0405",
    exit.machine,
    `${what} is not on this machine. ${
      looked.length === 0
        ? "There was no folder to look in: neither --data nor CELLC_DATA names one"
        : `Looked in:\n${looked.map((line) => `  ${line}`).join("\n")}`
    }`,
    help,
  );
