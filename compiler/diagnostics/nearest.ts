/**
 * The candidate that `word` was most likely meant to be: at most two edits away (a letter added, dropped, changed, or
 * two neighbours swapped; Damerau–Levenshtein), and fewer edits than half the word, so that `x` never becomes `hh`. Of two at the
 * same distance, one with the same letters is the likelier: `tahn` is `tanh`, not `tan`.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    const sameLetters = candidate.toLowerCase() === word.toLowerCase();
    const edits = sameLetters ? 0 : distance(word, candidate) - (sorted(word) === sorted(candidate) ? 0.5 : 0);
    if (edits < least && edits * 2 <= Math.max(word.length, candidate.length) && edits < candidate.length) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

const sorted = (word: string): string => [...word].sort().join("");

/** A help line with the nearest candidate, if one is near enough. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  const best = nearest(text, [...candidates]);
  return best === undefined ? undefined : `did you mean \`${best}\`?`;
}

/** A help line with the nearest candidate, if one is near enough, and with all of them, if there are few: `it has a, b`. */
export function choices(text: string, candidates: readonly string[], has: string, none: string): string {
  const best = nearest(text, candidates);
  const shown = candidates.slice(0, MOST_SHOWN);
  const others = candidates.length > shown.length ? " …" : "";
  const list = candidates.length === 0 ? none : `${has} ${shown.join(", ")}${others}`;
  return best === undefined || candidates.length === 1 ? list : `did you mean \`${best}\`? ${list}`;
}

/** More names than this do not help. */
const MOST_SHOWN = 12;

/** Damerau–Levenshtein distance (optimal string alignment). */
export function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}
