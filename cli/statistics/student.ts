/** Points of Student's t distribution. */

/** The t that a variable with so many degrees of freedom (a whole number) exceeds with probability `tail`, below a half. */
export function studentPoint(tail: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (exceeds(high, freedom) > tail) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (exceeds(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** So many degrees of freedom are as good as a normal distribution: to 3e-4 of its points. */
const MANY = 5000;
const normal = new Map<number, number>();

/** The same of the normal distribution. */
export function normalPoint(tail: number): number {
  const point = normal.get(tail) ?? studentPoint(tail, MANY);
  normal.set(tail, point);
  return point;
}

/** The probability of more than t (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4). */
function exceeds(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let total = freedom === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    total += term;
  }
  const within = isOdd ? (2 / Math.PI) * (angle + sine * total) : sine * total;
  return (1 - within) / 2;
}
