import type { Init } from "./plan.ts";
import { childKey, type Key, normalAt, uniformAt } from "./random.ts";

/** Looks up the initial value of a parameter by name. */
export type FirstValue = (name: string) => Float32Array;

/**
 * The initial value of a parameter: `shape`, row-major. Some initialisers look at another parameter's value, which `first` returns.
 * The value depends on the key alone, so that a seed and a name mean the same numbers on every target. A tensor of more than two axes
 * counts as a matrix whose columns are its last axis, a vector as a single row.
 */
export function initialise(init: Init, shape: readonly number[], key: Key, first?: FirstValue): Float32Array {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  return matrix(init, rows, columns, key, first);
}

function matrix(init: Init, rows: number, columns: number, key: Key, first?: FirstValue): Float32Array {
  const fill = (value: (index: number) => number) => Float32Array.from({ length: rows * columns }, (_, i) => value(i));
  switch (init.kind) {
    case "constant":
      return fill(() => init.value);
    case "uniform":
      return fill((index) => init.low + (init.high - init.low) * uniformAt(key, index));
    case "normal":
      return fill((index) => init.mean + init.std * normalAt(key, index));
    case "xavier": {
      const limit = init.gain * Math.sqrt(6 / (rows + columns));
      return fill((index) => limit * (2 * uniformAt(key, index) - 1));
    }
    case "orthogonal":
      return orthogonal(init.gain, rows, columns, key);
    case "identity":
      return fill((index) => ((index % columns) % rows === Math.floor(index / columns) ? init.gain : 0));
    case "blocks":
      return blocks(init.parts, rows, columns, key);
    case "lengths": {
      if (first === undefined) throw new Error(`the first value of \`${init.of}\` is not known`);
      const squares = new Float64Array(columns);
      first(init.of).forEach((v, i) => {
        squares[i % columns] += v * v;
      });
      return fill((index) => Math.sqrt(squares[index % columns]));
    }
    default:
      return init satisfies never;
  }
}

/** Splits the columns into equal blocks and initialises each as a matrix of its own. */
function blocks(parts: readonly Init[], rows: number, columns: number, key: Key): Float32Array {
  const width = columns / parts.length;
  if (!Number.isInteger(width)) throw new Error(`${columns} columns cannot be cut in ${parts.length} equal blocks`);
  const whole = new Float32Array(rows * columns);
  for (const [index, part] of parts.entries()) {
    const block = matrix(part, rows, width, childKey(key, index));
    for (let row = 0; row < rows; row++) {
      whole.set(block.subarray(row * width, (row + 1) * width), row * columns + index * width);
    }
  }
  return whole;
}

/**
 * A matrix with orthonormal rows or columns, whichever are fewer, times gain, distributed by Haar measure: the factor Q of
 * a Gaussian matrix whose R has a positive diagonal (Saxe et al. 2014; Mezzadri 2007).
 *
 * The Gaussian matrix is never formed. What remains of it after j reflections is Gaussian again, so reflection j can be
 * made from fresh draws, one coordinate fewer each time (Stewart 1980). `count` vectors of `length` coordinates, in f64.
 */
function orthogonal(gain: number, rows: number, columns: number, key: Key): Float32Array {
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
  const vectors = new Float64Array(count * length);
  const mirror = new Float64Array(length);
  for (let j = count - 1; j >= 0; j--) {
    let squares = 0;
    for (let i = j; i < length; i++) {
      mirror[i] = normalAt(key, j * length + i);
      squares += mirror[i] ** 2;
    }
    const sign = mirror[j] < 0 ? -1 : 1;
    const norm = Math.sqrt(squares);
    // |mirror|² after the shift below: 2·norm·(norm + |first coordinate|).
    const half = norm * (norm + Math.abs(mirror[j]));
    mirror[j] += sign * norm;
    // The reflection sends the draw to −sign·norm on axis j; this sign makes R's diagonal positive.
    vectors[j * length + j] = -sign;
    for (let c = j; c < count; c++) {
      const start = c * length;
      let along = 0;
      for (let i = j; i < length; i++) along += mirror[i] * vectors[start + i];
      along /= half;
      for (let i = j; i < length; i++) vectors[start + i] -= along * mirror[i];
    }
  }
  const result = new Float32Array(rows * columns);
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < length; i++) {
      result[rows < columns ? c * length + i : i * count + c] = gain * vectors[c * length + i];
    }
  }
  return result;
}
