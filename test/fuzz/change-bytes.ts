/** Damage to files of bytes. */
import type { Random } from "./random.ts";

/** Bytes with a flaw: some flipped, set, missing, more, or in another place. */
export function changeBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const place = (): number => {
    // Most of what can be misread is near the start.
    const first = random.chance(0.5) ? Math.min(bytes.length, 400) : bytes.length;
    return random.below(first + 1);
  };
  const length = 1 + random.below(random.pick([1, 8, 200]));
  const at = place();
  const noise = (): Uint8Array => Uint8Array.from({ length }, () => random.below(256));
  const parts: readonly (() => readonly Uint8Array[])[] = [
    () => [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length).map((byte) => byte ^ (1 << random.below(8))),
      bytes.subarray(at + length),
    ],
    () => [bytes.subarray(0, at), noise(), bytes.subarray(at + length)],
    () => [bytes.subarray(0, at), noise(), bytes.subarray(at)],
    () => [bytes.subarray(0, at), new Uint8Array(length), bytes.subarray(at + length)],
    () => [bytes.subarray(0, at), bytes.subarray(at + length)],
    () => [bytes.subarray(0, at)],
    () => [bytes.subarray(at)],
    () => [bytes, bytes.subarray(0, at)],
    () => [],
  ];
  return Buffer.concat(random.pick(parts)());
}
