/** Files for what does not fit into memory. They have no name, so that nothing is left of them, however the process ends. */
import { closeSync, mkdtempSync, openSync, read, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cannotWrite } from "../file-errors.ts";

const readAt = promisify(read);

export interface TemporaryFile {
  /** Bytes so far. */
  readonly size: number;
  /** Writes behind what was written before. Throws C0409 if there is no room. */
  append(bytes: Uint8Array): void;
  /** Fills `bytes` with what stands at `position`. */
  read(bytes: Uint8Array, position: number): Promise<void>;
  close(): void;
}

/** Closes the file of an owner that was forgotten. */
const forgotten = new FinalizationRegistry<() => void>((close) => close());

/** Opens a file in the system's folder for such files. Throws C0409. */
export function openTemporaryFile(): TemporaryFile {
  const folder = writing(tmpdir(), () => mkdtempSync(join(tmpdir(), "cellc-")));
  const fd = writing(folder, () => openSync(join(folder, "data"), "w+"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    remove();
  } catch {
    // Windows keeps a file that is open.
    process.once("exit", remove);
  }
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  let size = 0;
  const file: TemporaryFile = {
    get size() {
      return size;
    },
    append(bytes) {
      for (let from = 0; from < bytes.length; )
        from += writing(folder, () => writeSync(fd, bytes, from, bytes.length - from, size + from));
      size += bytes.length;
    },
    async read(bytes, position) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await readAt(fd, bytes, at, bytes.length - at, position + at);
        if (bytesRead === 0) throw new Error(`a temporary file ends after ${position + at} bytes`);
        at += bytesRead;
      }
    },
    close,
  };
  forgotten.register(file, close);
  return file;
}

function writing<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
