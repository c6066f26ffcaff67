/** Plain data as the text of a value, for people who read the difference between two versions. */
import { valueName } from "./identifiers.ts";

/** Most characters of a line; what fits on one is not divided. A tensor of a plan does. */
const width = 180;
/** Bytes in a line of hexadecimal digits. Short lines cost a twentieth of a bundle, because line ends interrupt what repeats. */
const bytesInLine = 512;

/** The text of `value`, which follows `indent` spaces: objects, lists, numbers, texts, booleans. A text of several lines becomes a template. */
export function literal(value: unknown, indent = 0): string {
  const short = compact(value);
  if (short !== undefined && short.length + indent <= width) return short;
  const inner = " ".repeat(indent + 2);
  const outer = " ".repeat(indent);
  if (typeof value === "string") return value.includes("\n") ? template(value) : JSON.stringify(value);
  if (Array.isArray(value))
    return `[\n${value.map((item) => `${inner}${literal(item, indent + 2)},\n`).join("")}${outer}]`;
  const fields = fieldsOf(value).map(([key, item]) => `${inner}${valueName(key)}: ${literal(item, indent + 2)},\n`);
  return `{\n${fields.join("")}${outer}}`;
}

/** On one line; undefined if that cannot be. */
function compact(value: unknown): string | undefined {
  if (typeof value === "string") return value.includes("\n") ? undefined : safeText(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const items = Array.isArray(value)
    ? value.map(compact)
    : fieldsOf(value).map(([key, item]) => {
        const text = compact(item);
        return text === undefined ? undefined : `${valueName(key)}: ${text}`;
      });
  if (items.some((item) => item === undefined)) return undefined;
  if (Array.isArray(value)) return `[${items.join(", ")}]`;
  return items.length === 0 ? "{}" : `{ ${items.join(", ")} }`;
}

/** What JSON would keep of an object. */
const fieldsOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  Object.entries(value as object).filter(([, item]) => item !== undefined);

const safeText = (text: string): string => JSON.stringify(text).replace(/[\u2028\u2029]/g, escaped);

const escaped = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;

function template(text: string): string {
  const inside = text.replace(/[\\`]|\$(?=\{)/g, (mark) => `\\${mark}`).replace(/[\r\u2028\u2029]/g, escaped);
  return `\`${inside}\``;
}

/** A template of hexadecimal digits, which compress better than base64 and change where the bytes do. */
export function hexadecimal(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += bytesInLine) {
    const part = Array.from(data.subarray(at, at + bytesInLine), (byte) => byte.toString(16).padStart(2, "0"));
    lines.push(part.join(""));
  }
  return `\`\n${lines.join("\n")}\n\``;
}
