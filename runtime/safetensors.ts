import { messageOf, RuntimeError } from "./error.ts";
import { elementsOf } from "./layout.ts";
import { isCount, isRecord, shown } from "./shown.ts";
import type { SavedTensor } from "./state.ts";

/**
 * The contents of a safetensors file, f32 only. The format: eight bytes with the header's length (little-endian), a JSON header with
 * each tensor's type, shape and place, and then the numbers, little-endian, without gaps.
 */
export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** Free text, by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit, against headers made to exhaust memory. */
const maxHeaderBytes = 100_000_000;
const metadataKey = "__metadata__";

/** Errors: C0406, if a tensor has the name under which the format keeps metadata. */
export function encodeSafetensors({ tensors, metadata }: SafeTensors): Uint8Array<ArrayBuffer> {
  if (tensors.has(metadataKey))
    throw new RuntimeError(
      "C0406",
      `safetensors cannot hold a tensor named \`${metadataKey}\``,
      "give it another name",
    );
  const header: [string, unknown][] = [[metadataKey, metadata]];
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    const start = end;
    end += 4 * data.length;
    header.push([name, { dtype: "F32", shape, data_offsets: [start, end] }]);
  }
  const json = JSON.stringify(Object.fromEntries(header));
  const text = new TextEncoder().encode(json);
  // Spaces after the header align the numbers to a multiple of eight.
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/**
 * Reads a file and checks all of it. Errors: C0404 (damaged), saying what is wrong; C0407 for tensors of another type than F32.
 */
export function decodeSafetensors(bytes: Uint8Array): SafeTensors {
  return readTensors(bytes, readHeader(bytes));
}

/** What a safetensors file holds, before any number is read. */
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly places: readonly Place[];
}

export interface Place {
  readonly name: string;
  /** `F32`, `BF16`, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** In bytes of the file. */
  readonly start: number;
}

/** Bytes of an element of each type of the format. */
const widths: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, F8_E8M0: 1, U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8, C64: 8 },
};

/** The error for a file that is not what it should be. */
export type Damage = (reason: string) => Error;

/** Reads the header, and checks that it accounts for exactly the bytes of the file. Errors: as `decodeSafetensors`. */
export function readHeader(bytes: Uint8Array): Header {
  if (!(bytes instanceof Uint8Array))
    throw new RuntimeError("C0406", `a file's bytes are a Uint8Array, not ${shown(bytes)}`);
  return headerOf(bytes.subarray(0, headerEnd(bytes, bytes.length, damaged)), bytes.length, damaged);
}

/**
 * Where the header ends in a file of `fileBytes` bytes that begins with `head`, which has its first eight bytes, or all if they are fewer.
 */
export function headerEnd(head: Uint8Array, fileBytes: number, damage: Damage): number {
  // A transferred buffer is empty too.
  if (fileBytes === 0) throw damage("it is empty");
  if (fileBytes < 8) throw damage(`it has ${fileBytes} bytes, not even a header's length`);
  const headerBytes = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes) throw damage("the length of its header, in its first eight bytes, is absurd");
  if (8 + headerBytes > fileBytes)
    throw damage(`it ends within its header, after ${fileBytes} of ${8 + headerBytes} bytes`);
  return 8 + headerBytes;
}

/** Reads the header in the first bytes of a file, and checks that it accounts for exactly the bytes of the file. */
export function headerOf(head: Uint8Array, fileBytes: number, damage: Damage): Header {
  const { [metadataKey]: rawMetadata, ...raw } = parseHeader(head.subarray(8), damage);
  const dataStart = head.length;
  const found = Object.entries(raw).map(([name, place]) => placeOf(name, place, damage));
  // The tensors must fill the file without gaps or overlaps.
  let end = 0;
  for (const { name, from, to } of found.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) throw damage(`\`${name}\` begins at byte ${from} of the numbers, where ${end} is due`);
    end = to;
  }
  if (dataStart + end !== fileBytes) {
    const ends = found.find(({ to }) => dataStart + to > fileBytes);
    const within = ends === undefined ? "" : `; it ends within \`${ends.name}\``;
    throw damage(`it holds ${fileBytes - dataStart} bytes of numbers, and its header tells of ${end}${within}`);
  }
  const places = found.map(({ from, name, dtype, shape }) => ({ name, dtype, shape, start: dataStart + from }));
  return { places, metadata: metadataOf(rawMetadata, damage) };
}

/** Reads the numbers of the tensors in a header. Errors: C0407 for another type than F32. */
export function readTensors(bytes: Uint8Array, { places, metadata }: Header): SafeTensors {
  const other = places.find(({ dtype }) => dtype !== "F32");
  if (other !== undefined) throw foreign(`\`${other.name}\` in it is of type ${other.dtype}, and only F32 is read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tensors = new Map<string, SavedTensor>();
  for (const { name, shape, start } of places) {
    const data = new Float32Array(elementsOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = view.getFloat32(start + 4 * i, true);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array, damage: Damage): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw damage(`its header is not JSON: ${messageOf(thrown)}`);
  }
  if (!isRecord(header)) throw damage("its header is not an object");
  return header;
}

/** `from` and `to` are in bytes after the header. */
function placeOf(
  name: string,
  raw: unknown,
  damage: Damage,
): Omit<Place, "start"> & { readonly from: number; readonly to: number } {
  if (!isRecord(raw)) throw damage(`what its header says of \`${name}\` is not an object`);
  const { dtype, shape, data_offsets: offsets } = raw;
  if (typeof dtype !== "string") throw damage(`\`${name}\` has no type`);
  if (!isCounts(shape)) throw damage(`\`${name}\` has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2) throw damage(`\`${name}\` has no valid offsets`);
  const [from, to] = offsets;
  if (to < from) throw damage(`\`${name}\` ends before it begins`);
  const bytes = Object.hasOwn(widths, dtype) ? widths[dtype] * elementsOf(shape) : to - from;
  if (to - from !== bytes) throw damage(`\`${name}\` has ${to - from} bytes, and its shape needs ${bytes}`);
  return { name, dtype, shape, from, to };
}

function metadataOf(raw: unknown, damage: Damage): Readonly<Record<string, string>> {
  if (raw === undefined) return {};
  if (!isRecord(raw)) throw damage("its metadata is not an object");
  const strings: [string, string][] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (typeof value !== "string") throw damage(`its metadata \`${key}\` is not text`);
    strings.push([key, value]);
  }
  return Object.fromEntries(strings);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** The error for a checkpoint that is not what it should be. */
export function damaged(reason: string): RuntimeError {
  return new RuntimeError("C0404", `the checkpoint is damaged: ${reason}`, "use an older checkpoint, or copy it anew");
}

/** The error for a file that is sound, but another program's. */
export function foreign(reason: string): RuntimeError {
  return new RuntimeError(
    "C0407",
    `this is no checkpoint of cellc: ${reason}`,
    "give a model.safetensors that cellc train wrote, or make one of other weights with cellc import",
  );
}
