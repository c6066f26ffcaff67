/** Mistakes that people and machines make in `.cell` texts, as changes at random places. */
import { reservedWords } from "../../compiler/syntax/tokens.ts";
import type { Random } from "./random.ts";

/** Numbers at the edges: of whole numbers, of f32, of f64, of what a constant may be. */
export const hostileNumbers: readonly string[] = [
  ...[
    "0",
    "1",
    "2",
    "3",
    "7",
    "0.5",
    "1e-5",
    "1e-30",
    "1e-45",
    "1e-324",
    "3.4e38",
    "3.5e38",
    "1e300",
    "1e999",
    "65504",
  ],
  ...["2147483647", "2147483648", "4294967296", "9007199254740993", "1.0000001", "-1", "(0 - 1)", "(0/0)", "(1/0)"],
  ...["log(0)", "log(-1)", "sqrt(-1)", "(0 - 0)", "(-1)^0.5"],
];

/** Names that mean something to JavaScript, to a target or to a terminal, or that are no names. */
const hostileNames: readonly string[] = [
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "valueOf", "then", "undefined", "NaN"],
  ...[
    "batch",
    "time",
    "steps",
    "feature",
    "last",
    "none",
    "over",
    "with",
    "h",
    "h'",
    "h''",
    "_",
    "main",
    "var",
    "loop",
  ],
  ...[
    "t",
    "T",
    "gx",
    "env",
    "memory",
    "param",
    "grad",
    "slot",
    "a".repeat(300),
    "é",
    "x\u202e",
    "\u001b[31mred\u001b[0m",
  ],
];

const characters: readonly string[] = [..."(){}[],;:=+-*/@^'\"<>.!\\&|%$#~`?\t\r\0\u0007\u2028\ufeff\ud800é∂𝒙"];

const WORD = /([A-Za-z_]\w*'*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[<>=!]=|[^\s\w])/;
const isNumber = (word: string): boolean => /^\d/.test(word);
const isName = (word: string): boolean => /^[A-Za-z_]/.test(word);

/** A text with a few changes. `texts`: others, for words and lines to take. */
export function changeText(text: string, texts: readonly string[], random: Random): string {
  let changed = text;
  // Mostly one, so that many still compile, and few give more messages than one.
  for (let left = random.pick([1, 1, 1, 2, 4]); left > 0; left--)
    changed = random.pick(changes)(changed, random, texts);
  return changed;
}

type Change = (text: string, random: Random, texts: readonly string[]) => string;

/** Splits into words and what is between them, lets `change` work on one that `wanted` likes, and joins again. */
function onWord(
  text: string,
  random: Random,
  wanted: (word: string) => boolean,
  change: (words: string[], at: number) => void,
): string {
  const words = text.split(WORD);
  const places = words.flatMap((word, at) => (at % 2 === 1 && wanted(word) ? [at] : []));
  if (places.length > 0) change(words, random.pick(places));
  return words.join("");
}

function onLine(text: string, random: Random, change: (lines: string[], at: number) => void): string {
  const lines = text.split("\n");
  change(lines, random.below(lines.length));
  return lines.join("\n");
}

const any = (): boolean => true;

function otherWord(texts: readonly string[], random: Random): string {
  if (random.chance(0.2)) return random.pick(reservedWords);
  const words = random
    .pick(texts)
    .split(WORD)
    .filter((_, at) => at % 2 === 1);
  return words.length === 0 ? "x" : random.pick(words);
}

const changes: readonly Change[] = [
  // A word is missing, is there twice, has changed places with the next or another, or is another.
  (text, random) => onWord(text, random, any, (words, at) => void words.splice(at, 1, "")),
  (text, random) => onWord(text, random, any, (words, at) => void words.splice(at, 1, `${words[at]} ${words[at]}`)),
  (text, random) =>
    onWord(text, random, any, (words, at) => {
      const other = at + 2 < words.length && random.chance(0.5) ? at + 2 : 2 * random.below((words.length - 1) / 2) + 1;
      [words[at], words[other]] = [words[other], words[at]];
    }),
  (text, random, texts) => onWord(text, random, any, (words, at) => void words.splice(at, 1, otherWord(texts, random))),
  // A name for a name, an operator for an operator: what still reads.
  (text, random) =>
    onWord(text, random, isName, (words, at) => {
      const names = words.filter((word, i) => i % 2 === 1 && isName(word));
      words[at] = random.pick(names);
    }),
  (text, random) =>
    onWord(
      text,
      random,
      (word) => /^[-+*/@^]$/.test(word),
      (words, at) => void words.splice(at, 1, random.pick(["+", "-", "*", "/", "@", "^", "<", "==", "and", "or"])),
    ),
  (text, random) =>
    onWord(text, random, isNumber, (words, at) => void words.splice(at, 1, random.pick(hostileNumbers))),
  // A value becomes a number, or goes through a function.
  (text, random) => onWord(text, random, isName, (words, at) => void words.splice(at, 1, random.pick(hostileNumbers))),
  (text, random) =>
    onWord(text, random, isName, (words, at) => {
      const functions = [
        "tanh",
        "exp",
        "log",
        "sqrt",
        "abs",
        "softmax",
        "relu",
        "sigmoid",
        "softplus",
        "expm1",
        "log1p",
        "erf",
        "atan",
        "mean",
        "sum",
        "split",
      ];
      words[at] = `${random.pick(functions)}(${words[at]})`;
    }),
  // A name is another, at one place or everywhere.
  (text, random) => onWord(text, random, isName, (words, at) => void words.splice(at, 1, random.pick(hostileNames))),
  (text, random) =>
    onWord(text, random, isName, (words, at) => {
      const [old, name] = [words[at], random.pick(hostileNames)];
      words.forEach((word, i) => {
        if (word.replace(/'+$/, "") === old.replace(/'+$/, ""))
          words[i] = name + word.slice(word.replace(/'+$/, "").length);
      });
    }),
  (text, random) => onLine(text, random, (lines, at) => void lines.splice(at, 1)),
  (text, random) => onLine(text, random, (lines, at) => void lines.splice(random.below(lines.length), 0, lines[at])),
  (text, random) =>
    onLine(text, random, (lines, at) => {
      const other = random.below(lines.length);
      [lines[at], lines[other]] = [lines[other], lines[at]];
    }),
  (text, random, texts) =>
    onLine(text, random, (lines, at) => void lines.splice(at, 0, random.pick(random.pick(texts).split("\n")))),
  // The head of one text and the tail of another.
  (text, random, texts) => {
    const other = random.pick(texts);
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length + 1));
  },
  (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.pick(characters) + text.slice(at + random.below(2));
  },
];
