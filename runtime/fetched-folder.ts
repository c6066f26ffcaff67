/** Reads the files of a folder on a server, by `fetch`. */
import { messageOf, RuntimeError } from "./error.ts";
import { type Folder, tooLarge, unreadable } from "./folder.ts";

/** The folder at an address, which may lack the slash at its end. Errors: C0406, if it is none. */
export function fetchedFolder(source: string | URL, request: RequestInit | undefined): Folder {
  const base = addressOf(source);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const at = (path: string): string => new URL(path, base).href;
  return { place: base.href, at, read: (path, most) => fetchBytes(new URL(path, base), request, most) };
}

/** A URL of its own. In a page, a relative address starts where the page is. Errors: C0406. */
export function addressOf(source: string | URL): URL {
  try {
    return new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    const help = "pass a whole one, https://…; in Node, cellc/runtime/node opens folders on the disk";
    throw new RuntimeError("C0406", `${source} is no address`, help);
  }
}

/** The bytes at an address. Errors: C0401 (nothing there, no network), C0411 (more than `most` bytes). An abort stays what it is. */
export async function fetchBytes(address: URL, request: RequestInit | undefined, most: number): Promise<Uint8Array> {
  const where = address.href;
  try {
    const response = await fetch(address, request);
    if (!response.ok) {
      await response.body?.cancel();
      const answer = `${response.status} ${response.statusText}`.trim();
      throw unreadable(where, `the server answers ${answer}`, "look whether the file is there, and may be loaded");
    }
    return await bytesOf(response, where, most);
  } catch (thrown) {
    if (thrown instanceof RuntimeError || request?.signal?.aborted) throw thrown;
    const help = "look whether the server can be reached and, from another origin, allows it (CORS)";
    throw unreadable(where, messageOf(thrown), help);
  }
}

async function bytesOf({ body, headers }: Response, where: string, most: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  // It counts compressed bytes, if the server compresses, and may be missing.
  let isTooLarge = Number(headers.get("content-length")) > most;
  const parts: Uint8Array[] = [];
  let length = 0;
  while (!isTooLarge) {
    const { done, value } = await reader.read();
    if (done) return joined(parts, length);
    parts.push(value);
    length += value.length;
    isTooLarge = length > most;
  }
  await reader.cancel();
  throw tooLarge(where, most);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}
