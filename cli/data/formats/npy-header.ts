/**
 * NPY, NumPy's format of one array (numpy.lib.format): "\x93NUMPY", the version, the header's length as a little-endian u16 (u32 from
 * version 2 on), and the header: a Python dictionary with the element type, the order and the shape. The elements follow.
 */
import { bytesType, type ElementType, numberTypes, unicodeType } from "./elements.ts";
import { productOf } from "./stored-array.ts";

export interface NpyHeader {
  readonly element: ElementType;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin, in bytes of the file. */
  readonly begins: number;
}

/** So many bytes of a file hold its header. NumPy itself refuses headers of more than 10,000 bytes. */
export const HEADER_LIMIT = 12 + 10_000;

const MAGIC = "\x93NUMPY";

/**
 * Reads the header of an array whose file has `fileBytes` bytes and begins with `head`, which has all of them or `HEADER_LIMIT`. Throws
 * RangeError, saying what is wrong, for another kind of file, a file that is cut or too long, and elements that are not read: Python
 * objects, complex numbers, records, dates.
 */
export function readNpyHeader(head: Uint8Array, fileBytes: number): NpyHeader {
  const magic = Buffer.from(head.subarray(0, 6)).toString("latin1");
  if (!MAGIC.startsWith(magic)) throw new RangeError(`it begins with ${shownBytes(head)}, not as NPY does`);
  const cut = (what: string): RangeError => new RangeError(`it is cut: it has ${fileBytes} bytes and ends in ${what}`);
  if (head.length < 10) throw cut("the length of its header");
  const [version, minor] = head.subarray(6, 8);
  if (version < 1 || version > 3 || minor !== 0)
    throw new RangeError(`it is of version ${version}.${minor}; 1.0, 2.0 and 3.0 are read`);
  const prefix = version === 1 ? 10 : 12;
  if (head.length < prefix) throw cut("the length of its header");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (prefix + length > fileBytes) throw cut(`its header, which has ${prefix + length}`);
  if (prefix + length > HEADER_LIMIT)
    throw new RangeError(`its header has ${length} bytes: it is damaged, or an array of records`);
  // Version 3 is for names of records in UTF-8.
  const { descr, fortran, shape } = parseHeader(Buffer.from(head.subarray(prefix, prefix + length)).toString("utf8"));
  const element = elementType(descr);
  const begins = prefix + length;
  const wanted = productOf(shape) * element.bytes;
  const found = fileBytes - begins;
  const says = `its header says ${descr} [${shape.join(", ")}], which is ${wanted} bytes`;
  if (found < wanted) throw new RangeError(`it is cut: ${says}, and ${found} are there`);
  if (found > wanted) throw new RangeError(`${says}, and ${found} are there: one array a file is read`);
  return { element, fortran, shape, begins };
}

interface Fields {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

const TOKENS = /\s*(?:([{}(),:[\]])|'([^'\\]*)'|"([^"\\]*)"|(True|False)|(\d+)L?)\s*/y;

/** Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, whose keys may come in any order. */
function parseHeader(text: string): Fields {
  const bad = (): RangeError => new RangeError(`its header is not NPY's: ${text.trim().slice(0, 80)}`);
  const tokens: {
    readonly mark?: string;
    readonly text?: string;
    readonly truth?: boolean;
    readonly whole?: number;
  }[] = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.length) {
    const found = TOKENS.exec(text);
    if (found === null) throw bad();
    const [, mark, single, double, truth, whole] = found;
    if (mark !== undefined) tokens.push({ mark });
    else if (truth !== undefined) tokens.push({ truth: truth === "True" });
    else if (whole !== undefined) tokens.push({ whole: Number(whole) });
    else tokens.push({ text: single ?? double });
  }
  let at = 0;
  const take = (mark: string): boolean => {
    if (tokens[at]?.mark !== mark) return false;
    at++;
    return true;
  };
  const want = (mark: string): void => {
    if (!take(mark)) throw bad();
  };
  let descr: string | undefined;
  let fortran: boolean | undefined;
  let shape: number[] | undefined;
  want("{");
  while (!take("}")) {
    const key = tokens[at++]?.text;
    want(":");
    if (key === "descr" && descr === undefined) {
      if (tokens[at]?.mark === "[")
        throw new RangeError("its elements are records: give each field an array of its own");
      descr = tokens[at++]?.text;
    } else if (key === "fortran_order" && fortran === undefined) {
      fortran = tokens[at++]?.truth;
    } else if (key === "shape" && shape === undefined) {
      shape = [];
      want("(");
      while (!take(")")) {
        const extent = tokens[at++]?.whole;
        if (extent === undefined || !Number.isSafeInteger(extent)) throw bad();
        shape.push(extent);
        if (!take(",") && tokens[at]?.mark !== ")") throw bad();
      }
    } else throw bad();
    if (!take(",") && tokens[at]?.mark !== "}") throw bad();
  }
  if (at !== tokens.length || descr === undefined || fortran === undefined || shape === undefined) throw bad();
  return { descr, fortran, shape };
}

/** `<f4`, `|b1`, `>U12`. */
function elementType(descr: string): ElementType {
  const [, order, kind, digits] = /^([<>|=])([A-Za-z])(\d+)/.exec(descr) ?? [];
  if (kind === "O" || /^\|?O/.test(descr))
    throw new RangeError(
      "its elements are pickled Python objects, and reading them could run any program: save numbers",
    );
  const name = `${kind}${digits}`;
  const whole = `${order}${name}` === descr;
  const littleEndian = order !== ">";
  if (whole && name !== "bf2" && Object.hasOwn(numberTypes, name) && (order !== "|" || Number(digits) === 1))
    return { ...numberTypes[name as keyof typeof numberTypes], littleEndian };
  const length = Number(digits);
  if (whole && length > 0 && kind === "U" && order !== "|") return { ...unicodeType(length), littleEndian };
  if (whole && length > 0 && kind === "S") return { ...bytesType(length), littleEndian };
  const why =
    kind === "c"
      ? "complex numbers: give the parts as two features"
      : kind === "M" || kind === "m"
        ? "dates: save them as text, with .astype(str)"
        : `of type ${JSON.stringify(descr)}`;
  throw new RangeError(`its elements are ${why}; f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, U and S are read`);
}

/** The first bytes of a file, for a message. */
export const shownBytes = (bytes: Uint8Array): string =>
  bytes.length === 0
    ? "nothing"
    : Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
