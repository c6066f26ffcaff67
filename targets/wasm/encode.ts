/**
 * WebAssembly's binary format (WebAssembly 3.0, chapter 5), for the part of the language that this target prints: folded
 * instructions, functions, globals and tables that are exported, one imported memory, and types that calls through a table name.
 * The text is the same tree in lines (`wat.ts`).
 */
import { plainCodes, simdCodes } from "./opcodes.ts";
import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat | undefined): wat is List => Array.isArray(wat);
const isString = (wat: Wat | undefined): wat is string => typeof wat === "string";
const headOf = (wat: Wat): string | undefined => (isList(wat) && isString(wat[0]) ? wat[0] : undefined);

/** Bytes that grow. */
class Bytes {
  private data = new Uint8Array(1024);
  length = 0;

  byte(value: number): void {
    if (this.length === this.data.length) this.room(1);
    this.data[this.length++] = value;
  }

  /** LEB128, unsigned. */
  u32(value: number): void {
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  /** LEB128, signed. */
  s32(value: number): void {
    let rest = value | 0;
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest & 0x7f);
  }

  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Bytes, preceded by their count. */
  sized(bytes: Bytes): void {
    this.u32(bytes.length);
    this.raw(bytes.taken());
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u32(bytes.length);
    this.raw(bytes);
  }

  taken(): Uint8Array {
    return this.data.subarray(0, this.length);
  }

  private room(more: number): void {
    if (this.length + more <= this.data.length) return;
    const larger = new Uint8Array(Math.max(2 * this.data.length, this.length + more));
    larger.set(this.taken());
    this.data = larger;
  }
}

const types: Readonly<Record<string, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
/** The type of a block without a result. */
const empty = 0x40;
const end = 0x0b;

function typeCode(type: Wat): number {
  const code = isString(type) ? types[type] : undefined;
  if (code === undefined) throw new Error(`WebAssembly has no type ${JSON.stringify(type)} here`);
  return code;
}

/** `"name"` as it stands in the text: kernels' and globals' names have nothing to escape. */
const unquoted = (text: Wat): string => JSON.parse(text as string) as string;

const scratch = new DataView(new ArrayBuffer(8));
const littleEndian = true;

/** A float literal: decimal or hexadecimal digits, `inf`, `-inf`, `nan`. */
function numberOf(digits: string): number {
  if (digits.endsWith("inf")) return digits.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (digits.endsWith("nan")) return Number.NaN;
  const hex = /^(-?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?p([+-]?\d+)$/i.exec(digits);
  if (!hex) return Number(digits);
  const [, sign, whole, fraction = "", power] = hex;
  const value = Number.parseInt(whole + fraction, 16) * 2 ** (Number(power) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

/** Lanes of a `v128.const`: how many bytes each takes and how it is written. */
const laneWriters: Readonly<Record<string, readonly [bytes: number, write: (digits: string) => void]>> = {
  f32x4: [4, (digits) => scratch.setFloat32(0, numberOf(digits), littleEndian)],
  f64x2: [8, (digits) => scratch.setFloat64(0, numberOf(digits), littleEndian)],
  i32x4: [4, (digits) => scratch.setInt32(0, Number(digits), littleEndian)],
};

function lanes(out: Bytes, shape: string, digits: readonly string[]): void {
  const [bytes, write] = laneWriters[shape];
  for (const d of digits) {
    write(d);
    for (let i = 0; i < bytes; i++) out.byte(scratch.getUint8(i));
  }
}

interface Signature {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

interface Func {
  readonly name: string;
  readonly exported: string | undefined;
  readonly type: number;
  /** Parameters first. */
  readonly locals: ReadonlyMap<string, number>;
  readonly declared: readonly number[];
  readonly body: List;
}

interface Indices {
  readonly functions: ReadonlyMap<string, number>;
  readonly globals: ReadonlyMap<string, number>;
  readonly tables: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, number>;
}

interface Instruction {
  readonly bytes: readonly number[];
  /** Of a load or a store, as a power of two: that of what it reads or writes. */
  readonly alignment: number | undefined;
}

/** Those that were asked for. */
const instructions = new Map<string, Instruction>();

function instructionOf(name: string, func: Func): Instruction {
  const known = instructions.get(name);
  if (known !== undefined) return known;
  const simd = simdCodes[name];
  if (plainCodes[name] === undefined && simd === undefined)
    throw new Error(`${func.name}: there is no code for \`${name}\``);
  const isAccess = /\.(?:load|store|atomic)/.test(name);
  const whole = name === "v128.load" || name === "v128.store";
  const made = {
    bytes: plainCodes[name] ?? vectorCode(simd),
    alignment: isAccess ? (whole ? 4 : name.includes("64") ? 3 : 2) : undefined,
  };
  instructions.set(name, made);
  return made;
}

function vectorCode(simd: number): readonly number[] {
  const bytes = new Bytes();
  bytes.byte(0xfd);
  bytes.u32(simd);
  return [...bytes.taken()];
}

class FunctionBody {
  private readonly out = new Bytes();
  private readonly labels: string[] = [];
  private readonly func: Func;
  private readonly indices: Indices;

  constructor(func: Func, indices: Indices) {
    this.func = func;
    this.indices = indices;
  }

  encode(): Bytes {
    const { out, func } = this;
    const runs: { readonly type: number; count: number }[] = [];
    for (const type of func.declared) {
      const last = runs[runs.length - 1];
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    out.u32(runs.length);
    for (const { type, count } of runs) {
      out.u32(count);
      out.byte(type);
    }
    this.all(func.body);
    out.byte(end);
    return out;
  }

  private all(list: List): void {
    for (const wat of list) this.one(wat);
  }

  /** A folded instruction: its operands, then itself with its immediates. Comments are skipped. */
  private one(wat: Wat): void {
    if (!isList(wat)) {
      if (isString(wat)) throw new Error(`${this.func.name}: ${wat} stands where an instruction should`);
      return;
    }
    const name = wat[0] as string;
    if (name === "if") this.choice(wat);
    else if (name === "loop" || name === "block") this.block(name, wat);
    else this.instruction(name, wat);
  }

  private instruction(name: string, wat: List): void {
    // What is no operand stands before the operands. A call through a table names the type of what it calls there, too.
    let operands = 1;
    while (operands < wat.length && typeof wat[operands] === "string") operands++;
    const first = operands > 1 ? (wat[1] as string) : undefined;
    const type = name === "call_indirect" ? (wat[operands++] as List) : undefined;
    for (let i = operands; i < wat.length; i++) this.one(wat[i]);
    const { bytes, alignment } = instructionOf(name, this.func);
    for (let i = 0; i < bytes.length; i++) this.out.byte(bytes[i]);
    if (type !== undefined) this.out.u32(this.index(this.indices.types, type[1] as string));
    if (alignment !== undefined) this.access(alignment, first);
    else if (first !== undefined) this.immediates(name, wat as readonly string[], type ? operands - 1 : operands);
  }

  /** The immediates of a load or a store: its alignment, and `offset=…` if it has one. */
  private access(alignment: number, offset: string | undefined): void {
    this.out.u32(alignment);
    this.out.u32(offset === undefined ? 0 : Number(offset.slice("offset=".length)));
  }

  /** Those of `wat` from 1 on, up to `end`. */
  private immediates(name: string, wat: readonly string[], end: number): void {
    const { out, func, indices } = this;
    const first = wat[1];
    switch (name) {
      case "local.get":
      case "local.set":
      case "local.tee":
        out.u32(this.index(func.locals, first));
        break;
      case "global.get":
      case "global.set":
        out.u32(this.index(indices.globals, first));
        break;
      case "call":
        out.u32(this.index(indices.functions, first));
        break;
      case "call_indirect":
        out.u32(this.index(indices.tables, first));
        break;
      case "br":
      case "br_if":
        out.u32(this.depth(first));
        break;
      case "i32.const":
      case "i64.const":
        out.s32(Number(first));
        break;
      case "f32.const":
        lanes(out, "f32x4", wat.slice(1, end));
        break;
      case "v128.const":
        lanes(out, first, wat.slice(2, end));
        break;
      default:
        for (let i = 1; i < end; i++) out.byte(Number(wat[i]));
    }
  }

  private index(of: ReadonlyMap<string, number>, name: string): number {
    const at = of.get(name);
    if (at === undefined) throw new Error(`${this.func.name}: nothing is called ${name}`);
    return at;
  }

  /** How many blocks there are between here and the one with this label. */
  private depth(label: string): number {
    const at = this.labels.lastIndexOf(label);
    if (at < 0) throw new Error(`${this.func.name}: nothing is called ${label}`);
    return this.labels.length - 1 - at;
  }

  private block(name: "loop" | "block", wat: List): void {
    const label = isString(wat[1]) ? wat[1] : "";
    const parts = wat.slice(label === "" ? 1 : 2);
    const result = headOf(parts[0]) === "result" ? (parts[0] as List) : undefined;
    this.out.byte(name === "loop" ? 0x03 : 0x02);
    this.out.byte(result ? typeCode(result[1]) : empty);
    this.labels.push(label);
    this.all(result ? parts.slice(1) : parts);
    this.labels.pop();
    this.out.byte(end);
  }

  private choice(wat: List): void {
    const result = wat.find((part) => headOf(part) === "result");
    const branches = wat.filter((part) => headOf(part) === "then" || headOf(part) === "else") as List[];
    this.all(wat.slice(1).filter((part) => isList(part) && part !== result && !branches.includes(part)));
    this.out.byte(0x04);
    this.out.byte(isList(result) ? typeCode(result[1]) : empty);
    this.labels.push("");
    for (const branch of branches) {
      if (branch[0] === "else") this.out.byte(0x05);
      this.all(branch.slice(1));
    }
    this.labels.pop();
    this.out.byte(end);
  }
}

/** The parts of a function; whatever is neither name, export, parameter, result nor local is its body. */
function readFunction(wat: List, typeOf: (s: Signature) => number): Func {
  const name = wat[1] as string;
  const locals = new Map<string, number>();
  const params: number[] = [];
  const results: number[] = [];
  const declared: number[] = [];
  const body: Wat[] = [];
  let exported: string | undefined;
  const variable = (part: List, into: number[]): void => {
    locals.set(part[1] as string, locals.size);
    into.push(typeCode(part[2]));
  };
  for (const part of wat.slice(2)) {
    const head = headOf(part);
    if (head === "export") exported = unquoted((part as List)[1]);
    else if (head === "param") variable(part as List, params);
    else if (head === "result") results.push(typeCode((part as List)[1]));
    else if (head === "local") variable(part as List, declared);
    else body.push(part);
  }
  return { name, exported, type: typeOf({ params, results }), locals, declared, body };
}

/**
 * The module with these fields: the `import` of a memory, `type`s, `table`s, `global`s and `func`s, in any order. Throws an `Error`
 * for anything else.
 */
export function encodeModule(fields: readonly Wat[]): Uint8Array<ArrayBuffer> {
  const of = (head: string): readonly List[] => fields.filter((f): f is List => headOf(f) === head);
  const signatures: Signature[] = [];
  const typeOf = (s: Signature): number => {
    const key = JSON.stringify(s);
    const known = signatures.findIndex((other) => JSON.stringify(other) === key);
    return known >= 0 ? known : signatures.push(s) - 1;
  };
  const types = of("type").map(([, name, func]) => [name as string, typeOf(readSignature(func as List))] as const);
  const functions = of("func").map((f) => readFunction(f, typeOf));
  const globals = of("global");
  const tables = of("table");
  const named = (list: readonly (string | undefined)[]): ReadonlyMap<string, number> =>
    new Map(list.flatMap((name, i) => (name === undefined ? [] : [[name, i] as const])));
  const indices: Indices = {
    functions: named(functions.map((f) => f.name)),
    globals: named(globals.map((g) => (isString(g[1]) ? g[1] : undefined))),
    tables: named(tables.map((t) => t[1] as string)),
    types: new Map(types),
  };

  const out = new Bytes();
  out.raw(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  const section = <T>(id: number, items: readonly T[], write: (bytes: Bytes, item: T, index: number) => void): void => {
    if (items.length === 0) return;
    const bytes = new Bytes();
    bytes.u32(items.length);
    items.forEach((item, i) => {
      write(bytes, item, i);
    });
    out.byte(id);
    out.sized(bytes);
  };
  const typeList = (bytes: Bytes, list: readonly number[]): void => {
    bytes.u32(list.length);
    for (const type of list) bytes.byte(type);
  };

  section(1, signatures, (bytes, { params, results }) => {
    bytes.byte(0x60);
    typeList(bytes, params);
    typeList(bytes, results);
  });
  section(2, of("import"), (bytes, [, module, name, memory]) => {
    bytes.text(unquoted(module));
    bytes.text(unquoted(name));
    const [, least, most, shared] = memory as List;
    bytes.byte(0x02);
    bytes.byte((most === undefined ? 0 : 1) | (shared === undefined ? 0 : 2));
    bytes.u32(Number(least));
    if (most !== undefined) bytes.u32(Number(most));
  });
  section(3, functions, (bytes, { type }) => bytes.u32(type));
  section(4, tables, (bytes, table) => {
    bytes.byte(0x70);
    bytes.byte(0);
    bytes.u32(Number(table[table.length - 2]));
  });
  section(6, globals, (bytes, global) => {
    const [type, initial] = global.slice(-2);
    const mutable = headOf(type) === "mut";
    bytes.byte(typeCode(mutable ? (type as List)[1] : type));
    bytes.byte(mutable ? 1 : 0);
    bytes.byte(0x41);
    bytes.s32(Number((initial as List)[1]));
    bytes.byte(end);
  });
  const exports = [
    ...tables.map((t, index) => ({ name: exportOf(t), kind: 1, index })),
    ...globals.map((g, index) => ({ name: exportOf(g), kind: 3, index })),
    ...functions.map((f, index) => ({ name: f.exported, kind: 0, index })),
  ].filter((e) => e.name !== undefined);
  section(7, exports, (bytes, { name, kind, index }) => {
    bytes.text(name as string);
    bytes.byte(kind);
    bytes.u32(index);
  });
  section(10, functions, (bytes, f) => bytes.sized(new FunctionBody(f, indices).encode()));
  return out.taken().slice() as Uint8Array<ArrayBuffer>;
}

/** `(func (param i32 i32) (result f32))`. */
function readSignature(func: List): Signature {
  const of = (head: string): readonly number[] =>
    func.flatMap((part) => (headOf(part) === head ? (part as List).slice(1).map(typeCode) : []));
  return { params: of("param"), results: of("result") };
}

function exportOf(field: List): string | undefined {
  const found = field.find((part) => headOf(part) === "export");
  return isList(found) ? unquoted(found[1]) : undefined;
}
