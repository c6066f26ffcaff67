/** Accessors for chevrotain's concrete tree: children by rule name or label, tokens by type name or label. */
import type { CstElement, CstNode, IToken } from "chevrotain";
import type { Span } from "../diagnostics/span.ts";

function children(node: CstNode, key: string): readonly CstElement[] {
  return node.children[key] ?? [];
}

export function nodes(node: CstNode, key: string): readonly CstNode[] {
  return children(node, key).filter((c) => "children" in c);
}

export function tokens(node: CstNode, key: string): readonly IToken[] {
  return children(node, key).filter((c) => "image" in c);
}

export function maybeNode(node: CstNode, key: string): CstNode | undefined {
  return nodes(node, key)[0];
}

export function maybeToken(node: CstNode, key: string): IToken | undefined {
  return tokens(node, key)[0];
}

/** A child that the grammar guarantees in every statement it could read. */
export function node(parent: CstNode, key: string): CstNode {
  const found = maybeNode(parent, key);
  if (found === undefined) throw new Error(`internal: no \`${key}\` in the rule \`${parent.name}\``);
  return found;
}

/** A token that the grammar guarantees in every statement it could read. */
export function token(parent: CstNode, key: string): IToken {
  const found = maybeToken(parent, key);
  if (found === undefined) throw new Error(`internal: no \`${key}\` in the rule \`${parent.name}\``);
  return found;
}

const tokenExtent = ({ startOffset, image }: IToken): Extent => ({
  start: startOffset,
  end: startOffset + image.length,
});

export const tokenSpan = (token: IToken, file: string): Span => ({ file, ...tokenExtent(token) });

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Where the first token below a node starts and the last one ends. Nodes are nested, and each of them is asked for its span. */
const extents = new WeakMap<CstNode, Extent>();

function extentOf(node: CstNode): Extent {
  const known = extents.get(node);
  if (known !== undefined) return known;
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const group of Object.values(node.children)) {
    for (const child of group) {
      const inner = "children" in child ? extentOf(child) : tokenExtent(child);
      start = Math.min(start, inner.start);
      end = Math.max(end, inner.end);
    }
  }
  const extent = { start, end };
  extents.set(node, extent);
  return extent;
}

/** The span from the first to the last token below a node. Zero-width tokens count. */
export function nodeSpan(root: CstNode, file: string): Span {
  const { start, end } = extentOf(root);
  return { file, start: Math.min(start, end), end };
}
