/** From here on the continued fraction is the better of the two: at 3, each needs about 60 terms. */
const far = 3;
const fractionTerms = 60;

/**
 * The error function in f64, to about 1e-15. Near 0 its series (Abramowitz & Stegun 1964, 7.1.6), whose terms all have the same sign:
 * erf x = 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n + 1)). Beyond, the continued fraction of its complement (7.1.14):
 * √π · e^(x²) · erfc x = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))).
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > far) {
    let fraction = 0;
    for (let k = fractionTerms; k >= 1; k--) fraction = k / 2 / (size + fraction);
    return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Number.EPSILON * 2 ** -4 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
