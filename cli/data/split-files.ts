/** Which files of a folder belong to which split, by their names, as on Hugging Face's hub. */
import { exit, Failure } from "../failure.ts";
import { splitsIn } from "./split-words.ts";
import type { Split } from "./task.ts";

/** The files of a folder: of each split, or all of them if no name says a split. In the order in which they are read. */
export type SplitFiles =
  | { readonly whole: readonly string[] }
  | { readonly splits: Readonly<Partial<Record<Split, readonly string[]>>> };

/** `train-00000-of-00003.parquet`: the part, how many there are, and what all their names have in common. */
const SHARD = /^(.*?)[-_.]?(\d+)-of-(\d+)(\D*)$/;

/**
 * Sorts the data files of a folder into splits by the words in their names, or else in the names of their folders: `train.csv`,
 * `Gun_TEST.csv`, `data/validation-00000-of-00002.parquet`, `dev/a.jsonl`. `paths` are relative to `folder`, which a message names.
 * Throws C0402 for a name with two splits, a file without one beside files that have one, and shards that are missing.
 */
export function splitFiles(folder: string, paths: readonly string[]): SplitFiles {
  const sorted = [...paths].sort(byNumbers);
  checkShards(folder, sorted);
  const found = sorted.map((path) => ({ path, split: splitOf(folder, path) }));
  if (found.every(({ split }) => split === undefined)) return { whole: sorted };
  const odd = found.find(({ split }) => split === undefined);
  if (odd !== undefined)
    throw wrong(
      `${folder} holds \`${odd.path}\`, whose name says no split, beside files whose names do`,
      "take it away, or put train, validation or test into its name",
    );
  const splits: Partial<Record<Split, string[]>> = {};
  for (const { path, split } of found) {
    if (split === undefined) continue;
    splits[split] = [...(splits[split] ?? []), path];
  }
  return { splits };
}

/** The name of the file decides, and then that of the innermost folder that says a split. */
function splitOf(folder: string, path: string): Split | undefined {
  for (const part of path.split(/[/\\]/).reverse()) {
    const splits = splitsIn(part);
    if (splits.length > 1)
      throw wrong(`\`${path}\` in ${folder} says ${splits.join(" and ")}`, "call it after one split");
    if (splits.length === 1) return splits[0];
  }
  return undefined;
}

function checkShards(folder: string, paths: readonly string[]): void {
  const sets = new Map<string, { readonly count: number; readonly numbers: Set<number> }>();
  for (const path of paths) {
    const [, before, number, count, after] = SHARD.exec(path) ?? [];
    if (number === undefined) continue;
    const key = JSON.stringify([before, count, after]);
    const set = sets.get(key) ?? { count: Number(count), numbers: new Set() };
    set.numbers.add(Number(number));
    sets.set(key, set);
  }
  for (const [key, { count, numbers }] of sets) {
    if (numbers.size === count && Math.max(...numbers) < count) continue;
    const [before, of, after] = JSON.parse(key) as readonly string[];
    throw wrong(
      `${folder} holds ${numbers.size} of the ${count} files \`${before}-…-of-${of}${after}\``,
      "fetch the others, too: they are parts of one table",
    );
  }
}

/** By letters, and numbers in names by their size. */
const byNumbers = new Intl.Collator("en", { numeric: true }).compare;

const wrong = (message: string, help: string): Failure => new Failure("C0402", exit.input, message, help);
