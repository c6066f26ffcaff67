import type { SourceHost } from "../../compiler/source-host.ts";

/** A host that remembers what was read through it: the texts that a compilation depends on, even one that fails. */
export interface RecordingHost extends SourceHost {
  /** By path, in the order in which they were read first; undefined where there was no file. */
  readonly texts: ReadonlyMap<string, string | undefined>;
}

export function recordingHost(host: SourceHost): RecordingHost {
  const texts = new Map<string, string | undefined>();
  return {
    texts,
    read(path) {
      // The same text for everyone who asks, whatever happens to the file meanwhile.
      if (!texts.has(path)) texts.set(path, host.read(path));
      return texts.get(path);
    },
    resolve: (from, specifier) => host.resolve(from, specifier),
  };
}
