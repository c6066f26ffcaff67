/** Opens a file of another program's weights, of whatever kind its first bytes say. */

import { messageOf } from "../../runtime/error.ts";
import { type ByteSource, openBytes, type WholeBytes } from "../data/byte-source.ts";
import { fault } from "../data/formats/fault.ts";
import { npzArrays } from "../data/formats/npz.ts";
import { safetensorsArrays } from "../data/formats/safetensors.ts";
import { openArray, productOf, type StoredArray } from "../data/formats/stored-array.ts";
import { checkEntry, readZipDirectory, type ZipEntry } from "../data/formats/zip.ts";
import { exit, Failure } from "../failure.ts";
import type { SourceFile, SourceTensor } from "./source-tensor.ts";
import { isTorch, readTorch } from "./torch-file.ts";

/** The weights and the description of the model in a file of Keras 3. */
const KERAS_WEIGHTS = "model.weights.h5";
const KERAS_CONFIG = "config.json";

const starts = (bytes: Uint8Array, magic: string): boolean =>
  Buffer.from(bytes.subarray(0, magic.length)).toString("latin1") === magic;

/**
 * Opens a file of safetensors, `torch.save`, NumPy (`.npz`) or Keras (HDF5, `.keras`). `key`: where the tensors are in the nested
 * dictionaries of `torch.save`; `stdin`: what is read for `-`. Throws C0401, C0402 for a damaged file, C0407 for another kind of file, C0301 for a key that is not there.
 */
export async function openSource(
  path: string,
  key: string | undefined,
  stdin: AsyncIterable<Uint8Array | string>,
): Promise<SourceFile> {
  const source = await openBytes(path, stdin);
  const file = await source.whole();
  try {
    const head = await file.read(0, Math.min(16, file.size));
    const isZip = starts(head, "PK\x03\x04");
    const entries = isZip ? await readZipDirectory(path, file) : [];
    if (key !== undefined && !isTorch(entries))
      throw new Failure("C0301", exit.usage, `--key is for files of torch.save, and ${path} is none`, "leave it out");
    if (isTorch(entries)) return { path, format: "torch", tensors: await readTorch(source, file, key), notes: {} };
    if (entries.some(({ name }) => name === KERAS_WEIGHTS)) return await ofKeras(path, file, entries);
    if (isZip) return { path, format: "npz", tensors: tensorsOf(await npzArrays(source)), notes: {} };
    if (starts(head, "\x89HDF\r\n\x1a\n")) return await ofHdf5(path, await file.read(0, file.size), {});
    if (head[8] === 0x7b) return await ofSafetensors(source);
    throw otherKind(path, head);
  } finally {
    file.close();
  }
}

function otherKind(path: string, head: Uint8Array): Failure {
  // Pickles of protocol 2 begin so; torch.save wrote them until version 1.6.
  const isPickle = head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;
  return new Failure(
    "C0407",
    exit.input,
    `${path} is ${isPickle ? "a file of torch.save's old format, a bare pickle" : "no file of weights that is read"}`,
    isPickle
      ? "write it anew: torch.save(torch.load(old), new, _use_new_zipfile_serialization=True)"
      : "files of safetensors, torch.save, Keras (.h5, .keras) and NumPy (.npz) are read",
  );
}

async function ofSafetensors(source: ByteSource): Promise<SourceFile> {
  const { arrays, metadata } = await safetensorsArrays(source);
  return { path: source.path, format: "safetensors", tensors: tensorsOf(arrays), notes: metadata };
}

const tensorsOf = (arrays: readonly StoredArray[]): ReadonlyMap<string, SourceTensor> =>
  new Map(arrays.map((array) => [array.name, tensorOf(array)]));

function tensorOf(array: StoredArray): SourceTensor {
  const { name, path, shape } = array;
  return {
    ...{ name, shape },
    async numbers() {
      const reader = await openArray(
        array,
        shape.map((_, axis) => axis),
      );
      try {
        const numbers = await reader.read(0, productOf(shape));
        if (numbers instanceof Float64Array) return numbers;
        throw fault(path, `\`${name}\` holds texts`);
      } finally {
        reader.close();
      }
    },
  };
}

async function ofKeras(path: string, file: WholeBytes, entries: readonly ZipEntry[]): Promise<SourceFile> {
  const entry = (name: string): ZipEntry | undefined => entries.find((one) => one.name === name);
  const whole = (one: ZipEntry) => checkEntry(path, file, one, one.bytes);
  const config = entry(KERAS_CONFIG);
  const notes = config && { config: Buffer.from(await whole(config)).toString("utf8") };
  return ofHdf5(path, await whole(entry(KERAS_WEIGHTS)!), notes ?? {});
}

/** Attributes of Keras' HDF5 files that say what their datasets are: the model, and the names of its layers in their order. */
const KERAS_ATTRIBUTES = { model_config: "config", layer_names: "layers" } as const;

async function ofHdf5(path: string, bytes: Uint8Array, more: Readonly<Record<string, string>>): Promise<SourceFile> {
  const { readHdf5 } = await import("./hdf5-file.ts");
  const sound = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      // The reader throws texts, too.
      throw fault(path, `it is damaged, or of a kind of HDF5 that is not read: ${messageOf(error)}`);
    }
  };
  const { datasets, attributes } = sound(() => readHdf5(bytes));
  const notes: Record<string, string> = { ...more };
  for (const group of ["", "model_weights"]) {
    const found = sound(() =>
      group === "" || datasets.some((one) => one.path.startsWith(`${group}/`)) ? attributes(group) : {},
    );
    for (const [name, note] of Object.entries(KERAS_ATTRIBUTES)) {
      const value = found[name];
      if (value !== undefined && value !== null)
        notes[note] ??= Array.isArray(value) ? JSON.stringify(value) : String(value);
    }
  }
  const tensors = datasets.map(({ path: name, shape, dtype, read }): SourceTensor => {
    const numbers = async (): Promise<Float64Array> => {
      const values = sound(read);
      const count = productOf(shape);
      if (!/^[<>|][fiu]\d$/.test(dtype)) throw fault(path, `\`${name}\` in it is of type ${dtype}, which is not read`);
      if (values.length !== count)
        throw fault(path, `\`${name}\` [${shape.join(", ")}] in it has ${values.length} numbers`);
      return Float64Array.from(values as ArrayLike<number>, Number);
    };
    return { name, shape, numbers };
  });
  return { path, format: "hdf5", tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), notes };
}
