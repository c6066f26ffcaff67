/** Ranges of texels as rectangles of a texture's rows. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The rectangles that `count` texels from texel `first` on are in, of rows of 2^bits texels: at most three, in order. */
export function rectangles(first: number, count: number, bits: number): readonly Rectangle[] {
  const width = 2 ** bits;
  const found: Rectangle[] = [];
  let [at, left] = [first, count];
  const take = (n: number, height: number): void => {
    if (n <= 0 || height <= 0) return;
    found.push({ x: at % width, y: Math.floor(at / width), width: n, height });
    at += n * height;
    left -= n * height;
  };
  if (at % width !== 0) take(Math.min(width - (at % width), left), 1);
  take(width, Math.floor(left / width));
  take(left, 1);
  return found;
}

/** The rows that these texels are in: one rectangle, which may hold others. */
export function coveringRows(first: number, count: number, bits: number): Rectangle {
  const width = 2 ** bits;
  const [x, y] = [first % width, Math.floor(first / width)];
  const last = Math.floor((first + count - 1) / width);
  return last === y ? { x, y, width: count, height: 1 } : { x: 0, y, width, height: last - y + 1 };
}
