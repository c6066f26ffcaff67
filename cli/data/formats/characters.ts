/** The text of a data file, with the place of what is wrong in it. */
import { isUtf8 } from "node:buffer";
import type { ByteSource } from "../byte-source.ts";
import { fault } from "./fault.ts";

/** The most characters of a line: V8's own limit of a string is twice that. */
const LONGEST_LINE = 2 ** 28;

const NO_UTF8 = "save it as UTF-8; --unit bytes reads a file of any kind";

export interface Chunk {
  readonly text: string;
  /** Where it begins. Both count from 1, columns in UTF-16 units. */
  readonly line: number;
  readonly column: number;
}

/**
 * The characters of a file, in chunks that never divide one. A byte order mark at its begin is left out. In `latin1`, each byte is a
 * character. Throws C0401, and C0402 with line and column for what is not UTF-8.
 */
export async function* readText(source: ByteSource, encoding: "utf-8" | "latin1" = "utf-8"): AsyncGenerator<Chunk> {
  let line = 1;
  let column = 1;
  const advance = (text: string): Chunk => {
    const chunk = { text, line, column };
    const lastBreak = text.lastIndexOf("\n");
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) line++;
    column = lastBreak < 0 ? column + text.length : text.length - lastBreak;
    return chunk;
  };
  if (encoding === "latin1") {
    for await (const bytes of source.stream()) yield advance(Buffer.from(bytes).toString("latin1"));
    return;
  }
  let first = true;
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of source.stream()) {
    let bytes: Uint8Array = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (first && bytes.length >= 2) {
      const mark = (bytes[0] << 8) | bytes[1];
      if (mark === 0xfffe || mark === 0xfeff) throw fault(source.path, "it is UTF-16", {}, NO_UTF8);
    }
    const whole = wholeCharacters(bytes);
    rest = bytes.slice(whole);
    bytes = bytes.subarray(0, whole);
    const bad = isUtf8(bytes) ? bytes.indexOf(0) : invalidAt(bytes);
    const good = decode(bad < 0 ? bytes : bytes.subarray(0, bad));
    const text = first && good.startsWith("\ufeff") ? good.slice(1) : good;
    const decoded = advance(text);
    if (bad >= 0) {
      const byte = bytes[bad].toString(16).padStart(2, "0");
      throw fault(
        source.path,
        bytes[bad] === 0 ? "a NUL, so it is no text" : `the byte ${byte} is not UTF-8`,
        { line, column },
        NO_UTF8,
      );
    }
    if (bytes.length > 0) first = false;
    if (text !== "") yield decoded;
  }
  if (rest.length > 0) throw fault(source.path, "it ends within a character", { line, column }, NO_UTF8);
}

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its end, which is LF or CRLF. */
  readonly text: string;
}

/** The lines of a file, some at a time. What stands after the last line break is a line if it is not empty. Throws as `readText` does. */
export async function* readLines(
  source: ByteSource,
  encoding: "utf-8" | "latin1" = "utf-8",
): AsyncGenerator<readonly Line[]> {
  let number = 1;
  let begun: string[] = [];
  let length = 0;
  for await (const { text } of readText(source, encoding)) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      begun.push(text.slice(from, at));
      lines.push({ number, text: withoutReturn(begun.length === 1 ? begun[0] : begun.join("")) });
      begun = [];
      length = 0;
      number++;
      from = at + 1;
    }
    if (from < text.length) begun.push(text.slice(from));
    length += text.length - from;
    if (length > LONGEST_LINE)
      throw fault(source.path, `the line has more than ${LONGEST_LINE} characters`, { line: number });
    if (lines.length > 0) yield lines;
  }
  if (begun.length > 0) yield [{ number, text: withoutReturn(begun.join("")) }];
}

const withoutReturn = (text: string): string => (text.endsWith("\r") ? text.slice(0, -1) : text);

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/** How many bytes a character has that begins with `lead`. */
const widthOf = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

/** How many of the bytes are no part of a character that goes on after them. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const at = bytes.length - back;
    if ((bytes[at] & 0xc0) !== 0x80) return widthOf(bytes[at]) > back ? at : bytes.length;
  }
  return bytes.length;
}

/** Where the first byte is that is not UTF-8. */
function invalidAt(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const width = widthOf(bytes[at]);
    if (bytes[at] === 0 || !isUtf8(bytes.subarray(at, at + width))) return at;
    at += width;
  }
  return -1;
}
