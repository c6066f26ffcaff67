import type { ByteSource, WholeBytes } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import type { ArrayOptions } from "./array-layout.ts";
import { recordingOfArrays } from "./array-recording.ts";
import { fault } from "./fault.ts";
import { HEADER_LIMIT, type NpyHeader, readNpyHeader } from "./npy-header.ts";
import type { StoredArray } from "./stored-array.ts";
import { partOf } from "./whole-bytes.ts";

/**
 * Opens a `.npy` file: it is the array `x`. A folder with a file for each array is what a `.npz` file of these arrays is. Throws C0401, and
 * C0402 for what is none, or is damaged.
 */
export async function openNpy(source: ByteSource, options: ArrayOptions): Promise<Recording> {
  const arrays: StoredArray[] = [];
  for (const [name, file] of Object.entries(source.members ?? { x: source })) {
    const bytes = await file.whole();
    try {
      arrays.push(await npyArray({ path: file.path, name, label: file.path }, bytes.size, bytes, () => file.whole()));
    } finally {
      bytes.close();
    }
  }
  return recordingOfArrays(source.path, arrays, options);
}

/** Of which array it is, for messages: `label` is what its bytes are found under. */
interface Named {
  readonly path: string;
  readonly name: string;
  readonly label: string;
}

/** An array of `size` NPY bytes: those of `bytes` now, and of what `open` gives when they are read. Throws C0402. */
export async function npyArray(
  { path, name, label }: Named,
  size: number,
  bytes: { read(from: number, to: number): Promise<Uint8Array> },
  open: () => Promise<WholeBytes>,
): Promise<StoredArray> {
  let header: NpyHeader;
  try {
    header = readNpyHeader(await bytes.read(0, Math.min(size, HEADER_LIMIT)), size);
  } catch (error) {
    if (error instanceof RangeError) throw fault(label, error.message);
    throw error;
  }
  const { element, fortran, shape, begins } = header;
  return {
    ...{ name, path, element, fortran, shape },
    open: async () => {
      const opened = await open();
      if (opened.size === size) return partOf(opened, begins, size - begins);
      opened.close();
      throw fault(label, "it was changed while it was read");
    },
  };
}
