import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat): wat is List => Array.isArray(wat);

/** Calls `visit` with the name of every local that is read. */
function eachRead(wat: Wat, visit: (name: string) => void): void {
  if (!isList(wat)) return;
  if (wat[0] === "local.get" || wat[0] === "local.tee") visit(wat[1] as string);
  for (const part of wat) eachRead(part, visit);
}

/** The list without `local.set`s of, and declarations of, locals that are not read. Values have no effects: nothing is lost. */
const without = (wat: List, read: ReadonlySet<string>): List =>
  wat
    .filter(
      (part) => !(isList(part) && (part[0] === "local.set" || part[0] === "local") && !read.has(part[1] as string)),
    )
    .map((part) => (isList(part) ? without(part, read) : part));

/**
 * A function without the locals it never reads: integers that were written out in indices, and bases that pointers
 * replaced. Dropping one may leave another unread, so it goes on until nothing is dropped.
 */
export function withoutUnread(func: List): List {
  for (let now = func, count = -1; ; ) {
    const read = new Set<string>();
    eachRead(now, (name) => read.add(name));
    if (read.size === count) return now;
    count = read.size;
    now = without(now, read);
  }
}
