import type { ByteSource, WholeBytes } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import type { ArrayOptions } from "./array-layout.ts";
import { recordingOfArrays } from "./array-recording.ts";
import { fault } from "./fault.ts";
import { npyArray } from "./npy.ts";
import { HEADER_LIMIT } from "./npy-header.ts";
import type { StoredArray } from "./stored-array.ts";
import { checkEntry, openEntry, readZipDirectory } from "./zip.ts";

/**
 * Opens a ZIP file of NPY arrays. Those that are not compressed are read piece by piece, the others are unpacked into temporary files.
 * Every entry is read once to see that its checksum is right: a wrong number is worse than a slow start. Throws C0401 and C0402.
 */
export async function openNpz(source: ByteSource, options: ArrayOptions): Promise<Recording> {
  return recordingOfArrays(source.path, await npzArrays(source), options);
}

/** The arrays of a ZIP file of NPY arrays, by the names of its entries. Throws as `openNpz` does. */
export async function npzArrays(source: ByteSource): Promise<readonly StoredArray[]> {
  const file = await source.whole();
  try {
    const arrays: StoredArray[] = [];
    for (const entry of await readZipDirectory(source.path, file)) {
      const name = /^(.+)\.npy$/.exec(entry.name)?.[1];
      if (name === undefined) throw fault(source.path, `\`${entry.name}\` in it is no .npy array`);
      const head = await checkEntry(source.path, file, entry, HEADER_LIMIT);
      const named = { path: source.path, name, label: `${source.path}: ${entry.name}` };
      const bytes = { read: async (from: number, to: number) => head.subarray(from, to) };
      arrays.push(
        await npyArray(named, entry.bytes, bytes, async () => {
          const again: WholeBytes = await source.whole();
          try {
            return await openEntry(source.path, again, entry);
          } catch (error) {
            again.close();
            throw error;
          }
        }),
      );
    }
    return arrays;
  } finally {
    file.close();
  }
}
