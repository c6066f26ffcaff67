/** The files of `torch.save`: a ZIP file with a pickle, and the numbers of each storage as a file of its own. */
import type { ByteSource, WholeBytes } from "../data/byte-source.ts";
import { decode, type ElementType, numberTypes } from "../data/formats/elements.ts";
import { fault } from "../data/formats/fault.ts";
import { checkEntry, readZipDirectory, type ZipEntry } from "../data/formats/zip.ts";
import { exit, Failure } from "../failure.ts";
import { readPickle } from "./pickle.ts";
import {
  isDict,
  isOf,
  PickleDamage,
  type PickledDict,
  type PickledTensor,
  type PickledValue,
  PickleRefusal,
} from "./pickled.ts";
import type { SourceTensor } from "./source-tensor.ts";

/** The name of the pickle among the entries of the ZIP file. */
const PICKLE = /^(?:(.*)\/)?data\.pkl$/;

/** Whether a ZIP file with these entries was written by `torch.save`. */
export const isTorch = (entries: readonly ZipEntry[]): boolean => entries.some(({ name }) => PICKLE.test(name));

/**
 * The tensors of a file of `torch.save`, by their names; their numbers are read later. `file`: its bytes now. `key`: where they are in nested dictionaries, such as `model` or
 * `state.model`. Throws C0402 for a damaged file, C0301 for a key that is not there, and C0414 for a file of other objects than numbers.
 */
export async function readTorch(
  source: ByteSource,
  file: WholeBytes,
  key: string | undefined,
): Promise<ReadonlyMap<string, SourceTensor>> {
  const { path } = source;
  const entries = new Map((await readZipDirectory(path, file)).map((entry) => [entry.name, entry]));
  const pickle = [...entries.values()].find(({ name }) => PICKLE.test(name))!;
  const folder = PICKLE.exec(pickle.name)?.[1];
  const at = (name: string): string => (folder === undefined ? name : `${folder}/${name}`);
  const whole = (entry: ZipEntry, from = file) => checkEntry(path, from, entry, entry.bytes);
  const order = entries.get(at("byteorder"));
  const littleEndian = order === undefined || Buffer.from(await whole(order)).toString("latin1") === "little";
  const storages = new Map<string, Promise<Uint8Array>>();
  const storage = (name: string, bytes: number): Promise<Uint8Array> => {
    const entry = entries.get(at(`data/${name}`));
    if (entry === undefined) throw fault(path, `the numbers of storage ${name} are not in it`);
    if (entry.bytes < bytes) throw fault(path, `storage ${name} has ${entry.bytes} bytes, and should have ${bytes}`);
    const again = async (): Promise<Uint8Array> => {
      const opened = await source.whole();
      return whole(entry, opened).finally(() => opened.close());
    };
    const read = storages.get(name) ?? again();
    storages.set(name, read);
    return read;
  };
  const tensors = tensorsIn(path, unpickled(path, await whole(pickle)), key);
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const { type, key: place, elements } = tensor.storage;
      const element = { ...numberTypes[type as keyof typeof numberTypes], littleEndian };
      const numbers = async () => strided(path, name, tensor, element, await storage(place, elements * element.bytes));
      return [name, { name, shape: tensor.shape, numbers }];
    }),
  );
}

function unpickled(path: string, bytes: Uint8Array): PickledValue {
  try {
    return readPickle(bytes);
  } catch (error) {
    if (error instanceof PickleDamage) throw fault(path, `its pickle is damaged: ${error.message}`);
    if (error instanceof PickleRefusal)
      throw new Failure(
        "C0414",
        exit.input,
        `${path}: ${error.message}, and only dictionaries, numbers and tensors are read from a pickle`,
        "write the numbers alone: torch.save(model.state_dict(), path)",
      );
    throw error;
  }
}

function tensorsIn(path: string, value: PickledValue, key: string | undefined): ReadonlyMap<string, PickledTensor> {
  const wanted = key === undefined ? value : inside(path, value, key);
  const dict = isDict(wanted) ? wanted : undefined;
  const tensors = [...(dict ?? [])].flatMap(([name, one]) =>
    typeof name === "string" && isOf(one, "tensor") ? [[name, one] as const] : [],
  );
  if (tensors.length > 0) return new Map(tensors);
  const where = key === undefined ? "" : ` under \`${key}\``;
  const keys = nested(dict);
  throw new Failure(
    "C0301",
    exit.usage,
    `${path} has no tensors${where}${dict === undefined ? "" : `, only ${[...dict.keys()].map((k) => `\`${String(k)}\``).join(", ") || "nothing"}`}`,
    keys.length > 0
      ? `say where they are: --key ${keys[0]}`
      : "write a state_dict: torch.save(model.state_dict(), path)",
  );
}

/** The keys of dictionaries that hold tensors. */
const nested = (dict: PickledDict | undefined): readonly string[] =>
  [...(dict ?? [])].flatMap(([name, one]) =>
    typeof name === "string" && isDict(one) && [...one.values()].some((value) => isOf(value, "tensor")) ? [name] : [],
  );

/** What stands under a key, whose dots go into inner dictionaries. */
function inside(path: string, value: PickledValue, key: string): PickledValue {
  let [at, rest]: readonly [PickledValue, string] = [value, key];
  while (rest !== "") {
    if (!isDict(at)) throw noKey(path, key, []);
    // A key may have dots of its own.
    const own = [...at.keys()].find(
      (name) => typeof name === "string" && (rest === name || rest.startsWith(`${name}.`)),
    );
    if (typeof own !== "string") throw noKey(path, key, [...at.keys()]);
    at = at.get(own) as PickledValue;
    rest = rest.slice(own.length + 1);
  }
  return at;
}

const noKey = (path: string, key: string, names: readonly PickledValue[]): Failure =>
  new Failure(
    "C0301",
    exit.usage,
    `${path} has nothing under \`${key}\``,
    names.length > 0 ? `there is ${names.map((name) => String(name)).join(", ")}` : undefined,
  );

/** The numbers of a tensor, row-major. */
function strided(
  path: string,
  name: string,
  { shape, strides, offset }: PickledTensor,
  element: ElementType,
  bytes: Uint8Array,
): Float64Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const position = (index: number): number => {
    let [rest, at] = [index, offset];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return at * element.bytes;
  };
  try {
    return decode(element, bytes, count, position) as Float64Array;
  } catch (error) {
    throw fault(path, `\`${name}\`: ${(error as Error).message}`);
  }
}
