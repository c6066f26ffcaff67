import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat): wat is List => Array.isArray(wat);

/** The list without `local.set`s of, and declarations of, locals that are not read. Values have no effects: nothing is lost. */
const without = (wat: List, read: ReadonlySet<string>): List =>
  wat
    .filter(
      (part) => !(isList(part) && (part[0] === "local.set" || part[0] === "local") && !read.has(part[1] as string)),
    )
    .map((part) => (isList(part) ? without(part, read) : part));

/**
 * A function without the locals it never reads: integers that were written out in indices, and bases that pointers
 * replaced. What only such a local is made of is not read either.
 */
export function withoutUnread(func: List): List {
  /** By local, what its values read; by "", what is read for anything else. */
  const reads = new Map<string, Set<string>>();
  const visit = (wat: Wat, by: string): void => {
    if (!isList(wat)) return;
    const [head, name] = wat as readonly [Wat, string];
    if (head === "local.get" || head === "local.tee") reads.set(by, (reads.get(by) ?? new Set()).add(name));
    for (const part of wat) visit(part, head === "local.set" ? name : by);
  };
  visit(func, "");
  const read = new Set(reads.get(""));
  for (const name of read) for (const other of reads.get(name) ?? []) read.add(other);
  return without(func, read);
}
