/** f16 (IEEE 754 binary16) in JavaScript, for what regions of it hold: numbers, and their bits as WebGPU has them. */

/** The largest number. */
export const largest = 65504;
/** From here up numbers have 11 significant bits; below, they are multiples of 2^-24. */
const smallestNormal = 2 ** -14;

/** `x` as `half` holds it: the nearest f16, of two the even one; at most ±65504; NaN for what is not finite. */
export function roundToF16(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const size = Math.abs(x);
  // The difference of neighbours.
  const unit = 2 ** (Math.floor(Math.log2(Math.max(size, smallestNormal))) - 10);
  const below = Math.floor(size / unit);
  const rest = size / unit - below;
  const units = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  return Math.sign(x) * Math.min(units * unit, largest);
}

/** The 16 bits of an f16. */
export function bitsOfF16(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (size < smallestNormal) return sign | (size / 2 ** -24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | (size / 2 ** (exponent - 10) - 1024);
}

export function f16OfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Numbers that are f16, as words of two each, the first in the low half. */
export function packF16(numbers: Float32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(numbers.length / 2));
  numbers.forEach((x, i) => {
    words[i >> 1] |= bitsOfF16(x) << (16 * (i & 1));
  });
  return words;
}

export const unpackF16 = (words: Uint32Array): Float32Array =>
  Float32Array.from({ length: 2 * words.length }, (_, i) => f16OfBits((words[i >> 1] >>> (16 * (i & 1))) & 0xffff));
