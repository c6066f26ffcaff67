/** Reads JSON texts that must have a shape, and says by line what is wrong with one that has another. */
import { exit, Failure } from "../failure.ts";
import { type KeyPath, Mismatch, type Schema } from "./schema.ts";

/** Where a text stands, and what it should be: both for messages. */
export interface JsonSource {
  readonly path: string;
  /** `the record of a run`. */
  readonly what: string;
  /** Of the file, on which the text begins. */
  readonly line?: number;
}

/** The value that `text` is, of that shape. Throws C0402, with the line, for a text that is no JSON or of another shape. */
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
 * Where the engine's words say that the text stops being JSON; at its end where they do not. They give a position, or a token and ten
 * characters on each side of it.
 */
function errorOffset(error: unknown, text: string): number {
  const words = error instanceof Error ? error.message : "";
  const [, position] = /at position (\d+)/.exec(words) ?? [];
  if (position !== undefined) return Number(position);
  const [, token, before, around] = /token '(.)', (\.{3})?"(.*)"(?:\.{3})? is not valid JSON$/s.exec(words) ?? [];
  if (token === undefined) return text.trimEnd().length;
  const from = before === undefined ? 0 : text.indexOf(around) + 10;
  return Math.max(0, text.indexOf(token, from));
}

/** `options.dims.H`, `points[3].loss`. */
const keyPathText = (at: KeyPath): string =>
  at.length === 0
    ? "the document"
    : `\`${at.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${key}`)).join("")}\``;

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Where in a JSON text the value at a place begins, or the one around it where there is none. */
function keyPathOffset(text: string, at: KeyPath): number {
  /** Of the values around the token at hand: the key or position in each. */
  const path: (string | number)[] = [];
  /** The last string of each object, which is the key where a colon follows. */
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
