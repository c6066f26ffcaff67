/** Which names an expression uses, and which it declares. */
import type { Expr } from "./ast.ts";

/** The names of values and of scans in `e`, as they are written: `h'`. Names of functions, cells and axes are none. */
export function usedNames(e: Expr): readonly string[] {
  if (e.kind === "name") return [e.name.primed ? `${e.name.text}'` : e.name.text];
  if (e.kind === "member") return [e.of.text];
  return parts(e).flatMap(usedNames);
}

/** The names that scans in `e` give themselves: `enc` of `scan lstm(D, H) as enc over x`. */
export function namedScans(e: Expr): readonly string[] {
  const own = e.kind === "scan" && e.as !== undefined ? [e.as.text] : [];
  return [...own, ...parts(e).flatMap(namedScans)];
}

/** The expressions in `e`, in the order of the text. */
function parts(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "number":
    case "string":
    case "name":
    case "member":
      return [];
    case "list":
      return e.items;
    case "part": {
      const bounds = e.parts.flatMap((p) => (p.kind === "entry" ? [p.at] : [p.from, p.to]));
      return [e.of, ...bounds].filter((x) => x !== undefined);
    }
    case "unary":
      return [e.operand];
    case "binary":
      return [e.left, e.right];
    case "call":
      return e.args.map((a) => a.value);
    case "scan":
      return [
        ...e.args.map((a) => a.value),
        ...e.over,
        ...(e.reset ? [e.reset] : []),
        ...e.from.map((first) => first.value),
      ];
    default:
      return e satisfies never;
  }
}
