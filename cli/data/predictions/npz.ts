import { type Column, rowsOf } from "./columns.ts";
import { zipSync } from "./fflate.ts";

/** Columns as NumPy's arrays by name, [rows, …shape], not compressed; texts are arrays of `U`. Throws RangeError beyond 4 GiB, ZIP's limit. */
export function npzOf(columns: readonly Column[]): Uint8Array {
  const rows = rowsOf(columns);
  const files = Object.fromEntries(columns.map((column) => [`${column.name}.npy`, npyOf(column, rows)]));
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0);
  if (bytes > 2 ** 32 - 2 ** 16) throw new RangeError(`${bytes} bytes of predictions: a ZIP file holds 4 GiB`);
  // A file says no time, so that the same predictions are the same bytes. 1980 is where ZIP's calendar begins.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

function npyOf(column: Column, rows: number): Uint8Array {
  const { descr, elements } = column.kind === "texts" ? textsOf(column.values) : numbersOf(column.values);
  const shape = column.kind === "texts" ? [rows] : [rows, ...column.shape];
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${extents}), }`;
  // The elements begin at a multiple of 64 bytes.
  const before = Math.ceil((PREFIX + header.length + 1) / 64) * 64;
  const file = new Uint8Array(before + elements.length).fill(0x20, PREFIX, before);
  file.set(Buffer.from("\x93NUMPY\x01\x00", "latin1"));
  new DataView(file.buffer).setUint16(8, before - PREFIX, true);
  file.set(Buffer.from(header, "latin1"), PREFIX);
  file[before - 1] = 0x0a;
  file.set(elements, before);
  return file;
}

/** Bytes before the header: the magic, the version and the header's length. */
const PREFIX = 10;

interface Elements {
  readonly descr: string;
  readonly elements: Uint8Array;
}

function numbersOf(values: Float32Array | Float64Array | Int32Array): Elements {
  const bytes = values.BYTES_PER_ELEMENT;
  const elements = new Uint8Array(values.length * bytes);
  const view = new DataView(elements.buffer);
  for (const [i, value] of values.entries()) {
    if (values instanceof Float32Array) view.setFloat32(i * bytes, value, true);
    else if (values instanceof Float64Array) view.setFloat64(i * bytes, value, true);
    else view.setInt32(i * bytes, value, true);
  }
  return { descr: values instanceof Int32Array ? "<i4" : `<f${bytes}`, elements };
}

function textsOf(values: readonly string[]): Elements {
  const texts = values.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  // NumPy has no texts of length 0.
  const length = texts.reduce((longest, points) => Math.max(longest, points.length), 1);
  const elements = new Uint8Array(4 * length * values.length);
  const view = new DataView(elements.buffer);
  for (const [row, points] of texts.entries())
    for (const [i, point] of points.entries()) view.setUint32(4 * (row * length + i), point, true);
  return { descr: `<U${length}`, elements };
}
