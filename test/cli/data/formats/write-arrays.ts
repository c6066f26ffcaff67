/** NPY, NPZ and safetensors as tests write them: not by the code that is tested. */
import { type Zippable, zipSync } from "fflate";

type Write = (view: DataView, at: number, value: number, little: boolean) => void;

/** By NumPy's names: bytes, the writer, and numbers that the type holds exactly. */
export const writers: Readonly<
  Record<string, { readonly bytes: number; readonly write: Write; readonly values: readonly number[] }>
> = {
  f4: {
    bytes: 4,
    write: (v, at, x, le) => v.setFloat32(at, x, le),
    values: [0, -1.5, 2 ** 127, Number.NaN, Number.POSITIVE_INFINITY],
  },
  f8: {
    bytes: 8,
    write: (v, at, x, le) => v.setFloat64(at, x, le),
    values: [0.1, -1e300, Number.NaN, Number.NEGATIVE_INFINITY],
  },
  i1: { bytes: 1, write: (v, at, x) => v.setInt8(at, x), values: [-128, -1, 0, 127] },
  i2: { bytes: 2, write: (v, at, x, le) => v.setInt16(at, x, le), values: [-32768, -2, 0, 32767] },
  i4: { bytes: 4, write: (v, at, x, le) => v.setInt32(at, x, le), values: [-(2 ** 31), -3, 0, 2 ** 31 - 1] },
  i8: {
    bytes: 8,
    write: (v, at, x, le) => v.setBigInt64(at, BigInt(x), le),
    values: [-(2 ** 53) + 1, -4, 0, 2 ** 53 - 1],
  },
  u1: { bytes: 1, write: (v, at, x) => v.setUint8(at, x), values: [0, 1, 255] },
  u2: { bytes: 2, write: (v, at, x, le) => v.setUint16(at, x, le), values: [0, 1, 65535] },
  u4: { bytes: 4, write: (v, at, x, le) => v.setUint32(at, x, le), values: [0, 1, 2 ** 32 - 1] },
  u8: { bytes: 8, write: (v, at, x, le) => v.setBigUint64(at, BigInt(x), le), values: [0, 1, 2 ** 53 - 1] },
  b1: { bytes: 1, write: (v, at, x) => v.setUint8(at, x), values: [0, 1] },
};

export interface Numbers {
  readonly type: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: readonly number[];
  readonly little?: boolean;
  readonly fortran?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** Elements in the order of the file. */
export function elementBytes({ type, shape, data, little = true, fortran = false }: Numbers): Uint8Array {
  const { bytes, write } = writers[type];
  const out = new Uint8Array(data.length * bytes);
  const view = new DataView(out.buffer);
  for (const [index, value] of data.entries()) {
    let at = index;
    if (fortran) {
      let rest = index;
      const indices = shape.toReversed().map((extent) => {
        const here = rest % extent;
        rest = (rest - here) / extent;
        return here;
      });
      // The last axis is the slowest.
      at = indices.reduce((sum, here, i) => sum * shape[shape.length - 1 - i] + here, 0);
    }
    write(view, at * bytes, value, little);
  }
  return out;
}

/** `header` may be any text, for damaged ones. */
export function npyOf(header: string, elements: Uint8Array, version = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const padded = `${header}${" ".repeat((64 - ((prefix + header.length + 1) % 64)) % 64)}\n`;
  const start = Buffer.alloc(prefix);
  start.write("\x93NUMPY", "latin1");
  start[6] = version;
  if (version === 1) start.writeUInt16LE(padded.length, 8);
  else start.writeUInt32LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(padded), elements]);
}

export const headerOf = ({ type, shape, little = true, fortran = false }: Numbers): string => {
  const order = writers[type].bytes === 1 ? "|" : little ? "<" : ">";
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  return `{'descr': '${order}${type}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${extents}), }`;
};

export const npy = (array: Numbers): Uint8Array => npyOf(headerOf(array), elementBytes(array), array.version);

/** Level 0 stores the entries as they are. */
export const npz = (arrays: Readonly<Record<string, Numbers>>, level: 0 | 6 = 0): Uint8Array => {
  const files: Zippable = {};
  for (const [name, array] of Object.entries(arrays)) files[`${name}.npy`] = [npy(array), { level }];
  return zipSync(files);
};

const SAFETENSORS: Readonly<Record<string, string>> = {
  ...{ f4: "F32", f8: "F64", i1: "I8", i2: "I16", i4: "I32", i8: "I64" },
  ...{ u1: "U8", u2: "U16", u4: "U32", u8: "U64", b1: "BOOL" },
};

export function safetensors(arrays: Readonly<Record<string, Numbers>>): Uint8Array {
  const parts = Object.values(arrays).map(elementBytes);
  let end = 0;
  const entries = Object.entries(arrays).map(([name, { type, shape }], i) => {
    const start = end;
    end += parts[i].length;
    return [name, { dtype: SAFETENSORS[type], shape, data_offsets: [start, end] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...parts]);
}
