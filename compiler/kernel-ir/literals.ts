/** The largest finite f32: what languages without infinity write for it. */
export const largestF32 = 3.4028234663852886e38;

/**
 * The shortest decimal that rounds to the same f32: 0.1, not 0.10000000149011612. Always with a point or an exponent, so
 * that no target reads an integer. `value` is finite.
 */
export function f32Digits(value: number): string {
  const rounded = Math.fround(value);
  let text = String(rounded);
  for (let digits = 1; digits <= 9; digits++) {
    const shorter = Number(rounded.toPrecision(digits));
    // A decimal beyond the largest f32 may round to it, but WGSL refuses to read it.
    if (Math.fround(shorter) !== rounded || Math.abs(shorter) > largestF32) continue;
    text = String(shorter);
    break;
  }
  if (Object.is(rounded, -0)) return "-0.0";
  return /[.e]/.test(text) ? text : `${text}.0`;
}
