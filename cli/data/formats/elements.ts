/** The types of stored numbers and texts, and how each is read. */

/** `decode` throws it for a value that cannot be a number or text of ours. */
export class BadElement extends Error {
  /** Which of the elements, from 0 on. */
  readonly index: number;

  constructor(index: number, reason: string) {
    super(reason);
    this.name = "BadElement";
    this.index = index;
  }
}

export interface NumberType {
  readonly kind: "number";
  readonly bytes: number;
  /** The element that begins at byte `at`; NaN for none other than NaN itself. Throws RangeError for one that no number is exactly. */
  read(view: DataView, at: number, littleEndian: boolean): number;
}

export interface TextType {
  readonly kind: "text";
  readonly bytes: number;
  /** The text that begins at byte `at`, without the NULs that fill it up. Throws RangeError if it is not one. */
  read(view: DataView, at: number, littleEndian: boolean): string;
}

export type ElementType = (NumberType | TextType) & { readonly littleEndian: boolean };

const numberType = (bytes: number, read: NumberType["read"]): NumberType => ({ kind: "number", bytes, read });

const exact = (value: bigint): number => {
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
    throw new RangeError(`${value} is beyond 2^53, where whole numbers are no longer exact`);
  return Number(value);
};

/** By the names that NumPy gives them; `bf2` is the upper half of an `f4`. */
export const numberTypes = {
  f2: numberType(2, (view, at, little) => half(view.getUint16(at, little))),
  bf2: numberType(2, (view, at, little) => upperHalf(view.getUint16(at, little))),
  f4: numberType(4, (view, at, little) => view.getFloat32(at, little)),
  f8: numberType(8, (view, at, little) => view.getFloat64(at, little)),
  i1: numberType(1, (view, at) => view.getInt8(at)),
  i2: numberType(2, (view, at, little) => view.getInt16(at, little)),
  i4: numberType(4, (view, at, little) => view.getInt32(at, little)),
  i8: numberType(8, (view, at, little) => exact(view.getBigInt64(at, little))),
  u1: numberType(1, (view, at) => view.getUint8(at)),
  u2: numberType(2, (view, at, little) => view.getUint16(at, little)),
  u4: numberType(4, (view, at, little) => view.getUint32(at, little)),
  u8: numberType(8, (view, at, little) => exact(view.getBigUint64(at, little))),
  b1: numberType(1, (view, at) => {
    const value = view.getUint8(at);
    if (value > 1) throw new RangeError(`the byte ${value} is neither false nor true`);
    return value;
  }),
} as const satisfies Readonly<Record<string, NumberType>>;

/** `length` UTF-32 characters: NumPy's `U`. */
export const unicodeType = (length: number): TextType => ({
  kind: "text",
  bytes: 4 * length,
  read(view, at, little) {
    const points: number[] = [];
    for (let i = 0; i < length; i++) points.push(view.getUint32(at + 4 * i, little));
    while (points.at(-1) === 0) points.pop();
    const bad = points.find((point) => point > 0x10ffff || (point >= 0xd800 && point < 0xe000));
    if (bad !== undefined) throw new RangeError(`0x${bad.toString(16)} is no character`);
    return points.map((point) => String.fromCodePoint(point)).join("");
  },
});

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `length` bytes of UTF-8: NumPy's `S`. */
export const bytesType = (length: number): TextType => ({
  kind: "text",
  bytes: length,
  read(view, at) {
    let end = length;
    while (end > 0 && view.getUint8(at + end - 1) === 0) end--;
    try {
      return utf8.decode(new Uint8Array(view.buffer, view.byteOffset + at, end));
    } catch {
      throw new RangeError("its bytes are not UTF-8");
    }
  },
});

/** Where an element begins, of the `index`th that is wanted. */
type Where = (index: number) => number;

/** `count` elements, which begin at the bytes that `at` says: one after another if it is left out. Throws `BadElement`. */
export function decode(
  type: ElementType,
  bytes: Uint8Array,
  count: number,
  at: Where = (index) => index * type.bytes,
): Float64Array | string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let index = 0;
  try {
    if (type.kind === "text") {
      const texts: string[] = [];
      for (; index < count; index++) texts.push(type.read(view, at(index), type.littleEndian));
      return texts;
    }
    const numbers = new Float64Array(count);
    for (; index < count; index++) numbers[index] = type.read(view, at(index), type.littleEndian);
    return numbers;
  } catch (error) {
    if (error instanceof RangeError) throw new BadElement(index, error.message);
    throw error;
  }
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const scratch = new DataView(new ArrayBuffer(4));

function upperHalf(bits: number): number {
  scratch.setUint16(0, bits);
  return scratch.getFloat32(0);
}
