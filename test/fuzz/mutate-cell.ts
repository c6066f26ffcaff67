/** Cells that somebody has damaged: by a slip of the keyboard, a merge, or on purpose. */

/** Numbers in [0, 1), as `Math.random` gives them; seeded, so that a finding can be had again. */
export type Random = () => number;

/** Text to insert where it does not belong: every symbol of the language, and what no cell should hold. */
const strange: readonly string[] = [
  ..."()[]{}<>=!+-*/@^,.:;'\"#$%&|~`\\?_",
  ...["//", "/*", "*/", "''", "==", "<=", "0", "1", "-1", "0.5", "1e999", "1e-60", "1e300", "99999999999999999999"],
  ...[
    "over",
    "scan",
    "like",
    "reset",
    "reverse",
    "with",
    "place",
    "site",
    "stat",
    "norm",
    "fn",
    "cell",
    "model",
    "import",
  ],
  ...["and", "or", "not", "range"],
  ...["none", "time", "batch", "feature", "first", "last", "index", "__proto__", "constructor", "toString", "length"],
  ...[
    "log(-1)",
    "0/0",
    "1/0",
    "split",
    "embed",
    "one_hot",
    "argmax",
    "iterate",
    "population",
    "ramp",
    "noise",
    "mask",
    "training",
  ],
  ...[
    "\u0000",
    "\u001b[31m",
    "\u009b2J",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\ud800",
    "é",
    "γ",
    "重",
    "🙂",
    "\r",
    "\f",
  ],
];

const pick = <T>(from: readonly T[], random: Random): T => from[Math.floor(random() * from.length)];

/** Words, numbers, marks, comments and the space between them: joined they are the text again. */
const pieces = (text: string): string[] => text.match(/\/\/[^\n]*|[A-Za-z_]\w*'*|\d+(?:\.\d+)?|\s+|[\s\S]/g) ?? [];

type Mutation = (parts: string[], at: number, random: Random) => void;

/** Each changes `parts` at one place. */
const mutations: readonly Mutation[] = [
  // A word is lost, doubled, or another's.
  (parts, at) => parts.splice(at, 1),
  (parts, at) => parts.splice(at, 0, parts[at]),
  (parts, at, random) => parts.splice(at, 1, pick(parts, random)),
  (parts, at, random) => parts.splice(at, 0, pick(strange, random)),
  (parts, at, random) => parts.splice(at, 1, pick(strange, random)),
  // Two words change places.
  (parts, at, random) => {
    const other = Math.floor(random() * parts.length);
    [parts[at], parts[other]] = [parts[other], parts[at]];
  },
  // A part is lost, or is repeated.
  (parts, at, random) => parts.splice(at, 1 + Math.floor(random() * 20)),
  (parts, at, random) => {
    const stretch = parts.slice(at, at + 1 + Math.floor(random() * 8));
    const times = 2 + Math.floor(random() ** 4 * 300);
    parts.splice(at, 0, ...Array.from({ length: times }, () => stretch.join("")));
  },
  // A letter is another.
  (parts, at, random) => {
    const word = parts[at];
    const where = Math.floor(random() * word.length);
    parts[at] = word.slice(0, where) + String.fromCharCode(32 + Math.floor(random() * 95)) + word.slice(where + 1);
  },
  // The text ends in the middle.
  (parts, at) => parts.splice(at),
];

/** `text` with one to four things wrong with it. The same for the same numbers of `random`. */
export function mutateCell(text: string, random: Random): string {
  const parts = pieces(text);
  const count = 1 + Math.floor(random() * 4);
  for (let i = 0; i < count && parts.length > 0; i++)
    pick(mutations, random)(parts, Math.floor(random() * parts.length), random);
  return parts.join("");
}
