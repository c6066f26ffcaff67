/** A syntax tree as a text that is read much faster than the text that it is a tree of. */
import type { Span } from "../../diagnostics/span.ts";
import type { File } from "../../syntax/ast.ts";

const isSpan = (value: unknown): value is Span =>
  typeof value === "object" && value !== null && "file" in value && "start" in value && "end" in value;

/** The names of what is a span in a tree. */
const NAMED = /^(?:span|.+Span)$/;

/** The text of a tree, in which a span takes two numbers. Throws if a span has a name by which `unpacked` would not know it. */
export function packed(tree: File): string {
  return JSON.stringify(tree, (name, value: unknown) => {
    if (isSpan(value) !== NAMED.test(name)) throw new Error(`whether ${name} is a span should be seen by its name`);
    return isSpan(value) ? [value.start, value.end] : value;
  });
}

/** The tree of a text that `packed` made. `file` is the name in its spans. */
export function unpacked(text: string, file: string): File {
  const tree = JSON.parse(text) as File & Record<string, unknown>;
  restoreSpans(tree, file);
  return tree;
}

function restoreSpans(node: Record<string, unknown>, file: string): void {
  for (const name in node) {
    const value = node[name];
    if (typeof value !== "object" || value === null) continue;
    if (NAMED.test(name)) {
      const [start, end] = value as readonly [number, number];
      node[name] = { file, start, end } satisfies Span;
    } else restoreSpans(value as Record<string, unknown>, file);
  }
}
