/** Reads the files of a folder on the disk. For Node only. */
import { constants, open } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, RuntimeError } from "../error.ts";
import { type Folder, tooLarge, unreadable } from "../folder.ts";

export const diskFolder = (place: string): Folder => ({
  place,
  at: (path) => join(place, path),
  read: (path, most) => readBytes(join(place, path), most),
});

/** The bytes of a file. Errors: C0401, if there is none, or if it is a folder, a pipe or a device; C0411 (more than `most` bytes). */
export async function readBytes(path: string, most: number): Promise<Uint8Array> {
  try {
    // A pipe that nobody writes to would otherwise keep it waiting.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw unreadable(path, "it is not a file");
      if (found.size > most) throw tooLarge(path, most);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof RuntimeError) throw thrown;
    const isMissing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    throw unreadable(
      path,
      isMissing ? "there is no such file" : messageOf(thrown),
      "cellc compile and cellc export write it",
    );
  }
}
