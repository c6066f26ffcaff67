/** A folder's contents, for comparison: every file's bytes by its relative path. */
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type Contents = ReadonlyMap<string, Buffer>;

/** Folders and links count as what they are, with nothing in them. */
export async function contentsOf(folder: string): Promise<Contents> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const all = await Promise.all(
    names.map(async (name): Promise<readonly [string, Buffer]> => {
      const path = join(folder, name);
      return [name, (await lstat(path)).isFile() ? await readFile(path) : Buffer.alloc(0)];
    }),
  );
  return new Map(all);
}

/** The first file that differs; undefined if none does. */
export function difference(before: Contents, after: Contents): string | undefined {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].find((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    return a === undefined || b === undefined || !a.equals(b);
  });
}
