/**
 * WebAssembly text as data: an atom (`local.get`, `$i`, `12`), a line comment, or a list.
 */
export type Wat = string | { readonly comment: string } | readonly Wat[];

const width = 116;

const isList = (wat: Wat): wat is readonly Wat[] => Array.isArray(wat);

/** The form on one line; undefined if it contains a comment or is longer than `room`. */
function flat(wat: Wat, room: number): string | undefined {
  if (typeof wat === "string") return wat.length <= room ? wat : undefined;
  if (!isList(wat)) return undefined;
  let text = "(";
  for (const part of wat) {
    const inner = flat(part, room - text.length);
    if (inner === undefined) return undefined;
    text += text === "(" ? inner : ` ${inner}`;
  }
  return text.length < room ? `${text})` : undefined;
}

const isLocal = (wat: Wat): boolean => isList(wat) && wat[0] === "local";

/** Forms whose parts always have a line each, so that a body reads like a program. */
const blocks: ReadonlySet<Wat> = new Set(["module", "func", "loop", "block", "then", "else"]);

/**
 * Lines of folded S-expressions. What fits is on one line; otherwise the atoms stay with the head, and every list inside gets lines
 * of its own, two spaces further in.
 */
export function watLines(wat: Wat, indent = 0): string[] {
  const margin = " ".repeat(indent);
  if (typeof wat === "string") return [margin + wat];
  if (!isList(wat)) return [`${margin};;${wat.comment === "" ? "" : ` ${wat.comment}`}`];
  const whole = blocks.has(wat[0]) && wat.length > 2 ? undefined : flat(wat, width - indent);
  if (whole !== undefined) return [margin + whole];

  // The head line: leading atoms, and for a function its export, parameters and result.
  let head = `${margin}(`;
  let at = 0;
  for (; at < wat.length; at++) {
    const part = wat[at];
    const onHead =
      typeof part === "string" || (isList(part) && ["export", "param", "result"].includes(part[0] as string));
    if (!onHead) break;
    const text = flat(part, Number.POSITIVE_INFINITY) as string;
    head += at === 0 ? text : ` ${text}`;
  }
  const lines = [head];
  for (const part of wat.slice(at)) {
    const below = watLines(part, indent + 2);
    // Declarations of locals share lines.
    const room = width - lines[lines.length - 1].length;
    if (isLocal(part) && lines.length > 1 && below[0].trim().length < room)
      lines[lines.length - 1] += ` ${below[0].trim()}`;
    else lines.push(...below);
  }
  // A bracket after a comment would be part of it.
  const last = lines[lines.length - 1];
  if (last.trimStart().startsWith(";;")) lines.push(`${margin})`);
  else lines[lines.length - 1] = `${last})`;
  return lines;
}

/** The forms of a text: the inverse of `watLines`. Strings must not contain brackets or blanks. */
export function readWat(text: string): readonly Wat[] {
  const open: Wat[][] = [[]];
  for (const [token] of text.matchAll(/;;[^\n]*|[()]|[^\s()]+/g)) {
    const here = open[open.length - 1];
    if (token === "(") {
      const list: Wat[] = [];
      here.push(list);
      open.push(list);
    } else if (token === ")") open.pop();
    else here.push(token.startsWith(";;") ? { comment: token.slice(2).trim() } : token);
  }
  return open[0];
}
