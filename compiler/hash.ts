/**
 * A hash of a text, 64 bits as sixteen hexadecimal digits: two lanes of 32 bits that take in every character, each finished by
 * MurmurHash3's mixer with the other. Good enough that two models never collide by chance; not secure against deliberate collisions.
 */
export function hash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  const mixed = (x: number, y: number): number =>
    Math.imul(x ^ (x >>> 16), 0x85ebca6b) ^ Math.imul(y ^ (y >>> 13), 0xc2b2ae35);
  const first = mixed(a, b);
  return hex(first) + hex(mixed(b, first));
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
