/**
 * The directory of a ZIP file, and its entries (APPNOTE.TXT of PKWARE, 6.3.10). fflate's reader holds whole files in memory and checks no
 * checksum; here, what is stored without compression is read by position.
 */
import { pipeline } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import type { WholeBytes } from "../byte-source.ts";
import { fault } from "./fault.ts";
import { chunksOf, inTemporaryFile, partOf } from "./whole-bytes.ts";

export interface ZipEntry {
  readonly name: string;
  /** Whether its bytes lie in the file as they are. */
  readonly stored: boolean;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Where its local header begins, in bytes of the file. */
  readonly header: number;
}

const END = { signature: 0x06054b50, bytes: 22, longestComment: 65_535 };
const END_64_PLACE = { signature: 0x07064b50, bytes: 20 };
const END_64 = { signature: 0x06064b50, bytes: 56 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
/** In place of a number that stands in the entry's extra field, as 64 bits. */
const ELSEWHERE = 0xffffffff;
const ENCRYPTED = 1;
const EXTRA_64 = 1;
const STORED = 0;
const DEFLATED = 8;

/** The entries of the ZIP file `path` in its own order. Throws C0402 for another kind of file, or one that is cut or damaged. */
export async function readZipDirectory(path: string, file: WholeBytes): Promise<readonly ZipEntry[]> {
  const { count, start, end } = await directoryPlace(path, file);
  const bytes = await file.read(start, end);
  const view = new DataView(bytes.buffer);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const damaged = (why: string) => fault(path, `its directory of ${count} entries is damaged: entry ${i + 1} ${why}`);
    if (at + CENTRAL.bytes > bytes.length) throw damaged("is cut");
    if (view.getUint32(at, true) !== CENTRAL.signature) throw damaged("does not begin as one");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const next = at + CENTRAL.bytes + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length) throw damaged("is cut");
    const name = Buffer.from(bytes.subarray(at + CENTRAL.bytes, at + CENTRAL.bytes + nameBytes)).toString("utf8");
    if ((flags & ENCRYPTED) !== 0) throw fault(path, `\`${name}\` in it is encrypted`);
    if (method !== STORED && method !== DEFLATED)
      throw fault(path, `\`${name}\` in it is compressed by method ${method}; stored and deflated entries are read`);
    if (entries.some((entry) => entry.name === name)) throw fault(path, `\`${name}\` is in it twice`);
    const extra = extra64(view, at + CENTRAL.bytes + nameBytes, extraBytes);
    // In this order, and each only where the field itself has no room.
    const [unpacked, packed, header] = [24, 20, 42].map((field) => {
      const value = view.getUint32(at + field, true);
      if (value !== ELSEWHERE) return value;
      const large = extra.shift();
      if (large === undefined) throw damaged("lacks its size or place");
      return large;
    });
    if (header + LOCAL.bytes + packed > start) throw damaged("lies beyond the place of the entries");
    if (method === STORED && packed !== unpacked) throw damaged("is stored, and has two sizes");
    entries.push({
      ...{ name, header, stored: method === STORED, crc32: view.getUint32(at + 16, true) },
      ...{ packedBytes: packed, bytes: unpacked },
    });
    at = next;
  }
  if (at !== bytes.length) throw fault(path, `its directory is damaged: it goes on after its ${count} entries`);
  return entries;
}

/** The unpacked bytes of an entry, not checked. Throws C0402. */
export async function* unpackEntry(path: string, file: WholeBytes, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const start = await startOf(path, file, entry);
  const packed = chunksOf(file, start, start + entry.packedBytes);
  if (entry.stored) {
    yield* packed;
    return;
  }
  const unpacked = createInflateRaw();
  // The loop below has the error, too.
  pipeline(packed, unpacked, () => {});
  let length = 0;
  try {
    for await (const chunk of unpacked) {
      length += chunk.length;
      if (length > entry.bytes)
        throw fault(path, `\`${entry.name}\` in it is longer than the ${entry.bytes} bytes it should have`);
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))) throw error;
    throw fault(path, `\`${entry.name}\` in it is damaged (${error.message})`);
  }
}

/** Throws C0402 unless the entry has the length and the checksum that the directory says. Returns its first `keep` bytes. */
export async function checkEntry(path: string, file: WholeBytes, entry: ZipEntry, keep: number): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let length = 0;
  let sum = 0;
  for await (const chunk of unpackEntry(path, file, entry)) {
    if (length < keep) kept.push(chunk.slice(0, keep - length));
    length += chunk.length;
    sum = crc32(chunk, sum);
  }
  if (length !== entry.bytes)
    throw fault(path, `\`${entry.name}\` in it is cut: it has ${length} of ${entry.bytes} bytes`);
  if (sum !== entry.crc32) throw fault(path, `\`${entry.name}\` in it is damaged: its checksum is another`);
  return Buffer.concat(kept);
}

/** The bytes of an entry that was checked. One that is not stored is unpacked into a temporary file. Closing it closes `file`. */
export async function openEntry(path: string, file: WholeBytes, entry: ZipEntry): Promise<WholeBytes> {
  if (entry.stored) return partOf(file, await startOf(path, file, entry), entry.bytes);
  const unpacked = await inTemporaryFile(unpackEntry(path, file, entry));
  file.close();
  return unpacked;
}

/** Where the bytes of an entry begin, which its local header says. */
async function startOf(path: string, file: WholeBytes, { header, name, packedBytes }: ZipEntry): Promise<number> {
  const local = await file.read(header, header + LOCAL.bytes);
  const view = new DataView(local.buffer, local.byteOffset, local.byteLength);
  const nameBytes = view.getUint16(26, true);
  const start = header + LOCAL.bytes + nameBytes + view.getUint16(28, true);
  const begins = view.getUint32(0, true) === LOCAL.signature;
  if (!begins || start + packedBytes > file.size) throw fault(path, `the header of \`${name}\` in it is damaged`);
  const found = Buffer.from(await file.read(header + LOCAL.bytes, header + LOCAL.bytes + nameBytes)).toString("utf8");
  if (found !== name) throw fault(path, `\`${name}\` in it is called \`${found}\` in its own header`);
  return start;
}

interface DirectoryPlace {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

async function directoryPlace(path: string, file: WholeBytes): Promise<DirectoryPlace> {
  const none = fault(path, "it is cut, or no ZIP file: the end of its directory is missing");
  const from = Math.max(0, file.size - END.bytes - END.longestComment);
  const tail = await file.read(from, file.size);
  const view = new DataView(tail.buffer);
  let at = tail.length - END.bytes;
  const isEnd = (): boolean =>
    view.getUint32(at, true) === END.signature && at + END.bytes + view.getUint16(at + 20, true) === tail.length;
  while (at >= 0 && !isEnd()) at--;
  if (at < 0) throw none;
  let end = from + at;
  let count = view.getUint16(at + 10, true);
  let bytes = view.getUint32(at + 12, true);
  let start = view.getUint32(at + 16, true);
  const isFull = count === 0xffff || bytes === ELSEWHERE || start === ELSEWHERE;
  // PyTorch writes the large form, too, where the small one has room.
  const place = await fields(file, end - END_64_PLACE.bytes, END_64_PLACE);
  if (isFull || (place !== undefined && start + bytes !== end)) {
    const large = place && (await fields(file, Number(place.getBigUint64(8, true)), END_64));
    if (place === undefined || large === undefined) throw none;
    end = Number(place.getBigUint64(8, true));
    [count, bytes, start] = [32, 40, 48].map((field) => Number(large.getBigUint64(field, true)));
  }
  if (start + bytes !== end) throw fault(path, "it is damaged: its directory is not where its end says");
  return { count, start, end };
}

/** A record of the file; undefined if it does not begin with its signature. */
async function fields(
  file: WholeBytes,
  at: number,
  { signature, bytes }: { readonly signature: number; readonly bytes: number },
): Promise<DataView | undefined> {
  if (at < 0 || at + bytes > file.size) return undefined;
  const record = await file.read(at, at + bytes);
  const view = new DataView(record.buffer);
  return view.getUint32(0, true) === signature ? view : undefined;
}

/** The 64-bit numbers in the extra field of an entry. */
function extra64(view: DataView, from: number, bytes: number): number[] {
  for (let at = from; at + 4 <= from + bytes; ) {
    const [kind, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (kind === EXTRA_64 && at + 4 + length <= from + bytes)
      return Array.from({ length: Math.floor(length / 8) }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    at += 4 + length;
  }
  return [];
}
