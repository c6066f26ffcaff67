/** Reads the text form of IRs from left to right. White space and `//` comments separate tokens and mean nothing else. */

/** A text that does not parse, with the line (from 1) of the error. */
export class IrSyntaxError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.name = "IrSyntaxError";
    this.line = line;
  }
}

const space = /(?:\s|\/\/[^\n]*)*/y;

export class Reader {
  private readonly text: string;
  private at = 0;
  /** Where the last token begins. */
  private last = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** What `pattern` (sticky) matches next, or undefined. */
  tryMatch(pattern: RegExp): string | undefined {
    space.lastIndex = this.at;
    space.exec(this.text);
    pattern.lastIndex = space.lastIndex;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) {
      this.last = space.lastIndex;
      this.at = pattern.lastIndex;
    }
    return found;
  }

  match(pattern: RegExp, what: string): string {
    return this.tryMatch(pattern) ?? this.fail(`expected ${what}`);
  }

  /** Takes `token` if it comes next: a punctuation mark, or a whole word. */
  take(token: string): boolean {
    const escaped = token.replace(/[^\w]/g, "\\$&");
    return this.tryMatch(new RegExp(/\w$/.test(token) ? `${escaped}(?!\\w)` : escaped, "y")) !== undefined;
  }

  /** Whether `word` comes next, as a whole word. */
  sees(word: string): boolean {
    const { at, last } = this;
    const found = this.take(word);
    this.at = at;
    this.last = last;
    return found;
  }

  expect(token: string): void {
    if (!this.take(token)) this.fail(`expected "${token}"`);
  }

  word(what = "a name"): string {
    return this.match(/[A-Za-z_]\w*/y, what);
  }

  /** One of `words`. */
  oneOf<W extends string>(words: readonly W[]): W {
    return words.find((w) => this.take(w)) ?? this.fail(`expected ${words.join(" or ")}`);
  }

  string(): string {
    const found = this.match(/"(?:[^"\\\n]|\\.)*"/y, "a string");
    try {
      return JSON.parse(found) as string;
    } catch {
      return this.reject(`${found} is not a string`);
    }
  }

  number(): number {
    return Number(this.match(/-?(?:Infinity|\d+(?:\.\d+)?(?:e[-+]?\d+)?)|NaN/y, "a number"));
  }

  /** A dimension's text: `4H`, `D + 2H`. */
  dimension(): string {
    return this.match(/[-\w*/]+(?: *\+ *[-\w*/]+)*/y, "a dimension");
  }

  /** Items separated by commas, up to and including `end`. */
  list<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.take(end)) return items;
    do items.push(item());
    while (this.take(","));
    this.expect(end);
    return items;
  }

  end(): void {
    if (this.tryMatch(/[\s\S]/y) !== undefined) this.fail("expected the end of the text");
  }

  /** Throws: the next token is not what the grammar asks for. */
  fail(message: string): never {
    space.lastIndex = this.at;
    space.exec(this.text);
    return this.error(message, space.lastIndex);
  }

  /** Throws: the last token parses, but is wrong. */
  reject(message: string): never {
    return this.error(message, this.last);
  }

  private error(message: string, at: number): never {
    const rest = this.text.slice(at).split("\n", 1)[0];
    const here = rest === "" ? "at the end" : `at "${rest}"`;
    throw new IrSyntaxError(`${message}, ${here}`, this.text.slice(0, at).split("\n").length);
  }
}

/** A number that `Reader.number` reads back exactly. */
export function showNumber(n: number): string {
  return Object.is(n, -0) ? "-0" : String(n);
}
