/** The command line that makes a module again. */
import { basename, dirname, relative, sep } from "node:path";
import type { EntryName } from "../../runtime/plan.ts";
import type { TargetName } from "../targets.ts";
import type { ModelOptions } from "../toolchain.ts";

/** The options of `compile` and `types` that decide what a module is. */
export interface ModuleOptions extends Omit<ModelOptions, "tuned"> {
  readonly kernels: readonly TargetName[];
  readonly batch: number;
  readonly time?: number;
  readonly memory?: number;
  readonly entries?: readonly EntryName[];
}

/** The batch size that need not be said. */
const usualBatch = 64;

/** The command in the folder of `file`, so that it is the same wherever the module was made. `out`: where it was written. */
export const moduleCommand = (file: string, options: ModuleOptions, out: string): string =>
  commandOf([
    ...["compile", basename(file), "--target", "ts"],
    ...wordsOf(options),
    ...["--out", relative(dirname(file), out).split(sep).join("/")],
  ]);

/** The command that writes a cell's types, in its folder. */
export const typesCommand = (file: string, options: ModuleOptions): string =>
  commandOf(["types", basename(file), ...wordsOf(options)]);

const commandOf = (words: readonly string[]): string => ["npx", "cellc", ...words].map(quoted).join(" ");

/** The options that are not the default. */
function wordsOf(options: ModuleOptions): readonly string[] {
  const { kernels, entry, dims, place, cell, batch, time, entries, memory, parts, storage, ragged, schedule } = options;
  const list = (of: object): string =>
    Object.entries(of)
      .map(([name, value]) => `${name}=${value}`)
      .join(",");
  const given: readonly (readonly [flag: string, value: string | number | undefined])[] = [
    ["kernels", kernels.join(",")],
    ["entry", entry],
    ["dims", list(dims) || undefined],
    ["place", place],
    ["cell", list(cell) || undefined],
    ["batch", batch === usualBatch ? undefined : batch],
    ["time", time],
    ["entries", entries?.join(",")],
    ["memory", memory],
    ["parts", parts],
    ["storage", storage === "f32" ? undefined : storage],
    ["schedule", schedule && list(schedule)],
  ];
  return [
    ...given.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)])),
    ...(ragged ? ["--ragged"] : []),
  ];
}

/** A word as a shell takes it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
