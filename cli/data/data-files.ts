/** Which files a data set is made of. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { exit, Failure } from "../failure.ts";
import { cannotRead } from "../file-errors.ts";
import { type DataPath, inFolder, withArrayFolders } from "./array-folders.ts";
import { formats, hasKnownEnding } from "./formats.ts";
import { splitFiles } from "./split-files.ts";
import type { Split } from "./task.ts";

export interface DataFile extends DataPath {
  readonly split?: Split;
}

/**
 * The files at a path: itself; or those of a folder, which are named after the parts; or those that match a pattern with `*` in its last
 * name, such as `babi/qa1_*.txt`, which need not be. With `whole`, any files of a folder. Throws C0401 and C0402.
 */
export async function filesAt(path: string, whole = false): Promise<readonly DataFile[]> {
  if (path === "-") return [{ path }];
  const found = await stat(path).catch((error: unknown) => {
    if (basename(path).includes("*")) return undefined;
    throw cannotRead(path, error);
  });
  if (found === undefined) return matching(path, whole);
  if (!found.isDirectory()) return [{ path }];
  const names = await readdir(path, { recursive: true });
  const data = withArrayFolders(names.filter(hasKnownEnding).toSorted());
  if (data.length === 1 && data[0].path === "") return [inFolder(path, data[0])];
  if (whole && data.length > 0) return data.map((one) => inFolder(path, one));
  const byPath = new Map(data.map((one) => [one.path, one]));
  const files = splitFiles(path, [...byPath.keys()]);
  if ("splits" in files && files.splits.train !== undefined)
    return inSplits(files.splits, (name) => inFolder(path, byPath.get(name)!));
  throw new Failure(
    "C0401",
    exit.input,
    `${path} is a folder without a training file`,
    `name a file, or a pattern such as "${join(path, "*.csv")}"; or call the files of a folder train, valid and test, with an ending such as ${formats[0].extensions[0]}`,
  );
}

/** The files of a folder whose names match a pattern. */
async function matching(pattern: string, whole: boolean): Promise<readonly DataFile[]> {
  const folder = dirname(pattern);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw cannotRead(folder, error);
  });
  const parts = basename(pattern).split("*");
  const names = entries.filter((entry) => !entry.isDirectory() && matches(entry.name, parts)).map(({ name }) => name);
  if (names.length === 0)
    throw new Failure(
      "C0401",
      exit.input,
      `no file matches ${pattern}`,
      "a * stands for any characters of a file's name",
    );
  const at = (name: string): DataFile => ({ path: join(folder, name) });
  if (whole) return names.toSorted().map(at);
  const files = splitFiles(folder, names);
  if ("whole" in files) return files.whole.map(at);
  if (files.splits.train !== undefined) return inSplits(files.splits, at);
  throw new Failure(
    "C0401",
    exit.input,
    `no file that matches ${pattern} is for training`,
    "let the pattern match the training file, too",
  );
}

/** Whether a name is `parts` with any characters between them. Files whose names begin with a dot are hidden. */
function matches(name: string, parts: readonly string[]): boolean {
  const [first, last] = [parts[0], parts[parts.length - 1]];
  if (name.startsWith(".") && !first.startsWith(".")) return false;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const next = name.indexOf(part, at);
    if (next < 0) return false;
    at = next + part.length;
  }
  return at <= name.length - last.length;
}

const inSplits = (
  splits: Readonly<Partial<Record<Split, readonly string[]>>>,
  at: (name: string) => DataFile,
): readonly DataFile[] =>
  (Object.entries(splits) as [Split, readonly string[]][]).flatMap(([split, names]) =>
    names.map((name) => ({ ...at(name), split })),
  );
