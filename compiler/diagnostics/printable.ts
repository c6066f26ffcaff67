/** Makes the user's text safe to print: characters that move the cursor, reverse the text or are invisible are shown as their codes. */

/** Controls, line separators, lone surrogates, and whatever Unicode lets a display ignore. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * What a comment or a file name must not contain: controls, and characters that change the direction of writing, so that a text does
 * not read as it is (Boucher & Anderson 2021, “Trojan Source”). Joiners are allowed: some scripts need them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
export const deceptive = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;

const code = (char: string): string => `\\u{${char.codePointAt(0)!.toString(16)}}`;

/** `text` with `\u{1b}` for an escape character and the like. Line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(hidden, (char) => (char === "\n" || char === "\t" ? char : code(char)));
}

/** The longest line of a message: only a text made to be long has names longer than this. */
const maxLine = 1000;

/** As `printable`, on one line: line ends and tabs are shown as their codes too, and a very long text is cut. */
export function printableLine(text: string): string {
  const cut = text.length > maxLine ? `${text.slice(0, maxLine)}…` : text;
  return cut.replace(hidden, code);
}
