/** The units into which a text is cut: a row each. */

/** A place in what was pushed last that is not of the unit. */
export class BadSymbol extends Error {
  /** In UTF-16 units. */
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(reason);
    this.name = "BadSymbol";
    this.offset = offset;
  }
}

/** Cuts a text that comes in parts. */
export interface Cutter {
  /** The symbols that are complete with this part, which divides no character. Throws `BadSymbol`. */
  push(part: string): string[];
  /** The last symbols. Throws `BadSymbol` for a text that cannot end so. */
  end(): string[];
}

interface Unit {
  readonly doc: string;
  /** In `latin1`, the characters of the text are the bytes of the file. */
  readonly encoding: "utf-8" | "latin1";
  /** `lineEnd` is the symbol that ends a line of words; none does if it is undefined. */
  cutter(lineEnd?: string): Cutter;
  /** The text of symbols: the inverse of cutting, apart from blanks between words. */
  join(symbols: readonly string[], lineEnd?: string): string;
}

const joined = (symbols: readonly string[]): string => symbols.join("");

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export const symbolUnits = {
  characters: {
    doc: "Unicode characters",
    encoding: "utf-8",
    cutter: () => ({ push: (part) => Array.from(part), end: () => [] }),
    join: joined,
  },
  "spaced-characters": {
    doc: "every other character, with a space after each, as in the character files of the Penn Treebank",
    encoding: "utf-8",
    cutter: spacedCutter,
    join: joined,
  },
  words: {
    doc: "what stands between blanks and line breaks",
    encoding: "utf-8",
    cutter: wordCutter,
    join: (symbols: readonly string[], lineEnd?: string) =>
      symbols
        .map((symbol, i) =>
          symbol === lineEnd ? "\n" : `${i === 0 || symbols[i - 1] === lineEnd ? "" : " "}${symbol}`,
        )
        .join(""),
  },
  bytes: {
    doc: "bytes, as two hexadecimal digits each",
    encoding: "latin1",
    cutter: () => ({ push: (part) => Array.from(part, (byte) => BYTES[byte.charCodeAt(0)]), end: () => [] }),
    join: (symbols) => Buffer.from(symbols.join(""), "hex").toString("utf8"),
  },
} as const satisfies Readonly<Record<string, Unit>>;

export type SymbolUnit = keyof typeof symbolUnits;

/** The symbols of a whole text. Throws `BadSymbol`. */
export function cutText(text: string, unit: SymbolUnit): string[] {
  const { cutter, encoding }: Unit = symbolUnits[unit];
  const { push, end } = cutter();
  const symbols = push(encoding === "latin1" ? Buffer.from(text).toString("latin1") : text);
  return symbols.concat(end());
}

function spacedCutter(): Cutter {
  let spaceIsDue = false;
  return {
    push(part) {
      const symbols: string[] = [];
      let offset = 0;
      for (const character of part) {
        if (!spaceIsDue) symbols.push(character);
        else if (character !== " ") throw new BadSymbol(offset, `${JSON.stringify(character)} where a space is due`);
        spaceIsDue = !spaceIsDue;
        offset += character.length;
      }
      return symbols;
    },
    end() {
      if (spaceIsDue) throw new BadSymbol(0, "the text ends where a space is due");
      return [];
    },
  };
}

const WORD = /\n|\S+/gu;

function wordCutter(lineEnd?: string): Cutter {
  /** A word that may go on. */
  let begun = "";
  let lineBegun = false;
  const cut = (text: string): string[] => {
    const symbols: string[] = [];
    for (const [word] of text.matchAll(WORD)) {
      if (word !== "\n") symbols.push(word);
      else if (lineEnd !== undefined) symbols.push(lineEnd);
      lineBegun = word !== "\n";
    }
    return symbols;
  };
  return {
    push(part) {
      const text = begun + part;
      const goesOn = /\S+$/u.exec(text)?.index ?? text.length;
      begun = text.slice(goesOn);
      return cut(text.slice(0, goesOn));
    },
    end() {
      const symbols = cut(begun);
      return lineEnd !== undefined && lineBegun ? [...symbols, lineEnd] : symbols;
    },
  };
}

/** The least of a text, in characters, that tells whether a space follows each. */
const TELLING = 16;

/** Whether a space follows each character of a text, as far as its beginning tells. */
export function isSpaced(text: string): boolean {
  const even = text.slice(0, Math.min(text.length, 2 ** 15) & ~1);
  if (even.length < TELLING) return false;
  try {
    cutText(even, "spaced-characters");
    return true;
  } catch {
    return false;
  }
}
