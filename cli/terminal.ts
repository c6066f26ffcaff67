/** What may reach a terminal: text, and the colours that cellc itself gives it. */
import { printable } from "../compiler/diagnostics/printable.ts";

/** The codes that picocolors writes: bold, dim, the colours in use, and the ends of all of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours
const colour = /(\u001b\[(?:0|1|2|22|31|32|33|34|36|39)m)/;

/** `text` with every other character that a terminal would obey, or not show, written as its code. */
export function forTerminal(text: string): string {
  return text
    .split(colour)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join("");
}

/** A JSON document that holds the same and shows all of it: what `forTerminal` would write as a code is escaped. */
export function escapeJson(document: string): string {
  return document.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, (char) =>
    char === "\n" ? char : Array.from({ length: char.length }, (_, i) => unit(char.charCodeAt(i))).join(""),
  );
}

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
