/** The last touches to a printed file, as a careful person would give them: nothing unused, and no long lines. */

/** Longer lines are broken where brackets are open. */
const WIDEST = 110;

/** Modules and names that a file may import, in the order of its imports; a line is printed for what is used. */
export interface Imports {
  /** `import math`. */
  readonly modules: readonly string[];
  /** `from typing import List, Optional`. */
  readonly from: readonly { readonly module: string; readonly names: readonly string[] }[];
}

/** The words of Python's text outside of comments, strings and docstrings, but for annotations in quotes, which are not printed. */
export function wordsIn(lines: readonly string[]): ReadonlySet<string> {
  const code = lines.join("\n").replace(/"""[\s\S]*?"""/g, "");
  // In an f-string, what is between braces is code.
  return new Set(code.match(/[A-Za-z_]\w*/g) ?? []);
}

/** Import lines for what `lines` use. */
export function importsFor(lines: readonly string[], { modules, from }: Imports): readonly string[] {
  const used = wordsIn(lines);
  return [
    ...modules.flatMap((name) => {
      const known = name.split(" as ").at(-1)!.split(".")[0];
      return used.has(known) ? [`import ${name}`] : [];
    }),
    ...from.flatMap(({ module, names }) => {
      const needed = names.filter((name) => used.has(name));
      return needed.length === 0 ? [] : [`from ${module} import ${needed.join(", ")}`];
    }),
  ];
}

/** The lines of a method without assignments to `names` that nothing reads. */
export function withoutUnused(lines: readonly string[], names: readonly string[]): readonly string[] {
  const left = lines.flatMap((line) => keptOf(line, lines, names));
  return left.join("\n") === lines.join("\n") ? left : withoutUnused(left, names);
}

function keptOf(line: string, lines: readonly string[], names: readonly string[]): readonly string[] {
  const isUsed = (name: string, own: string): boolean =>
    lines.some((line) => line !== own && new RegExp(`(?<![\\w.])${name}\\b`).test(line));
  const found = /^(\w+(?:, \w+)*) = (.*)$/.exec(line);
  if (!found) return [line];
  const targets = found[1].split(", ");
  const values = targets.length === 1 ? [found[2]] : splitAtCommas(found[2]);
  if (!targets.every((target) => names.includes(target)) || values.length !== targets.length) return [line];
  const kept = targets.flatMap((target, i) => (isUsed(target, line) ? [i] : []));
  if (kept.length === 0) return [];
  return [`${kept.map((i) => targets[i]).join(", ")} = ${kept.map((i) => values[i]).join(", ")}`];
}

/** Text cut at the commas outside of brackets and strings. */
export function splitAtCommas(text: string): readonly string[] {
  const parts: string[] = [];
  let from = 0;
  for (const at of openings(text, 0, text.length).filter(({ depth, symbol }) => depth === 0 && symbol === ",")) {
    parts.push(text.slice(from, at.at).trim());
    from = at.at + 1;
  }
  return [...parts, text.slice(from).trim()];
}

interface Place {
  readonly at: number;
  readonly symbol: string;
  readonly depth: number;
}

/** The brackets and commas of a piece of code, each with how many brackets are open around it. */
function openings(text: string, from: number, to: number): readonly Place[] {
  const places: Place[] = [];
  let depth = 0;
  for (let at = from; at < to; at++) {
    const symbol = text[at];
    if (symbol === '"' || symbol === "'") {
      // The frame's strings have no quotes in them.
      at = text.indexOf(symbol, at + 1);
      if (at < 0) return places;
    } else if ("([{".includes(symbol)) places.push({ at, symbol, depth: depth++ });
    else if (")]}".includes(symbol)) places.push({ at, symbol, depth: --depth });
    else if (symbol === ",") places.push({ at, symbol, depth });
  }
  return places;
}

/** Breaks long lines of code; what has no brackets with something between them stays as it is. */
export function wrapped(lines: readonly string[]): readonly string[] {
  let inText = false;
  return lines.flatMap((line) => {
    const quotes = line.split('"""').length - 1;
    const isText = inText || quotes > 0;
    if (quotes % 2 === 1) inText = !inText;
    return isText || line.length <= WIDEST ? [line] : broken(line);
  });
}

/** Puts what is between the outermost brackets on lines of its own: the pair that has most in it. */
function broken(line: string): readonly string[] {
  const margin = /^ */.exec(line)![0];
  const places = openings(line, margin.length, line.length);
  const pairs = places.flatMap((open, i) => {
    if (!"([{".includes(open.symbol) || open.depth > 0) return [];
    const close = places.slice(i + 1).find((p) => ")]}".includes(p.symbol) && p.depth === open.depth);
    return close && close.at > open.at + 1 ? [{ from: open.at, to: close.at }] : [];
  });
  if (pairs.length === 0) return [line];
  const widest = pairs.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a));
  const inner = line.slice(widest.from + 1, widest.to);
  const open = line.slice(0, widest.from + 1);
  const rest = line.slice(widest.to);
  // A call without commas is an expression: it stays in one piece on a line of its own.
  const items = splitAtCommas(inner);
  const more = `${margin}    `;
  const isCode = !/ (for|in) /.test(inner) || items.length > 1;
  const oneLine = `${more}${inner}`;
  if (items.length === 1 || !isCode)
    return oneLine.length < line.length ? [open, ...again(oneLine), `${margin}${rest}`] : [line];
  if (oneLine.length <= WIDEST) return [open, oneLine, ...again(`${margin}${rest}`)];
  return [open, ...items.flatMap((item) => again(`${more}${item},`)), ...again(`${margin}${rest}`)];
}

const again = (line: string): readonly string[] => (line.length <= WIDEST ? [line] : broken(line));
