/** The user's text on a terminal: what would move the cursor, turn the writing round or not be seen is written as its code. */

/** Controls, line separators, halves of characters, and whatever Unicode lets a display leave out. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * What a comment or the name of a file must not hold: controls, and what turns the direction of writing, so that a text reads
 * otherwise than it is (Boucher & Anderson 2021, “Trojan Source”). Joiners stay: there are scripts that need them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
export const deceptive = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;

const code = (char: string): string => `\\u{${char.codePointAt(0)!.toString(16)}}`;

/** `text` with `\u{1b}` for an escape character and the like. Line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(hidden, (char) => (char === "\n" || char === "\t" ? char : code(char)));
}

/** More of a message is no help: only a text made to be long has names as long as this. */
const maxLine = 1000;

/** As `printable`, on one line: line ends and tabs are written as their codes too, and what is very long is cut. */
export function printableLine(text: string): string {
  const cut = text.length > maxLine ? `${text.slice(0, maxLine)}…` : text;
  return cut.replace(hidden, code);
}
