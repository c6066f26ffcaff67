/** Arrays as files store them: their numbers are read when they are asked for. */
import type { Failure } from "../../failure.ts";
import type { WholeBytes } from "../byte-source.ts";
import { BadElement, decode, type ElementType } from "./elements.ts";
import { fault } from "./fault.ts";
import { buffered } from "./whole-bytes.ts";

/** The most bytes of an array that is held in memory, to be read in another order than its own: 2 GiB. */
const MEMORY_LIMIT = 2 ** 31;

export interface StoredArray {
  readonly name: string;
  /** The file that it is in, as a message names it. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly element: ElementType;
  /** Whether the first axis is the fastest, as in Fortran; else the last is. */
  readonly fortran: boolean;
  /** Opens the bytes of its elements, of which there are as many as the shape says. */
  open(): Promise<WholeBytes>;
}

/** Elements of an array whose axes were put into another order. */
export interface ArrayReader {
  /** The elements from `from` to before `to`, counted row-major in the wanted order of axes. Throws C0402 for one that cannot be read. */
  read(from: number, to: number): Promise<Float64Array | string[]>;
  close(): void;
}

export const productOf = (extents: readonly number[]): number =>
  extents.reduce((product, extent) => product * extent, 1);

/**
 * Reads an array as if its axes were in the order `axes` (a permutation of 0 … rank − 1). If that is the order of the file, only what is
 * asked for is read; else the whole array is, which may be too large (C0402).
 */
export async function openArray(array: StoredArray, axes: readonly number[]): Promise<ArrayReader> {
  const { element, path, name, shape } = array;
  const source = await array.open();
  const read = (bytes: Uint8Array, from: number, to: number, at?: (index: number) => number) => {
    try {
      return decode(element, bytes, to - from, at);
    } catch (error) {
      if (!(error instanceof BadElement)) throw error;
      throw fault(path, `\`${name}\`, number ${from + error.index} of ${productOf(shape)}: ${error.message}`);
    }
  };
  try {
    const strides = stridesOf(array);
    if (isRowMajor(axes, shape, strides)) {
      const bytes = buffered(source);
      return {
        read: async (from, to) => read(await bytes(from * element.bytes, to * element.bytes), from, to),
        close: () => source.close(),
      };
    }
    if (source.size > MEMORY_LIMIT) throw tooLarge(path, name);
    const bytes = await source.read(0, source.size);
    const extents = axes.map((axis) => shape[axis]);
    const steps = axes.map((axis) => strides[axis] * element.bytes);
    return {
      read: async (from, to) => read(bytes, from, to, (index) => offsetOf(from + index, extents, steps)),
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** In elements, by the axis of the file. */
function stridesOf({ shape, fortran }: StoredArray): readonly number[] {
  return shape.map((_, axis) => productOf(fortran ? shape.slice(0, axis) : shape.slice(axis + 1)));
}

function isRowMajor(axes: readonly number[], shape: readonly number[], strides: readonly number[]): boolean {
  const extents = axes.map((axis) => shape[axis]);
  return axes.every((axis, i) => extents[i] === 1 || strides[axis] === productOf(extents.slice(i + 1)));
}

function offsetOf(index: number, extents: readonly number[], steps: readonly number[]): number {
  let rest = index;
  let offset = 0;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    offset += (rest % extents[axis]) * steps[axis];
    rest = Math.floor(rest / extents[axis]);
  }
  return offset;
}

const tooLarge = (path: string, name: string): Failure =>
  fault(
    path,
    `\`${name}\` is in another order than [sequences, steps, features], and larger than the ${MEMORY_LIMIT / 2 ** 30} GiB that can be reordered`,
    {},
    "store it in that order: NumPy does with np.ascontiguousarray",
  );
