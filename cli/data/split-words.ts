/**
 * The words by which names say a split, as Hugging Face's hub reads them (docs: "Structure your repository"): the word stands at the begin
 * or end of the name, or between characters that are neither letters nor of a word.
 */
import type { Split } from "./task.ts";

/** In lower case. The first word of each is the name of the split itself. */
const WORDS: Readonly<Record<Split, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "val", "dev"],
  test: ["test", "testing", "eval", "evaluation"],
};

const SPLIT_OF_WORD: ReadonlyMap<string, Split> = new Map(
  (Object.keys(WORDS) as Split[]).flatMap((split) => WORDS[split].map((word) => [word, split] as const)),
);

/** The split that a word is the name of; upper case does not matter. */
export const splitNamed = (word: string): Split | undefined => SPLIT_OF_WORD.get(word.toLowerCase());

/** The splits that words in `name` say, each once: `train-00000-of-00002` says train, `contest` says none. */
export function splitsIn(name: string): readonly Split[] {
  const words = name.toLowerCase().split(/[-._\s\d/]+/);
  return [...new Set(words.flatMap((word) => splitNamed(word) ?? []))];
}

/** What an array is called apart from its split, which its last word says, or its first: `x_train`, `train_x`. */
export function splitOfName(name: string): { readonly name: string; readonly split: Split | undefined } {
  const [, before, last] = /^(.+)[_.-]([a-z]+)$/i.exec(name) ?? [];
  const atEnd = last && splitNamed(last);
  if (atEnd) return { name: before, split: atEnd };
  const [, first, after] = /^([a-z]+)[_.-](.+)$/i.exec(name) ?? [];
  const atBegin = first && splitNamed(first);
  return atBegin ? { name: after, split: atBegin } : { name, split: undefined };
}
