/**
 * Everything that the compiler and its tools can say, by code: C01xx syntax, C02xx meaning, C03xx options, C04xx data and
 * checkpoints, C05xx running, W06xx warnings. A code never changes its meaning and is never reused for another message.
 */
import { meaningMessages } from "./catalogue-meaning.ts";
import { syntaxMessages } from "./catalogue-syntax.ts";
import { useMessages } from "./catalogue-use.ts";
import type { Message } from "./message.ts";

const messages = { ...syntaxMessages, ...meaningMessages, ...useMessages };

/** A code of the catalogue, such as `C0201`. */
export type Code = keyof typeof messages;

export const catalogue: Readonly<Record<Code, Message>> = messages;

export function isCode(text: string): text is Code {
  return Object.hasOwn(catalogue, text);
}
