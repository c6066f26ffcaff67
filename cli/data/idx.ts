/**
 * IDX, the format of the MNIST files (Y. LeCun's page): two zero bytes, a type byte, the number of axes, each axis's
 * extent as a big-endian u32, then the elements, last axis fastest. Only unsigned bytes (type 0x08) occur here.
 */
import { gunzipSync } from "node:zlib";
import { exit, Failure } from "../failure.ts";

export interface IdxArray {
  readonly shape: readonly number[];
  /** `shape`'s product of bytes. */
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file, gzipped or not: its first two bytes decide, not its name.
 * Throws C0402 if it is not an IDX file, is cut or too long, or has another element type. `name` is for the message.
 */
export function readIdx(file: Uint8Array, name: string): IdxArray {
  const bytes = isGzip(file) ? unzip(file, name) : file;
  if (bytes.length < 4) throw corrupt(name, `it is cut: ${bytes.length} bytes, and the header alone has at least 4`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw corrupt(name, `bad magic ${hex(bytes.subarray(0, 4))}: an IDX file starts with 00 00`);
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    throw corrupt(
      name,
      `bad magic ${hex(bytes.subarray(0, 4))}: element type ${hex(bytes.subarray(2, 3))}, want 08 (u8)`,
    );
  }
  const rank = bytes[3];
  const header = 4 + 4 * rank;
  if (rank === 0) throw corrupt(name, `bad magic ${hex(bytes.subarray(0, 4))}: no axes`);
  if (bytes.length < header) throw corrupt(name, `it is cut: ${bytes.length} bytes, and its header has ${header}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, extent) => product * extent, 1);
  const found = bytes.length - header;
  if (found < size)
    throw corrupt(name, `it is cut: its header says [${shape.join(", ")}] = ${size} bytes, ${found} are there`);
  if (found > size)
    throw corrupt(name, `${found - size} trailing bytes after the [${shape.join(", ")}] its header says`);
  return { shape, data: bytes.subarray(header) };
}

/** `readIdx` that also checks the shape. `undefined` in `expected` allows any extent. */
export function readIdxOf(file: Uint8Array, name: string, expected: readonly (number | undefined)[]): IdxArray {
  const array = readIdx(file, name);
  const fits =
    array.shape.length === expected.length &&
    expected.every((want, axis) => (want ?? array.shape[axis]) === array.shape[axis]);
  if (!fits) {
    const want = expected.map((extent) => extent ?? "any").join(", ");
    throw corrupt(name, `size mismatch: its shape is [${array.shape.join(", ")}], want [${want}]`);
  }
  return array;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unzip(file: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(file);
  } catch (error) {
    throw corrupt(
      name,
      `its gzip stream is damaged or cut (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function corrupt(name: string, reason: string): Failure {
  return new Failure("C0402", exit.input, `${name}: ${reason}`, "delete the file and fetch it again");
}
