/** Reads JSON texts that must match a schema, and reports by line what does not match. */
import { exit, Failure } from "../failure.ts";
import { type KeyPath, Mismatch, type Schema } from "./schema.ts";

/** Where a text comes from and what it should be, for messages. */
export interface JsonSource {
  readonly path: string;
  /** What the text should be: `the record of a run`. */
  readonly what: string;
  /** The line of the file on which the text begins. */
  readonly line?: number;
}

/** Parses `text` by the schema. Throws C0402, with the line, for a text that is not JSON or does not match. */
export function readJson<T>(text: string, schema: Schema<T>, { path, what, line = 1 }: JsonSource): T {
  const damaged = (offset: number, why: string): Failure =>
    new Failure(
      "C0402",
      exit.input,
      `${path}:${line + lineBreaks(text.slice(0, offset))}: not ${what}: ${why}`,
      "nothing was changed; put a sound copy of the file back, or take it away",
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(errorOffset(error, text), text.trim() === "" ? "it is empty" : "it is not JSON");
  }
  try {
    return schema(value, []);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw damaged(keyPathOffset(text, error.at), `${keyPathText(error.at)} ${error.message}`);
  }
}

const lineBreaks = (text: string): number => text.split("\n").length - 1;

/**
 * The offset at which the engine's message says that the text stops being JSON, or the end of the text. The message gives a position,
 * or a token with ten characters on each side.
 */
export function errorOffset(error: unknown, text: string): number {
  const words = error instanceof Error ? error.message : "";
  const [, position] = /at position (\d+)/.exec(words) ?? [];
  if (position !== undefined) return Number(position);
  const [, token, before, around] = /token '(.)', (\.{3})?"(.*)"(?:\.{3})? is not valid JSON$/s.exec(words) ?? [];
  if (token === undefined) return text.trimEnd().length;
  const from = before === undefined ? 0 : text.indexOf(around) + 10;
  return Math.max(0, text.indexOf(token, from));
}

/** `options.dims.H`, `points[3].loss`. */
export const keyPathText = (at: KeyPath): string =>
  at.length === 0
    ? "the document"
    : `\`${at.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${key}`)).join("")}\``;

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The offset in a JSON text at which the value at a key path begins, or the innermost value around it. */
export function keyPathOffset(text: string, at: KeyPath): number {
  /** The key or index in each of the values around the current token. */
  const path: (string | number)[] = [];
  /** The last string seen, which is a key if a colon follows. */
  let last = "";
  let found = 0;
  let deepest = 0;
  const begins = (offset: number): void => {
    const agrees = path.length <= at.length && path.every((key, i) => key === at[i]);
    if (agrees && path.length >= deepest) [found, deepest] = [offset, path.length];
  };
  let expectsValue = true;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === ":") {
      path[path.length - 1] = JSON.parse(last) as string;
      expectsValue = true;
    } else if (token === ",") {
      const here = path[path.length - 1];
      if (typeof here === "number") path[path.length - 1] = here + 1;
      expectsValue = typeof here === "number";
    } else if (token === "}" || token === "]") {
      path.pop();
      expectsValue = false;
    } else {
      if (expectsValue) begins(index);
      if (token === "{" || token === "[") path.push(token === "[" ? 0 : "");
      else last = token;
      expectsValue = token === "[";
    }
  }
  return found;
}
