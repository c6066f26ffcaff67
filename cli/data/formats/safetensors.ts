import { headerEnd, headerOf, type Place } from "../../../runtime/safetensors.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import type { ArrayOptions } from "./array-layout.ts";
import { recordingOfArrays } from "./array-recording.ts";
import { type NumberType, numberTypes } from "./elements.ts";
import { fault } from "./fault.ts";
import { productOf, type StoredArray } from "./stored-array.ts";
import { partOf } from "./whole-bytes.ts";

const TYPES: Readonly<Record<string, NumberType>> = {
  BOOL: numberTypes.b1,
  U8: numberTypes.u1,
  I8: numberTypes.i1,
  U16: numberTypes.u2,
  I16: numberTypes.i2,
  F16: numberTypes.f2,
  BF16: numberTypes.bf2,
  U32: numberTypes.u4,
  I32: numberTypes.i4,
  F32: numberTypes.f4,
  U64: numberTypes.u8,
  I64: numberTypes.i8,
  F64: numberTypes.f8,
};

/** Opens a safetensors file: tensors by name, as in NPZ. Throws C0401, and C0402 if it is not one or is damaged. */
export async function openSafetensors(source: ByteSource, options: ArrayOptions): Promise<Recording> {
  return recordingOfArrays(source.path, (await safetensorsArrays(source)).arrays, options);
}

/** The tensors and the free texts of a safetensors file. Throws as `openSafetensors` does. */
export async function safetensorsArrays(
  source: ByteSource,
): Promise<{ readonly arrays: readonly StoredArray[]; readonly metadata: Readonly<Record<string, string>> }> {
  const { path } = source;
  const file = await source.whole();
  try {
    const damage = (reason: string) => fault(path, `it is no sound safetensors file: ${reason}`);
    const end = headerEnd(await file.read(0, Math.min(8, file.size)), file.size, damage);
    const { places, metadata } = headerOf(await file.read(0, end), file.size, damage);
    return { arrays: places.map((place) => tensor(source, file.size, place)), metadata };
  } finally {
    file.close();
  }
}

function tensor(source: ByteSource, fileBytes: number, { name, dtype, shape, start }: Place): StoredArray {
  const { path } = source;
  if (!Object.hasOwn(TYPES, dtype))
    throw fault(path, `\`${name}\` is of type ${dtype}; ${Object.keys(TYPES).join(" ")} are read`);
  const element = { ...TYPES[dtype], littleEndian: true };
  return {
    ...{ name, path, shape, element, fortran: false },
    open: async () => {
      const file = await source.whole();
      if (file.size === fileBytes) return partOf(file, start, productOf(shape) * element.bytes);
      file.close();
      throw fault(path, "it was changed while it was read");
    },
  };
}
