/** Lets only text and cellc's own colours reach a terminal. */
import { printable } from "../compiler/diagnostics/printable.ts";

/** The codes of `colors.ts`: bold, dim, the colours, and their resets. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours
const colour = /(\u001b\[(?:0|1|2|22|31|32|33|34|36|39)m)/;

/** `text` in which any other control or invisible character is written as its code. */
export function forTerminal(text: string): string {
  return text
    .split(colour)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join("");
}

/** An equal JSON document in which the characters that `forTerminal` writes as codes are escaped. */
export function escapeJson(document: string): string {
  return document.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, (char) =>
    char === "\n" ? char : Array.from({ length: char.length }, (_, i) => unit(char.charCodeAt(i))).join(""),
  );
}

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
