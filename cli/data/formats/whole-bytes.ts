/** Parts and copies of bytes that are read by position. */
import type { WholeBytes } from "../byte-source.ts";
import { openTemporaryFile } from "../temporary-file.ts";

/** Read at a time. */
const CHUNK = 1 << 18;

/** `size` bytes of others, from `start` on. */
export const partOf = (bytes: WholeBytes, start: number, size: number): WholeBytes => ({
  size,
  read: (from, to) => bytes.read(start + from, start + to),
  close: () => bytes.close(),
});

/** Asks for at least `CHUNK` bytes at once, for a reader of small consecutive parts. */
export function buffered(bytes: WholeBytes): (from: number, to: number) => Promise<Uint8Array> {
  let held = new Uint8Array();
  let start = 0;
  return async (from, to) => {
    if (from < start || to > start + held.length) {
      held = await bytes.read(from, Math.max(to, Math.min(from + CHUNK, bytes.size)));
      start = from;
    }
    return held.subarray(from - start, to - start);
  };
}

/** Bytes `from` … `to` − 1, in chunks. */
export async function* chunksOf(bytes: WholeBytes, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += CHUNK) yield await bytes.read(at, Math.min(at + CHUNK, to));
}

/** Copies chunks to a temporary file. Throws C0409 if there is no room for it. */
export async function inTemporaryFile(chunks: AsyncIterable<Uint8Array>): Promise<WholeBytes> {
  const file = openTemporaryFile();
  try {
    for await (const chunk of chunks) file.append(chunk);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    size: file.size,
    async read(from, to) {
      const bytes = new Uint8Array(to - from);
      await file.read(bytes, from);
      return bytes;
    },
    close: () => file.close(),
  };
}
