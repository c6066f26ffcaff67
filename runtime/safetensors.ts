import { messageOf, RuntimeError } from "./error.ts";
import type { SavedTensor } from "./state.ts";

/**
 * The safetensors format, f32 only: eight bytes with the header's length (little-endian), a JSON header that gives each tensor's
 * type, shape and place, and the numbers, little-endian, without gaps.
 */
export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** Free text, by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The limit the format sets, against headers made to exhaust memory. */
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
  // Spaces behind the header let the numbers begin at a multiple of eight.
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

/** Reads a file and checks all of it. Errors: C0404, saying what is wrong. */
export function decodeSafetensors(bytes: Uint8Array): SafeTensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw damaged(`it has ${bytes.length} bytes, not even a header's length`);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes) throw damaged("the length of its header is absurd");
  if (8 + headerBytes > bytes.length) throw damaged("it ends within its header");
  const { [metadataKey]: rawMetadata, ...places } = parseHeader(bytes.subarray(8, 8 + headerBytes));
  const dataStart = 8 + headerBytes;
  const found = Object.entries(places).map(([name, raw]) => ({ name, ...placeOf(name, raw) }));
  // Without gaps or overlaps, in the order of their places, up to the file's end.
  let end = 0;
  for (const { name, start, length } of found.toSorted((a, b) => a.start - b.start || a.length - b.length)) {
    if (start !== end) throw damaged(`\`${name}\` begins at byte ${start}, where ${end} is due`);
    end = start + 4 * length;
  }
  if (dataStart + end !== bytes.length) {
    throw damaged(`it holds ${bytes.length - dataStart} bytes of numbers, and its header tells of ${end}`);
  }
  const tensors = new Map<string, SavedTensor>();
  for (const { name, shape, start, length } of found) {
    const data = new Float32Array(length);
    for (let i = 0; i < length; i++) data[i] = view.getFloat32(dataStart + start + 4 * i, true);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: metadataOf(rawMetadata) };
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw damaged(`its header is not JSON: ${messageOf(thrown)}`);
  }
  if (!isObject(header)) throw damaged("its header is not an object");
  return header;
}

interface Place {
  readonly shape: readonly number[];
  /** In bytes, from the first number of the file. */
  readonly start: number;
  /** In numbers. */
  readonly length: number;
}

function placeOf(name: string, raw: unknown): Place {
  if (!isObject(raw)) throw damaged(`what its header says of \`${name}\` is not an object`);
  const { dtype, shape, data_offsets: offsets } = raw;
  if (dtype !== "F32") throw damaged(`\`${name}\` is of type ${String(dtype)}, not F32`);
  if (!isCounts(shape)) throw damaged(`\`${name}\` has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2) throw damaged(`\`${name}\` has no valid offsets`);
  const [start, end] = offsets;
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (end - start !== 4 * length)
    throw damaged(`\`${name}\` has ${end - start} bytes, and its shape needs ${4 * length}`);
  return { shape, start, length };
}

function metadataOf(raw: unknown): Readonly<Record<string, string>> {
  if (raw === undefined) return {};
  if (!isObject(raw)) throw damaged("its metadata is not an object");
  const strings: [string, string][] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (typeof value !== "string") throw damaged(`its metadata \`${key}\` is not text`);
    strings.push([key, value]);
  }
  return Object.fromEntries(strings);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** The error for a file that is not what it should be. */
export function damaged(reason: string): RuntimeError {
  return new RuntimeError("C0404", `the checkpoint is damaged: ${reason}`, "use an older checkpoint, or copy it anew");
}
