/** Opens a compiled model by the path of its folder. For Node only. */
import { fileURLToPath } from "node:url";
import { addressOf, fetchBytes, fetchedFolder } from "../fetched-folder.ts";
import {
  checkPlace,
  type OpenExecutableOptions,
  type OpenedExecutable,
  type OpenSessionOptions,
  openFrom,
  openOptions,
  openSessionOptions,
  type Places,
  sessionFrom,
} from "../open-folder.ts";
import type { Session } from "../session.ts";
import { diskFolder, readBytes } from "./disk-folder.ts";

/**
 * Loads the compiled model in a folder on the disk, given by its path or a `file:` URL, or at an address (`https:`), as the function of
 * this name in `cellc/runtime` does, with the same errors.
 */
export async function openExecutable(
  source: string | URL,
  options: OpenExecutableOptions = {},
): Promise<OpenedExecutable> {
  return openFrom(placesOf(source, openOptions(options)), options);
}

/** A session of the compiled model in a folder or at an address, as the function of this name in `cellc/runtime`. */
export async function openSession(source: string | URL, options: OpenSessionOptions = {}): Promise<Session> {
  return sessionFrom(placesOf(source, openSessionOptions(options)), options);
}

/** Errors: C0406. */
function placesOf(source: unknown, { request }: Pick<OpenExecutableOptions, "request">): Places {
  checkPlace(source);
  const path = pathOf(source);
  return {
    folder: path === undefined ? fetchedFolder(source, request) : diskFolder(path),
    async readWeights(place, most) {
      const file = pathOf(place);
      return file === undefined ? fetchBytes(addressOf(place), request, most) : readBytes(file, most);
    },
  };
}

/** The path on the disk; undefined for an address. */
function pathOf(place: string | URL): string | undefined {
  // A drive's letter is no scheme.
  if (typeof place === "string" && !/^[a-z][a-z\d+.-]+:\/\//i.test(place)) return place;
  const url = new URL(place);
  return url.protocol === "file:" ? fileURLToPath(url) : undefined;
}
