/** Bytes that grow at their end and are read by position: in memory up to a limit, beyond it in a temporary file. */
import { openTemporaryFile, type TemporaryFile } from "./temporary-file.ts";

/** Bytes of a chunk: few enough objects for a gigabyte, little waste for a small file. */
const CHUNK = 2 ** 20;

export class Spool {
  readonly #limit: number;
  /** What is not in the file: everything, or the end that is still to be written. Full chunks but for the last. */
  #chunks: Uint8Array[] = [];
  /** Bytes in use of the last chunk. */
  #used = CHUNK;
  #size = 0;
  #file: TemporaryFile | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the bytes are in a file. */
  get isOnDisk(): boolean {
    return this.#file !== undefined;
  }

  /** Throws C0409 if a file is needed and there is no room for it. */
  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === CHUNK) {
        const free = this.#flush();
        this.#chunks.push(free ?? new Uint8Array(CHUNK));
        this.#used = 0;
      }
      const part = bytes.subarray(at, at + CHUNK - this.#used);
      this.#chunks[this.#chunks.length - 1].set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
    this.#size += bytes.length;
  }

  /** Full chunks go to the file as soon as there is one. Returns one that is free again, so that no garbage piles up. */
  #flush(): Uint8Array | undefined {
    if (this.#file === undefined && (this.#chunks.length + 1) * CHUNK <= this.#limit) return undefined;
    this.#file ??= openTemporaryFile();
    for (const chunk of this.#chunks) this.#file.append(chunk);
    const [free] = this.#chunks;
    this.#chunks = [];
    return free;
  }

  /** A copy of bytes `from` … `to` − 1, which must be there. At once if they are in memory. */
  read(from: number, to: number): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    if (from < 0 || to > this.#size || to < from) throw new RangeError(`bytes ${from} … ${to} of ${this.#size}`);
    const bytes = new Uint8Array(to - from);
    const filed = this.#file?.size ?? 0;
    for (let at = Math.max(from, filed); at < to; ) {
      const chunk = this.#chunks[Math.floor((at - filed) / CHUNK)];
      const within = (at - filed) % CHUNK;
      const part = chunk.subarray(within, Math.min(CHUNK, within + to - at));
      bytes.set(part, at - from);
      at += part.length;
    }
    if (this.#file === undefined || from >= filed) return bytes;
    return this.#file.read(bytes.subarray(0, Math.min(to, filed) - from), from).then(() => bytes);
  }

  close(): void {
    this.#file?.close();
  }
}
