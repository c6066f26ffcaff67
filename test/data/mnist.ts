/** MNIST for tests: the real files where they are, else a small set of the same format written for the run. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export const FILE_NAMES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

/** The folder of real MNIST: $CELLC_DATA's, else that of the shared data beside the repository; undefined where neither is. */
export function realMnistFolder(): string | undefined {
  const roots = [process.env.CELLC_DATA, join(REPOSITORY, "..", "shared", "data")].filter((root) => root !== undefined);
  return roots
    .flatMap((root) => [root, join(root, "mnist")])
    .find((folder) =>
      FILE_NAMES.every((name) => existsSync(join(folder, `${name}.gz`)) || existsSync(join(folder, name))),
    );
}

/** Bytes of an IDX file of unsigned bytes. */
export function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 0x08;
  header[3] = shape.length;
  for (const [axis, extent] of shape.entries()) header.writeUInt32BE(extent, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}

/** Pixel i of example n is (7n + i) mod 251 and its label n mod 10, so that a test can say what stands where. */
export function syntheticPixel(example: number, pixel: number): number {
  return (7 * example + pixel) % 251;
}

export const SYNTHETIC = { train: 60, test: 20 } as const;

/** Writes the four files of a synthetic set into `folder`; the training files gzipped, the test files not. */
export async function writeSyntheticMnist(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const images = (count: number) =>
    idx(
      [count, 28, 28],
      Uint8Array.from({ length: count * 784 }, (_, i) => syntheticPixel(Math.floor(i / 784), i % 784)),
    );
  const labels = (count: number) =>
    idx(
      [count],
      Uint8Array.from({ length: count }, (_, n) => n % 10),
    );
  await writeFile(join(folder, "train-images-idx3-ubyte.gz"), gzipSync(images(SYNTHETIC.train)));
  await writeFile(join(folder, "train-labels-idx1-ubyte.gz"), gzipSync(labels(SYNTHETIC.train)));
  await writeFile(join(folder, "t10k-images-idx3-ubyte"), images(SYNTHETIC.test));
  await writeFile(join(folder, "t10k-labels-idx1-ubyte"), labels(SYNTHETIC.test));
}

/** Runs `use` with an empty folder that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "cellc-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
