/** MNIST: finds its four files and reads them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../cache-folder.ts";
import { exit, Failure } from "../failure.ts";
import { cannotRead } from "../file-errors.ts";
import { download } from "./download.ts";
import { readIdxOf } from "./idx.ts";
import { type FileOptions, namedFolders, notFound } from "./task-folders.ts";

export interface ImageSet {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** [count, rows, columns], 0 … 255. */
  readonly pixels: Uint8Array;
  /** [count], 0 … 9. */
  readonly labels: Uint8Array;
}

export interface Mnist {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

export interface MnistOptions extends FileOptions {
  readonly mirrors?: readonly string[];
}

/** The published SHA-256 of the gzipped files. */
const DIGESTS = {
  "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
  "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
  "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
  "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
} as const;

type FileName = keyof typeof DIGESTS;
type MnistFiles = Readonly<Record<FileName, FoundFile>>;

interface FoundFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const FILES = Object.keys(DIGESTS) as readonly FileName[];

const MIRRORS = [
  "https://storage.googleapis.com/cvdf-datasets/mnist/",
  "https://ossci-datasets.s3.amazonaws.com/mnist/",
];

/**
 * Loads both sets from the first folder that holds all four files (gzipped or not): that of `--data`, or else `CELLC_DATA`'s or the cache,
 * into which they are downloaded if they are nowhere. If a folder that the user named holds only some of the files, no other folder replaces
 * it. Throws C0402 for a damaged file, and C0405, with every folder and mirror and what it lacks, if MNIST is not found.
 */
export async function loadMnist(options: MnistOptions): Promise<Mnist> {
  const looked: string[] = [];
  for (const place of namedFolders("mnist", options)) {
    const { files, missing } = await readFolder(place);
    if (missing.length === 0) return parse(files as MnistFiles);
    const isPartial = missing.length < FILES.length;
    looked.push(`${place}: ${isPartial ? `lacks ${missing.join(", ")}` : "none of the files"}`);
    if (isPartial) throw notThere([...looked, `elsewhere: not looked, because ${place} holds some of the files`]);
  }
  if (options.directory !== undefined) throw notThere([...looked, "elsewhere: not looked, because of --data"]);
  const cache = join(cacheFolder(options.environment), "mnist");
  const { files, missing } = await readFolder(cache);
  if (missing.length === 0) return parse(files as MnistFiles);
  looked.push(`${cache}: lacks ${missing.join(", ")}`);
  if (options.offline) throw notThere([...looked, "the network: not asked, because of --offline"]);
  const failures = await fillCache(cache, missing, options);
  if (failures.length > 0) throw notThere([...looked, ...failures]);
  const fetched = await readFolder(cache);
  return parse(fetched.files as MnistFiles);
}

async function readFolder(
  place: string,
): Promise<{ readonly files: Readonly<Partial<MnistFiles>>; readonly missing: readonly FileName[] }> {
  const files: Partial<Record<FileName, FoundFile>> = {};
  for (const name of FILES) {
    const found = (await readIfThere(join(place, name))) ?? (await readIfThere(join(place, `${name}.gz`)));
    if (found !== undefined) files[name] = found;
  }
  return { files, missing: FILES.filter((name) => files[name] === undefined) };
}

async function readIfThere(path: string): Promise<FoundFile | undefined> {
  try {
    return { path, bytes: await readFile(path) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw cannotRead(path, error);
  }
}

/** Downloads what the cache lacks. Returns what each mirror of a file answered if none has it. */
async function fillCache(
  cache: string,
  missing: readonly FileName[],
  options: MnistOptions,
): Promise<readonly string[]> {
  for (const name of missing) {
    options.say(`fetching ${name}.gz into ${cache}`);
    const failures = await download({
      mirrors: options.mirrors ?? MIRRORS,
      name: `${name}.gz`,
      sha256: DIGESTS[name],
      to: join(cache, `${name}.gz`),
    });
    if (failures.length > 0) return failures;
  }
  return [];
}

function parse(files: MnistFiles): Mnist {
  const set = (images: FileName, labels: FileName): ImageSet => {
    const pixels = readIdxOf(files[images].bytes, files[images].path, [undefined, 28, 28]);
    const [count, rows, columns] = pixels.shape;
    const classes = readIdxOf(files[labels].bytes, files[labels].path, [count]);
    const wrong = classes.data.findIndex((label) => label > 9);
    if (wrong >= 0) {
      throw new Failure(
        "C0402",
        exit.input,
        `${files[labels].path}: label ${classes.data[wrong]} at ${wrong}, want 0 … 9`,
      );
    }
    return { count, rows, columns, pixels: pixels.data, labels: classes.data };
  };
  return {
    train: set("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    test: set("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
  };
}

const notThere = (looked: readonly string[]): Failure =>
  notFound(
    "MNIST",
    looked,
    `put ${FILES.join(", ")} (with or without .gz) into a folder and name it with --data DIR or CELLC_DATA; or use a generated task: digits, adding`,
  );
