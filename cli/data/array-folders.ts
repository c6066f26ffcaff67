/** Folders with an NPY file for each array: `x.npy`, `y.npy`, `lengths.npy`. Such a folder is one data file, as an NPZ file is. */
import { join } from "node:path";
import { type ByteSource, openBytes } from "./byte-source.ts";
import { splitNamed, splitOfName } from "./split-words.ts";

/** A data file, or a folder that is one. */
export interface DataPath {
  readonly path: string;
  /** The files of its arrays, by the arrays' names. */
  readonly arrays?: Readonly<Record<string, string>>;
}

const ARRAY = /^(?:(.*)[/\\])?([^/\\]+?)\.npy(?:\.gz)?$/i;

/** What a file's array is called: `x` of `x_train`, and nothing of `train`, which is a part by itself, in shards or not. */
function arrayName(stem: string): string {
  const whole = stem.replace(/[-_.]?\d+-of-\d+$/, "");
  return splitNamed(whole) === undefined ? splitOfName(whole).name : "";
}

/** Puts the NPY files of each folder together that has an `x` and others beside it. `paths` are relative to a folder, and so are the results. */
export function withArrayFolders(paths: readonly string[]): readonly DataPath[] {
  const folders = new Map<string, Record<string, string>>();
  for (const path of paths) {
    const [, folder = "", stem] = ARRAY.exec(path) ?? [];
    if (stem !== undefined) folders.set(folder, { ...folders.get(folder), [stem]: path });
  }
  const isData = (arrays: Readonly<Record<string, string>>): boolean => {
    const names = new Set(Object.keys(arrays).map(arrayName));
    return names.size > 1 && (names.has("x") || names.has("X"));
  };
  const together = [...folders].filter(([, arrays]) => isData(arrays));
  const taken = new Set(together.flatMap(([, arrays]) => Object.values(arrays)));
  return [
    ...together.map(([path, arrays]) => ({ path, arrays })),
    ...paths.filter((path) => !taken.has(path)).map((path) => ({ path })),
  ];
}

/** The same with paths that start at `folder`. */
export const inFolder = (folder: string, { path, arrays }: DataPath): DataPath => ({
  path: path === "" ? folder : join(folder, path),
  ...(arrays && {
    arrays: Object.fromEntries(Object.entries(arrays).map(([name, file]) => [name, join(folder, file)])),
  }),
});

/** Opens a data file, or the arrays of a folder. Throws C0401. */
export async function openData(
  { path, arrays }: DataPath,
  stdin: AsyncIterable<Uint8Array | string>,
): Promise<ByteSource> {
  if (arrays === undefined) return openBytes(path, stdin);
  const members: Record<string, ByteSource> = {};
  for (const [name, file] of Object.entries(arrays)) members[name] = await openBytes(file, stdin);
  const [first] = Object.values(members);
  return { path, stream: () => first.stream(), whole: () => first.whole(), members };
}
