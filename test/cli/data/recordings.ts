/** Data files for tests, and all that a recording holds. */
import type { ByteSource, WholeBytes } from "../../../cli/data/byte-source.ts";
import type { Recording, Values } from "../../../cli/data/recording.ts";

/** Bytes as a source, in pieces of `piece` bytes. */
export function sourceOf(content: string | Uint8Array, path = "a.csv", piece = 7): ByteSource {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return {
    path,
    async *stream() {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    },
    whole: async (): Promise<WholeBytes> => ({
      size: bytes.length,
      read: async (from, to) => new Uint8Array(bytes.subarray(from, to)),
      close: () => {},
    }),
  };
}

/** A recording's sequences, with the values of each field. */
export async function sequencesOf(recording: Recording): Promise<readonly Record<string, (number | string)[]>[]> {
  const found: Record<string, (number | string)[]>[] = [];
  for await (const { begins, values } of recording.pieces()) {
    if (begins) found.push({});
    const of = found.at(-1)!;
    for (const [name, list] of Object.entries(values) as [string, Values][])
      of[name] = [...(of[name] ?? []), ...(list as Iterable<number | string>)];
  }
  return found;
}
