import { initFunctions } from "./init-functions.ts";
import type { Formula, Init } from "./plan.ts";
import { childKey, type Key, normalAt, uniformAt } from "./random.ts";

/** Looks up the initial value of a parameter by name. */
export type FirstValue = (name: string) => Float32Array;

/** Element `index` of a tensor, row-major. */
type At = (index: number) => number;

/** What an initial value is computed for. */
interface Place {
  readonly shape: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly key: Key;
  readonly first: FirstValue;
}

/**
 * The initial value of a parameter: `shape`, row-major, computed in f64 and rounded once. Some initialisers look at another
 * parameter's value, which `first` returns. The value depends on the key alone, so that a seed and a name mean the same numbers on
 * every target. A tensor of more than two axes counts as a matrix whose columns are its last axis, a vector as a single row.
 */
export function initialise(init: Init, shape: readonly number[], key: Key, first: FirstValue = unknown): Float32Array {
  const at = valuesOf(init, placeOf(shape, key, first));
  return Float32Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, (_, i) => at(i));
}

function unknown(name: string): never {
  throw new Error(`the first value of \`${name}\` is not known`);
}

function placeOf(shape: readonly number[], key: Key, first: FirstValue): Place {
  const rows = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  return { shape, rows, columns: shape.at(-1) ?? 1, key, first };
}

function valuesOf(init: Init, place: Place): At {
  const { shape, rows, columns, key, first } = place;
  switch (init.kind) {
    case "constant":
      return () => init.value;
    case "uniform":
      return (index) => init.low + (init.high - init.low) * uniformAt(key, index);
    case "normal":
      return (index) => init.mean + init.std * normalAt(key, index);
    case "xavier": {
      const limit = init.gain * Math.sqrt(6 / (rows + columns));
      return (index) => limit * (2 * uniformAt(key, index) - 1);
    }
    case "kaiming": {
      const std = init.gain / Math.sqrt(rows);
      return (index) => std * normalAt(key, index);
    }
    case "orthogonal": {
      const values = orthogonal(init.gain, rows, columns, key);
      return (index) => values[index];
    }
    case "identity": {
      const size = Math.min(rows, columns);
      return (index) => ((index % columns) % size === Math.floor(index / columns) ? init.gain : 0);
    }
    case "blocks":
      return blocks(init.parts, place);
    case "lengths": {
      const squares = new Float64Array(columns);
      first(init.of).forEach((v, i) => {
        squares[i % columns] += v * v;
      });
      return (index) => Math.sqrt(squares[index % columns]);
    }
    case "list":
      return (index) => init.values[index % init.values.length];
    case "range": {
      const { from, step } = init;
      if (init.along === "last") return (index) => from + step * (index % columns);
      const below = (rows * columns) / (shape[0] ?? 1);
      return (index) => from + step * Math.floor(index / below);
    }
    case "copy": {
      const values = first(init.of);
      return (index) => values[index % values.length];
    }
    case "formula":
      return formula(init, place);
    default:
      return init satisfies never;
  }
}

/** Splits the columns into equal blocks and initialises each as a matrix of its own. */
function blocks(parts: readonly Init[], { shape, columns, key, first }: Place): At {
  const width = columns / parts.length;
  if (!Number.isInteger(width)) throw new Error(`${columns} columns cannot be cut in ${parts.length} equal blocks`);
  const inner = parts.map((part, index) =>
    valuesOf(part, placeOf([...shape.slice(0, -1), width], childKey(key, index), first)),
  );
  return (index) => {
    const column = index % columns;
    return inner[Math.floor(column / width)](Math.floor(index / columns) * width + (column % width));
  };
}

/** The draws of a formula are independent: each has a key of its own, by its number. */
function formula({ steps }: Formula, place: Place): At {
  let drawn = 0;
  const values = new Float64Array(steps.length);
  const each = steps.map((step): At => {
    if (step.kind !== "apply")
      return valuesOf(step, step.kind === "constant" ? place : { ...place, key: childKey(place.key, drawn++) });
    const f: (...x: number[]) => number = initFunctions[step.op];
    const [a, b, c] = step.of;
    return () => f(values[a], values[b], values[c]);
  });
  return (index) => {
    for (let i = 0; i < each.length; i++) values[i] = each[i](index);
    return values[values.length - 1];
  };
}

/**
 * A matrix with orthonormal rows or columns, whichever are fewer, times gain, distributed by Haar measure: the factor Q of
 * a Gaussian matrix whose R has a positive diagonal (Saxe et al. 2014; Mezzadri 2007).
 *
 * The Gaussian matrix is never formed. What remains of it after j reflections is Gaussian again, so reflection j can be
 * made from fresh draws, one coordinate fewer each time (Stewart 1980). `count` vectors of `length` coordinates, in f64.
 */
function orthogonal(gain: number, rows: number, columns: number, key: Key): Float64Array {
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
  const result = new Float64Array(rows * columns);
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < length; i++) {
      result[rows < columns ? c * length + i : i * count + c] = gain * vectors[c * length + i];
    }
  }
  return result;
}
