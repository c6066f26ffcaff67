/** Reads `.cell` files that the user named. */
import { readStart } from "./api/file-host.ts";
import { cannotRead } from "./file-errors.ts";

/** Returns the text of a file that the user named. Throws C0401 if it cannot be read. */
export function readSource(path: string): string {
  try {
    return readStart(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}
