import { afterAll } from "vitest";

/** A map that is emptied after the tests of a file: what they share is large, and the process goes on with other files. */
export function keptForFile<K, V>(): Map<K, V> {
  const kept = new Map<K, V>();
  afterAll(() => kept.clear());
  return kept;
}
