/**
 * Values as sums of products with constant matrices: what the gates of an LSTM see. `split(x @ Wx + h @ Wh + b, 4)[0]` is a column block of
 * Wx for x, one of Wh for h, and a part of b, whichever way it is written and whatever has been folded into the weights.
 */
import type { Block, Op, OpOf, Value } from "../../../compiler/ir/types.ts";
import type { Printer } from "../printer.ts";

/** A matrix [rows, columns], in row-major order; `select` has one entry 1 in each column, in row `select[column]`. */
export type Matrix =
  | { readonly rows: number; readonly columns: number; readonly data: Float64Array }
  | { readonly rows: number; readonly columns: number; readonly select: Int32Array };

/** Σ value · matrix + bias, of `size` features. */
export interface Affine {
  readonly size: number;
  readonly terms: ReadonlyMap<Value, Matrix>;
  readonly bias: Float64Array;
}

export const entry = (m: Matrix, row: number, column: number): number =>
  "data" in m ? m.data[row * m.columns + column] : Number(m.select[column] === row);

/** The matrix as numbers. */
export function dense(m: Matrix): Float64Array {
  if ("data" in m) return m.data;
  const data = new Float64Array(m.rows * m.columns);
  for (let j = 0; j < m.columns; j++) data[m.select[j] * m.columns + j] = 1;
  return data;
}

export const isIdentity = (m: Matrix): boolean =>
  m.rows === m.columns && "select" in m && m.select.every((row, column) => row === column);

/** The diagonal of a matrix that has nothing else; undefined if it has. */
export function diagonal(m: Matrix): Float64Array | undefined {
  if (m.rows !== m.columns) return undefined;
  if (isIdentity(m)) return new Float64Array(m.rows).fill(1);
  const data = dense(m);
  const isDiagonal = data.every((x, i) => x === 0 || i % (m.columns + 1) === 0);
  return isDiagonal ? Float64Array.from({ length: m.rows }, (_, i) => data[i * (m.columns + 1)]) : undefined;
}

const sized = (m: Matrix, data: Float64Array): Matrix => ({ rows: m.rows, columns: m.columns, data });

const columnsOf = (m: Matrix, from: number, width: number): Matrix =>
  "select" in m
    ? { rows: m.rows, columns: width, select: m.select.subarray(from, from + width) }
    : {
        rows: m.rows,
        columns: width,
        data: Float64Array.from({ length: m.rows * width }, (_, i) =>
          entry(m, Math.floor(i / width), from + (i % width)),
        ),
      };

const mapped = (a: Affine, matrix: (m: Matrix) => Matrix, bias: Float64Array): Affine => ({
  size: bias.length,
  terms: new Map([...a.terms].map(([v, m]) => [v, matrix(m)])),
  bias,
});

/** Each feature times a number of its own. */
const scaled = (a: Affine, by: Float64Array): Affine =>
  by.every((x) => x === 1)
    ? a
    : mapped(
        a,
        (m) =>
          sized(
            m,
            dense(m).map((x, i) => x * by[i % m.columns]),
          ),
        a.bias.map((x, i) => x * by[i]),
      );

export const negated = (a: Affine): Affine => scaled(a, new Float64Array(a.size).fill(-1));

function sum(a: Affine, b: Affine): Affine {
  const terms = new Map(a.terms);
  for (const [v, m] of b.terms) {
    const known = terms.get(v);
    const other = known && dense(m);
    terms.set(
      v,
      known && other
        ? sized(
            m,
            dense(known).map((x, i) => x + other[i]),
          )
        : m,
    );
  }
  return { size: a.size, terms, bias: a.bias.map((x, i) => x + b.bias[i]) };
}

/** Reads the body of a scan, and what it is given for each step, as affine values. */
export class AffineValues {
  readonly #p: Printer;
  readonly #inner: ReadonlyMap<Value, Op>;
  /** What the body's parameters for each step are outside. */
  readonly #given: ReadonlyMap<Value, Value>;
  readonly #known = new Map<Value, Affine | undefined>();
  readonly #whole = new Set<Value>();

  constructor(p: Printer, scan: OpOf<"scan">) {
    const body = scan.body as Block;
    const { states } = scan.attrs;
    this.#p = p;
    this.#inner = new Map(body.ops.flatMap((op) => op.results.map((r) => [r, op] as const)));
    this.#given = new Map(body.params.flatMap((v, i) => (i < states ? [] : [[v, scan.operands[i]] as const])));
  }

  /** The op that makes a value, in the body or before the loop. */
  definedBy = (v: Value): Op | undefined => this.#inner.get(v) ?? this.#p.defines.get(v);

  /** From now on, `v` is not taken apart. */
  keepWhole(v: Value): void {
    this.#whole.add(v);
    this.#known.clear();
  }

  /** `v` as a sum of products; undefined if it is no vector of features. A value that is nothing else is itself times 1. */
  of(v: Value): Affine | undefined {
    if (!this.#known.has(v)) this.#known.set(v, this.#read(v));
    return this.#known.get(v);
  }

  #sizeOf(v: Value): number | undefined {
    if (v.type.shape.length !== 1 || v.type.dtype === "index") return undefined;
    return this.#p.extent(v.type.shape[0]);
  }

  /** Numbers that are the same at all steps and for all examples, one for each of `size` features. */
  numbers(v: Value, size: number): Float64Array | undefined {
    const op = this.#inner.get(v);
    const constant = op?.op === "const" && op.attrs.dims.length === 0 ? Float64Array.of(op.attrs.value) : undefined;
    const fixed = this.#p.fixed.get(v);
    const data = constant ?? (fixed?.kind === "steady" && v.type.shape.length <= 1 ? fixed.tensor.data : undefined);
    if (data === undefined || (data.length !== 1 && data.length !== size)) return undefined;
    return data.length === size ? data : new Float64Array(size).fill(data[0]);
  }

  #read(v: Value): Affine | undefined {
    const size = this.#sizeOf(v);
    if (size === undefined) return undefined;
    const bias = this.numbers(v, size);
    if (bias !== undefined) return { size, terms: new Map(), bias };
    const given = this.#given.get(v);
    if (given !== undefined) return this.of(given);
    const op = this.#whole.has(v) ? undefined : this.definedBy(v);
    return (op && this.#made(op, v, size)) ?? itself(v, size);
  }

  #made(op: Op, v: Value, size: number): Affine | undefined {
    const wide = (x: Value): Affine | undefined => {
      const bias = this.numbers(x, size);
      if (bias !== undefined) return { size, terms: new Map(), bias };
      // What differs from step to step, but not between examples, is no weight.
      return x.type.batch && this.#sizeOf(x) === size ? this.of(x) : undefined;
    };
    switch (op.op) {
      case "add":
      case "sub": {
        const [a, b] = op.operands.map(wide);
        return a && b && sum(a, op.op === "sub" ? negated(b) : b);
      }
      case "neg": {
        const a = wide(op.operands[0]);
        return a && negated(a);
      }
      case "mul":
      case "div": {
        const [x, y] = op.operands;
        const by = this.numbers(y, size);
        const a = by && wide(x);
        if (by && a) return scaled(a, op.op === "div" ? by.map((n) => 1 / n) : by);
        const first = op.op === "mul" ? this.numbers(x, size) : undefined;
        const b = first && wide(y);
        return first && b && scaled(b, first);
      }
      case "dot":
        return this.#product(op);
      case "split":
      case "cut": {
        const whole = this.of(op.operands[0]);
        const at = op.results.indexOf(v);
        const from = op.results.slice(0, at).reduce((n, r) => n + this.#sizeOf(r)!, 0);
        return whole && columns(whole, from, size);
      }
      case "slice": {
        const whole = this.of(op.operands[0]);
        return whole && columns(whole, this.#p.extentOf(op.attrs.from), size);
      }
      default:
        return undefined;
    }
  }

  /** A vector times a matrix that is the same at all steps. */
  #product({ operands, attrs }: OpOf<"dot">): Affine | undefined {
    const sides = [
      { x: operands[0], own: attrs.a, weight: operands[1], labels: attrs.b },
      { x: operands[1], own: attrs.b, weight: operands[0], labels: attrs.a },
    ];
    const side = sides.find(({ weight }) => this.#p.fixed.get(weight)?.kind === "steady");
    if (side === undefined || side.own.length !== 1 || side.labels.length !== 2 || attrs.batch || attrs.time)
      return undefined;
    const { x, own, weight, labels } = side;
    if (!labels.includes(own) || attrs.out.length !== 1 || attrs.out === own) return undefined;
    const { shape, data } = this.#p.fixed.get(weight)!.tensor;
    const isTurned = labels[1] === own;
    const [rows, size] = isTurned ? [shape[1], shape[0]] : shape;
    const matrix: Matrix = {
      rows,
      columns: size,
      data: isTurned
        ? Float64Array.from({ length: rows * size }, (_, i) => data[(i % size) * rows + Math.floor(i / size)])
        : data,
    };
    return this.#throughMatrix(x, matrix);
  }

  /** `x` times a matrix. What is in x is multiplied out if it is only scaled: of a product of matrices, the rank may be small on purpose. */
  #throughMatrix(x: Value, matrix: Matrix): Affine {
    const { rows, columns: size } = matrix;
    const from = this.of(x);
    const scales = [...(from?.terms ?? [])].map(([v, m]) => [v, diagonal(m)] as const);
    if (from === undefined || scales.length === 0 || scales.some(([, scale]) => scale === undefined))
      return { size, terms: new Map([[this.#given.get(x) ?? x, matrix]]), bias: new Float64Array(size) };
    const data = dense(matrix);
    const bias = new Float64Array(size);
    for (let i = 0; i < rows; i++) for (let j = 0; j < size; j++) bias[j] += from.bias[i] * data[i * size + j];
    const times = (scale: Float64Array): Matrix =>
      scale.every((n) => n === 1)
        ? matrix
        : sized(
            matrix,
            data.map((n, i) => n * scale[Math.floor(i / size)]),
          );
    return { size, terms: new Map(scales.map(([v, scale]) => [v, times(scale!)])), bias };
  }
}

function itself(v: Value, size: number): Affine {
  const select = Int32Array.from({ length: size }, (_, i) => i);
  return { size, terms: new Map([[v, { rows: size, columns: size, select }]]), bias: new Float64Array(size) };
}

const columns = (a: Affine, from: number, width: number): Affine =>
  mapped(a, (m) => columnsOf(m, from, width), a.bias.subarray(from, from + width));
