/** What a pickle of numbers may hold, and the few names that it may call. */

/** A dictionary, ordered or not. */
export type PickledDict = ReadonlyMap<PickledValue, PickledValue>;

/** Where the numbers of a tensor are. */
export interface PickledTensor {
  readonly kind: "tensor";
  readonly storage: PickledStorage;
  /** In elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** In elements, one for each axis. */
  readonly strides: readonly number[];
}

/** The numbers of one or several tensors, which lie in a file of their own. */
export interface PickledStorage {
  readonly kind: "storage";
  /** As NumPy names them: `f4`, `bf2`, … */
  readonly type: string;
  readonly key: string;
  readonly elements: number;
}

/** A name that stands for itself, such as that of a type of numbers. */
export interface PickledName {
  readonly kind: "name";
  readonly name: string;
}

export type PickledValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | PickledTensor
  | PickledStorage
  | PickledName
  | PickledDict
  | readonly PickledValue[];

/** Thrown for a pickle that is damaged. */
export class PickleDamage extends Error {}

/** Thrown for a pickle that names what is not read, such as a class of the program that wrote it. */
export class PickleRefusal extends Error {
  /** `builtins.eval` */
  readonly global: string;

  constructor(global: string) {
    super(`it holds an object of \`${global}\``);
    this.global = global;
  }
}

/** The types of storages, and what their elements are. */
const STORAGES: Readonly<Record<string, string>> = {
  DoubleStorage: "f8",
  FloatStorage: "f4",
  HalfStorage: "f2",
  BFloat16Storage: "bf2",
  LongStorage: "i8",
  IntStorage: "i4",
  ShortStorage: "i2",
  CharStorage: "i1",
  ByteStorage: "u1",
  BoolStorage: "b1",
};

/** What calling each name gives. */
export const calls: Readonly<Record<string, (args: readonly PickledValue[]) => PickledValue>> = {
  "collections.OrderedDict": ([pairs = []]) => {
    if (!Array.isArray(pairs)) throw new PickleDamage("an ordered dictionary is made of something else than pairs");
    return new Map(pairs.map((pair) => pairOf(pair as PickledValue)));
  },
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) => tensorOf(storage, offset, shape, strides),
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data]) => data,
  "torch.Size": ([shape = []]) => shape,
  "torch.device": ([name = ""]) => name,
};

/** Whether a name stands for itself: a type of numbers. */
export const isName = (name: string): boolean =>
  Object.hasOwn(STORAGES, storageName(name)) ||
  /^torch\.(float16|float32|float64|bfloat16|int8|int16|int32|int64|uint8|bool|strided)$/.test(name);

function pairOf(pair: PickledValue): readonly [PickledValue, PickledValue] {
  if (!Array.isArray(pair) || pair.length !== 2) throw new PickleDamage("a pair has not two parts");
  return [pair[0], pair[1]];
}

const isCount = (value: PickledValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

const areCounts = (value: PickledValue | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every((one: PickledValue) => isCount(one));

function tensorOf(
  storage: PickledValue | undefined,
  offset: PickledValue | undefined,
  shape: PickledValue | undefined,
  strides: PickledValue | undefined,
): PickledTensor {
  if (!isOf(storage, "storage") || !isCount(offset) || !areCounts(shape) || !areCounts(strides))
    throw new PickleDamage("a tensor is made of something else than a storage, an offset, a shape and strides");
  if (shape.length !== strides.length)
    throw new PickleDamage(`a tensor [${shape.join(", ")}] has ${strides.length} strides`);
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
  const isEmpty = shape.includes(0);
  if (!isEmpty && !(last < storage.elements))
    throw new PickleDamage(`a tensor [${shape.join(", ")}] reaches beyond its ${storage.elements} numbers`);
  return { kind: "tensor", storage, offset, shape, strides };
}

/** Whether a value is one of the objects of this file. */
export function isOf<K extends "tensor" | "storage" | "name">(
  value: PickledValue | undefined,
  kind: K,
): value is Extract<PickledValue, { readonly kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** Whether a value is a dictionary. */
export const isDict = (value: PickledValue | undefined): value is PickledDict => value instanceof Map;

/** `torch.FloatStorage`, or `torch.storage.FloatStorage`: without its module. */
const storageName = (name: string): string => /^torch\.(?:storage\.)?(\w+)$/.exec(name)?.[1] ?? "";

/** The numbers that a pickle refers to as `("storage", torch.FloatStorage, "0", "cpu", 12)`. */
export function storageOf(id: PickledValue): PickledStorage {
  if (!Array.isArray(id) || id.length < 5 || id[0] !== "storage")
    throw new PickleDamage("a tensor's numbers are not in a storage");
  const [, type, key, , elements]: readonly PickledValue[] = id;
  const known = isOf(type, "name") ? storageName(type.name) : "";
  if (!Object.hasOwn(STORAGES, known) || typeof key !== "string" || !isCount(elements))
    throw new PickleDamage("a storage is not named by its type, its key and its length");
  return { kind: "storage", type: STORAGES[known], key, elements };
}
