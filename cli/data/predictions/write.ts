/** Writes predictions to a file, in the format that its name says. */
import { extname } from "node:path";
import { exit, Failure } from "../../failure.ts";
import { writeAtomically } from "../../report/files.ts";
import type { Column } from "./columns.ts";

/** Columns of some rows; all blocks have the same columns, and there is at least one. */
export type Blocks = AsyncIterable<readonly Column[]>;

type Encode = (blocks: Blocks) => Promise<Uint8Array | AsyncIterable<string>>;

/** By the ending of the file's name. NPZ says how many rows there are before the first one, so it is put together in memory. */
const encoders: Readonly<Record<string, Encode>> = {
  ".csv": async (blocks) => {
    const { csvHeader, csvRows } = await import("./csv.ts");
    return inParts(blocks, csvRows, csvHeader);
  },
  ".jsonl": async (blocks) => inParts(blocks, (await import("./jsonl.ts")).jsonlOf),
  ".npz": async (blocks) => (await import("./npz.ts")).npzOf(await joined(blocks)),
};

/** The endings of files of predictions, with the dot. */
export const predictionEndings: readonly string[] = Object.keys(encoders);

/** Throws C0301 for a file whose name says none of the formats. */
export function checkPredictionFile(path: string): void {
  if (Object.hasOwn(encoders, extname(path).toLowerCase())) return;
  const known = predictionEndings.join(", ");
  throw new Failure(
    "C0301",
    exit.usage,
    `${path}: predictions are not written to files that end like this`,
    `choose ${known}`,
  );
}

/**
 * Writes rows as they come, completely or not at all: if `blocks` throws, what was there before is still there. Throws as
 * `checkPredictionFile` does, and C0409.
 */
export async function writePredictions(path: string, blocks: Blocks): Promise<void> {
  checkPredictionFile(path);
  await writeAtomically(path, await encoders[extname(path).toLowerCase()](blocks));
}

/** Characters that are written at once. */
const PART = 1 << 20;

async function* inParts(
  blocks: Blocks,
  lines: (columns: readonly Column[]) => Iterable<string>,
  header: (columns: readonly Column[]) => string = () => "",
): AsyncGenerator<string> {
  let part: string[] = [];
  let length = 0;
  let isFirst = true;
  for await (const columns of blocks) {
    if (isFirst) part.push(header(columns));
    isFirst = false;
    for (const line of lines(columns)) {
      part.push(line);
      length += line.length;
      if (length < PART) continue;
      yield part.join("");
      part = [];
      length = 0;
    }
  }
  yield part.join("");
}

/** All rows as one block. */
async function joined(blocks: Blocks): Promise<readonly Column[]> {
  const all: (readonly Column[])[] = [];
  for await (const columns of blocks) all.push(columns);
  return all[0].map((column, c): Column => {
    const same = all.map((columns) => columns[c]);
    if (column.kind === "texts")
      return { ...column, values: same.flatMap((one) => (one.kind === "texts" ? one.values : [])) };
    const parts = same.flatMap((one) => (one.kind === "texts" ? [] : [one.values]));
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const first: typeof column.values = column.values;
    const values =
      first instanceof Float32Array
        ? new Float32Array(size)
        : first instanceof Float64Array
          ? new Float64Array(size)
          : new Int32Array(size);
    let at = 0;
    for (const part of parts) {
      values.set(part, at);
      at += part.length;
    }
    return { ...column, values };
  });
}
