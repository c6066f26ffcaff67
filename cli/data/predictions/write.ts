/** Writes predictions to a file, in the format that its name says. */
import { extname } from "node:path";
import { exit, Failure } from "../../failure.ts";
import { writeAtomically } from "../../report/files.ts";
import type { Column } from "./columns.ts";

type Encode = (columns: readonly Column[]) => Promise<Uint8Array | Iterable<string>>;

/** By the ending of the file's name. */
const encoders: Readonly<Record<string, Encode>> = {
  ".csv": async (columns) => inBlocks((await import("./csv.ts")).csvOf(columns)),
  ".jsonl": async (columns) => inBlocks((await import("./jsonl.ts")).jsonlOf(columns)),
  ".npz": async (columns) => (await import("./npz.ts")).npzOf(columns),
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

/** Writes columns of equally many rows, completely or not at all. Throws as `checkPredictionFile` does, and C0409. */
export async function writePredictions(path: string, columns: readonly Column[]): Promise<void> {
  checkPredictionFile(path);
  await writeAtomically(path, await encoders[extname(path).toLowerCase()](columns));
}

/** Characters that are written at once. */
const BLOCK = 1 << 20;

function* inBlocks(lines: Iterable<string>): Generator<string> {
  let block: string[] = [];
  let length = 0;
  for (const line of lines) {
    block.push(line);
    length += line.length;
    if (length < BLOCK) continue;
    yield block.join("");
    block = [];
    length = 0;
  }
  yield block.join("");
}
