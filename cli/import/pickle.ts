/**
 * Reads the pickles that `torch.save` writes of numbers: dictionaries, lists, numbers, texts and tensors. Python's own reader runs
 * whatever a pickle names; this one knows a table of instructions and a table of names, and refuses every other.
 */
import { calls, isDict, isName, PickleDamage, type PickledValue, PickleRefusal, storageOf } from "./pickled.ts";

/** Reads a pickle of protocol 2 to 5. Throws PickleDamage and PickleRefusal. */
export function readPickle(bytes: Uint8Array): PickledValue {
  const machine = new Unpickler(bytes);
  for (;;) {
    const code = machine.u8();
    if (code === STOP) return machine.last();
    const instruction = INSTRUCTIONS.get(code);
    if (instruction === undefined)
      throw new PickleDamage(`it has the instruction 0x${code.toString(16)}, which no file of numbers needs`);
    instruction(machine);
  }
}

/** A function that a pickle names, before it is called. */
interface Callable {
  readonly callable: string;
}

const MARK = Symbol("mark");

type Slot = PickledValue | Callable | typeof MARK;

const isCallable = (value: Slot | undefined): value is Callable =>
  typeof value === "object" && value !== null && "callable" in value;

/** The machine that a pickle is a program for: a stack, and values that are used again. */
class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, Slot>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The value that is left at the end. */
  last(): PickledValue {
    const value = this.value();
    if (this.#stack.length > 0) throw new PickleDamage("it ends with values left over");
    return value;
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  tuple(length: number): void {
    this.push(Array.from({ length }, () => this.value()).reverse());
  }

  entries(values: readonly PickledValue[]): void {
    if (values.length % 2 !== 0) throw new PickleDamage("a dictionary has a key without a value");
    const dict = this.dict();
    for (let i = 0; i < values.length; i += 2) dict.set(values[i], values[i + 1]);
  }

  call(): void {
    const args = this.value();
    const called = this.#stack.pop();
    if (!isCallable(called) || !Array.isArray(args)) throw new PickleDamage("something is called that is no function");
    this.push(calls[called.callable](args));
  }

  /** Attributes of a dictionary, such as the versions of modules in a state_dict: no number of the model is among them. */
  attributes(): void {
    this.value();
    if (!isDict(this.#stack.at(-1) as PickledValue))
      throw new PickleDamage("attributes are given to what is no dictionary");
  }

  /** The number of values that are used again. */
  get remembered(): number {
    return this.#memo.size;
  }

  named(): void {
    const [name, module] = [this.value(), this.value()];
    if (typeof name !== "string" || typeof module !== "string") throw new PickleDamage("a name is no text");
    this.global(`${module}.${name}`);
  }

  i32(): number {
    return this.read(4, (at) => this.#view.getInt32(at, true));
  }

  u16(): number {
    return this.read(2, (at) => this.#view.getUint16(at, true));
  }

  f64(): number {
    return this.read(8, (at) => this.#view.getFloat64(at, false));
  }

  global(name: string): void {
    if (Object.hasOwn(calls, name)) this.#stack.push({ callable: name });
    else if (isName(name)) this.push({ kind: "name", name });
    else throw new PickleRefusal(name);
  }

  push(value: PickledValue): void {
    this.#stack.push(value);
  }

  value(): PickledValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK || isCallable(value)) throw new PickleDamage("a value is missing");
    return value as PickledValue;
  }

  /** The values since the last mark. */
  marked(): PickledValue[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new PickleDamage("a mark is missing");
    const values = this.#stack.splice(at).slice(1);
    if (values.some(isCallable)) throw new PickleDamage("a function stands for a value");
    return values as PickledValue[];
  }

  list(): PickledValue[] {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new PickleDamage("something is appended to what is no list");
    return list;
  }

  dict(): Map<PickledValue, PickledValue> {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map)) throw new PickleDamage("an entry is set in what is no dictionary");
    return dict;
  }

  remember(at: number): void {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new PickleDamage("a value is missing");
    this.#memo.set(at, value);
  }

  recall(at: number): void {
    const value = this.#memo.get(at);
    if (value === undefined) throw new PickleDamage(`it recalls a value ${at} that it has not`);
    this.#stack.push(value);
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new PickleDamage("it is cut");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  read(length: number, read: (at: number) => number): number {
    this.take(length);
    return read(this.#at - length);
  }

  u8(): number {
    return this.take(1)[0];
  }

  u32(): number {
    return this.read(4, (at) => this.#view.getUint32(at, true));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new PickleDamage("it is cut");
    const line = utf8(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return line;
  }
}

const STOP = 0x2e;

/** The instructions that files of numbers have, by their bytes (Lib/pickletools.py). */
const INSTRUCTIONS: ReadonlyMap<number, (machine: Unpickler) => void> = new Map<number, (machine: Unpickler) => void>([
  [0x80, (m) => checkProtocol(m.u8())],
  [0x95, (m) => void m.take(8)], // FRAME
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x4a, (m) => m.push(m.i32())],
  [0x4b, (m) => m.push(m.u8())],
  [0x4d, (m) => m.push(m.u16())],
  [0x8a, (m) => m.push(wholeOf(m.take(m.u8())))], // LONG1
  [0x47, (m) => m.push(m.f64())],
  [0x8c, (m) => m.push(utf8(m.take(m.u8())))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(utf8(m.take(m.u32())))], // BINUNICODE
  // SHORT_BINSTRING and BINSTRING, texts of Python 2
  [0x55, (m) => m.push(utf8(m.take(m.u8())))],
  [0x54, (m) => m.push(utf8(m.take(m.u32())))],
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x28, (m) => m.mark()],
  [0x74, (m) => m.push(m.marked())], // TUPLE
  [0x85, (m) => m.tuple(1)],
  [0x86, (m) => m.tuple(2)],
  [0x87, (m) => m.tuple(3)],
  [0x61, (m) => append(m, [m.value()])],
  [0x65, (m) => append(m, m.marked())], // APPENDS
  [0x73, (m) => m.entries([m.value(), m.value()].reverse())], // SETITEM
  [0x75, (m) => m.entries(m.marked())], // SETITEMS
  [0x71, (m) => m.remember(m.u8())], // BINPUT
  [0x72, (m) => m.remember(m.u32())], // LONG_BINPUT
  [0x94, (m) => m.remember(m.remembered)], // MEMOIZE
  [0x68, (m) => m.recall(m.u8())], // BINGET
  [0x6a, (m) => m.recall(m.u32())], // LONG_BINGET
  [0x63, (m) => m.global(`${m.line()}.${m.line()}`)],
  [0x93, (m) => m.named()], // STACK_GLOBAL
  [0x51, (m) => m.push(storageOf(m.value()))], // BINPERSID
  [0x52, (m) => m.call()], // REDUCE
  [0x62, (m) => m.attributes()], // BUILD
]);

function checkProtocol(protocol: number): void {
  if (protocol < 2 || protocol > 5) throw new PickleDamage(`its protocol is ${protocol}; 2 to 5 are read`);
}

function append(machine: Unpickler, values: readonly PickledValue[]): void {
  const list = machine.list();
  for (const value of values) list.push(value);
}

/** Little-endian, in two's complement. */
function wholeOf(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  const signed = bytes.length > 0 && bytes[bytes.length - 1] >= 0x80 ? value - (1n << BigInt(8 * bytes.length)) : value;
  const isSmall = signed <= Number.MAX_SAFE_INTEGER && signed >= Number.MIN_SAFE_INTEGER;
  return isSmall ? Number(signed) : signed;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new PickleDamage("a text in it is not UTF-8");
  }
}
