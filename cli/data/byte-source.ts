/** The bytes of a data file in pieces, as often as they are wanted: of a file, of its gzip stream, or of standard input. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { exit, Failure } from "../failure.ts";
import { cannotRead } from "../file-errors.ts";
import { openTemporaryFile, type TemporaryFile } from "./temporary-file.ts";

export interface ByteSource {
  /** As a message names it. */
  readonly path: string;
  /** The bytes after decompression. Throws C0401 if they cannot be read, and C0402 for a damaged gzip stream. */
  stream(): AsyncIterable<Uint8Array>;
  /** The same bytes by position, for formats that begin to be read at their end. A compressed file is copied first. */
  whole(): Promise<WholeBytes>;
  /** Of a folder with a file for each array: those files, by the arrays' names. The bytes are then those of the first. */
  readonly members?: Readonly<Record<string, ByteSource>>;
}

export interface WholeBytes {
  readonly size: number;
  /** Bytes `from` … `to` − 1. */
  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

/** What `-` stands for in a message. */
export const standardInput = "standard input";

/** Opens a file, or standard input for `-`. What can be read only once, such as a pipe, is copied to a temporary file. Throws C0401. */
export async function openBytes(path: string, stdin: AsyncIterable<Uint8Array | string>): Promise<ByteSource> {
  if (path === "-") return uncompressed(standardInput, await copied(standardInput, stdin));
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw Object.assign(new Error("it is a folder"), { code: "EISDIR" });
    if (!found.isFile()) return uncompressed(path, await copied(path, createReadStream(path)));
    const file = await open(path);
    const start = new Uint8Array(2);
    await file.read(start, 0, 2, 0).finally(() => file.close());
    return uncompressed(path, {
      start,
      stream: () => createReadStream(path, { highWaterMark: PIECE }),
      whole: () => openWhole(path),
    });
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** Bytes of a piece of a file. */
const PIECE = 256 * 1024;

interface Raw {
  /** The first two bytes. */
  readonly start: Uint8Array;
  stream(): AsyncIterable<Uint8Array>;
  whole(): Promise<WholeBytes>;
}

async function openWhole(path: string): Promise<WholeBytes> {
  const file = await open(path);
  const { size } = await file.stat();
  return {
    size,
    async read(from, to) {
      const bytes = new Uint8Array(Math.max(0, Math.min(to, size) - from));
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
        if (bytesRead === 0) throw new Failure("C0402", exit.input, `${path} became shorter while it was read`);
        at += bytesRead;
      }
      return bytes;
    },
    close: () => void file.close(),
  };
}

const wholeOf = (file: TemporaryFile): WholeBytes => ({
  size: file.size,
  async read(from, to) {
    const bytes = new Uint8Array(Math.max(0, Math.min(to, file.size) - from));
    await file.read(bytes, from);
    return bytes;
  },
  close: () => {},
});

async function copied(path: string, input: AsyncIterable<Uint8Array | string>): Promise<Raw> {
  const file = await temporaryCopy(path, input);
  const start = new Uint8Array(Math.min(2, file.size));
  await file.read(start, 0);
  return { start, stream: () => piecesOf(file), whole: async () => wholeOf(file) };
}

async function temporaryCopy(path: string, input: AsyncIterable<Uint8Array | string>): Promise<TemporaryFile> {
  const file = openTemporaryFile();
  try {
    for await (const piece of input) file.append(typeof piece === "string" ? Buffer.from(piece) : piece);
  } catch (error) {
    throw cannotRead(path, error);
  }
  return file;
}

async function* piecesOf(file: TemporaryFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += PIECE) {
    const bytes = new Uint8Array(Math.min(PIECE, file.size - at));
    await file.read(bytes, at);
    yield bytes;
  }
}

/** Gzip is told by its first bytes, not by the name: files lose their `.gz` and keep their bytes. */
function uncompressed(path: string, { start, stream, whole }: Raw): ByteSource {
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  if (!isGzip) return { path, stream: () => readable(path, stream()), whole };
  const bytes = () => readable(path, gunzipped(stream));
  return { path, stream: bytes, whole: async () => wholeOf(await temporaryCopy(path, bytes())) };
}

async function* gunzipped(stream: Raw["stream"]): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE });
  // `pipeline` ends the gunzip with whatever error comes.
  pipeline(stream(), gunzip, () => {});
  yield* gunzip;
}

async function* readable(path: string, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      throw new Failure(
        "C0402",
        exit.input,
        `${path} is a damaged gzip stream: ${error.message}`,
        "it was probably cut off: fetch it again",
      );
    throw cannotRead(path, error);
  }
}
