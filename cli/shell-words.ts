/** A command line to copy. */

/** The words as a POSIX shell reads them, quoted where they must be. */
export const shellWords = (words: readonly string[]): string => words.map(quoted).join(" ");

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
