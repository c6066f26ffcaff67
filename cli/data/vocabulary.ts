/** Numbers for symbols: words, characters or classes. */

/** The symbol that stands for those that a vocabulary lacks. */
export const UNKNOWN = "<unk>";

/** Plain JSON: it is kept in the checkpoint. */
export interface Vocabulary {
  /** A symbol's number is its place. */
  readonly names: readonly string[];
  /** How often each is in the training part; at the unknown one, how many symbols it stands for there. */
  readonly counts: readonly number[];
  /** Whether the last name, which is `UNKNOWN`, stands for all that are not there. */
  readonly unknown: boolean;
}

export interface VocabularyOptions {
  /** Keeps the most frequent symbols, this many with the unknown one, which all others become. At least 2. Default: all symbols. */
  readonly most?: number;
  /** Whether symbols that are not there become the unknown one, rather than an error. Default: only with `most`. */
  readonly unknown?: boolean;
}

/** What is not in a vocabulary. */
export class UnknownSymbol extends Error {
  readonly symbol: string;

  constructor(symbol: string) {
    super(`${JSON.stringify(symbol)} is not in the training part`);
    this.name = "UnknownSymbol";
    this.symbol = symbol;
  }
}

/**
 * A vocabulary of symbols and how often each is in the training part. Its order depends on nothing but the symbols: numbers by size, then
 * texts by their characters' codes, and the unknown one last. Of equally frequent symbols the first in this order is kept. Throws
 * RangeError if `most` is no whole number from 2 on.
 */
export function makeVocabulary(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
  const { most = Number.POSITIVE_INFINITY, unknown = options.most !== undefined } = options;
  if (most !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(most) || most < 2))
    throw new RangeError(`a vocabulary of ${most} symbols: want a whole number from 2 on`);
  const found = [...counts].filter(([symbol]) => !unknown || symbol !== UNKNOWN).sort(([a], [b]) => inOrder(a, b));
  const room = unknown ? most - 1 : most;
  // Sorting keeps the order of what is equally frequent.
  const kept = found.length <= room ? found : found.toSorted(([, a], [, b]) => b - a).slice(0, room);
  if (kept.length < found.length && !unknown)
    throw new RangeError(`${found.length} symbols do not fit into ${most} places without one for the unknown`);
  const total = (entries: readonly (readonly [string, number])[]): number =>
    entries.reduce((sum, [, count]) => sum + count, 0);
  const entries = kept.toSorted(([a], [b]) => inOrder(a, b));
  const rest = total(found) - total(entries) + (counts.get(UNKNOWN) ?? 0);
  const all = unknown ? [...entries, [UNKNOWN, rest] as const] : entries;
  return { names: all.map(([symbol]) => symbol), counts: all.map(([, count]) => count), unknown };
}

/** The number of a symbol in a vocabulary. The function throws `UnknownSymbol` for one that it lacks, if it has no unknown one. */
export function encoderOf({ names, unknown }: Pick<Vocabulary, "names" | "unknown">): (symbol: string) => number {
  const places = new Map(names.map((symbol, place) => [symbol, place]));
  return (symbol) => {
    const place = places.get(symbol);
    if (place !== undefined) return place;
    if (unknown) return names.length - 1;
    throw new UnknownSymbol(symbol);
  };
}

/** The order of symbols: numbers by their size, before texts by their characters' codes. */
export function inOrder(a: string, b: string): number {
  const [x, y] = [sizeOf(a), sizeOf(b)];
  if (x !== undefined && y !== undefined && x !== y) return x - y;
  if ((x === undefined) !== (y === undefined)) return x === undefined ? 1 : -1;
  return a < b ? -1 : Number(a > b);
}

function sizeOf(symbol: string): number | undefined {
  const number = symbol.trim() === "" ? Number.NaN : Number(symbol);
  return Number.isNaN(number) ? undefined : number;
}
