/** Which names an expression uses. */
import type { Expr } from "./ast.ts";

/** The names of values in `e`, as they are written: `h'`. Names of functions, cells and axes are none. */
export function usedNames(e: Expr): readonly string[] {
  switch (e.kind) {
    case "number":
      return [];
    case "name":
      return [e.name.primed ? `${e.name.text}'` : e.name.text];
    case "list":
      return e.items.flatMap(usedNames);
    case "part": {
      const bounds = e.parts.flatMap((p) => (p.kind === "entry" ? [p.at] : [p.from, p.to]));
      return [e.of, ...bounds].flatMap((x) => (x === undefined ? [] : usedNames(x)));
    }
    case "unary":
      return usedNames(e.operand);
    case "binary":
      return [...usedNames(e.left), ...usedNames(e.right)];
    case "call":
      return e.args.flatMap((a) => usedNames(a.value));
    case "scan":
      return e.over.flatMap(usedNames);
    default:
      return e satisfies never;
  }
}
