/** A folder whose files can be read, wherever it is, and the files of a compiled model in it. */
import { messageOf, RuntimeError } from "./error.ts";

/** Reads files of one folder. */
export interface Folder {
  /** For messages: a path or an address. */
  readonly place: string;
  /** Where a file of the folder is, for messages. */
  at(path: string): string;
  /** The bytes of a file. Errors: C0401, if it cannot be read; C0411, if it has more bytes than `most`. */
  read(path: string, most: number): Promise<Uint8Array>;
}

const mebibyte = 2 ** 20;

/**
 * The most bytes of a file of each kind, so that a wrong address does not fill the memory. A manifest has some hundred; plans and code
 * have a few million for the largest models in the library; weights may take what one buffer can.
 */
export const mostBytes = {
  manifest: mebibyte,
  plan: 64 * mebibyte,
  code: 64 * mebibyte,
  weights: 2048 * mebibyte,
} as const;

/** The error for a file that is larger than one of its kind. */
export const tooLarge = (where: string, most: number): RuntimeError =>
  new RuntimeError(
    "C0411",
    `${where} has more than ${most / mebibyte} MiB, which no such file of a compiled model has`,
    "look whether the path leads to what cellc compile wrote",
  );

/** The error for a file that cannot be read. */
export const unreadable = (where: string, reason: string, help?: string): RuntimeError =>
  new RuntimeError("C0401", `cannot read ${where}: ${reason}`, help);

/** Reads a JSON file. Errors: those of the folder; C0411, if it is not JSON. */
export async function readJson(folder: Folder, path: string, most: number): Promise<unknown> {
  const bytes = await readFile(folder, path, most);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw new RuntimeError("C0411", `${folder.at(path)} is not JSON: ${messageOf(thrown)}`, "compile it anew");
  }
}

/** Reads a file that is not text for people. Errors: those of the folder; C0401, if a web page came instead. */
export async function readFile(folder: Folder, path: string, most: number): Promise<Uint8Array> {
  const bytes = await folder.read(path, most);
  const start = String.fromCharCode(...bytes.subarray(0, 64)).trimStart();
  if (!/^(ï»¿)?\s*<(!doctype|html|head|body|\?xml)/i.test(start)) return bytes;
  throw unreadable(
    folder.at(path),
    "a web page came instead",
    "many servers answer an address that they do not know with their start page: look whether the file is there",
  );
}
