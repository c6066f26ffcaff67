import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat): wat is List => Array.isArray(wat);

/** Forms that contain statements. No other form contains a `local.set`, since values have no effects. */
const blocks: ReadonlySet<Wat> = new Set(["func", "loop", "if", "then", "else"]);

/** The block without `local.set`s of, and declarations of, locals that are not read. */
const without = (block: List, read: ReadonlySet<string>): List =>
  block.flatMap((part): List => {
    if (!isList(part)) return [part];
    const [head, name] = part;
    if (blocks.has(head)) return [without(part, read)];
    return (head === "local.set" || head === "local") && !read.has(name as string) ? [] : [part];
  });

/**
 * A function without the locals that it never reads: integers that were substituted into indices, and bases that pointers
 * replaced. A local that is only read by such a one is not needed either.
 */
export function withoutUnread(func: List): List {
  /** By local, what its values read; by "", what is read for anything else. */
  const reads = new Map<string, Set<string>>();
  const visit = (wat: List, by: string): void => {
    const head = wat[0];
    const name = wat[1] as string;
    if (head === "local.get" || head === "local.tee") {
      const known = reads.get(by);
      if (known === undefined) reads.set(by, new Set([name]));
      else known.add(name);
    }
    const reader = head === "local.set" ? name : by;
    for (let i = 1; i < wat.length; i++) {
      const part = wat[i];
      if (typeof part !== "string" && isList(part)) visit(part, reader);
    }
  };
  visit(func, "");
  const read = new Set(reads.get(""));
  for (const name of read) for (const other of reads.get(name) ?? []) read.add(other);
  return without(func, read);
}
