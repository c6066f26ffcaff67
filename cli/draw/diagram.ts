/** What a picture of a cell or model shows: its equations as boxes, and which of them reads which. */
import type { CellDecl, CellStmt, ModelDecl, ModelStmt } from "../../compiler/syntax/ast.ts";
import { printExpr, printStatement } from "../../compiler/syntax/print.ts";
import { namedScans, usedNames } from "../../compiler/syntax/used-names.ts";

export type BoxKind = "input" | "state" | "equation" | "site" | "scan" | "result";

/** A statement of the text. */
export interface Box {
  readonly kind: BoxKind;
  /** As it is written, on one line. */
  readonly text: string;
  /** The norm placed at a site. */
  readonly norm?: string;
  /** Of a state, and of the equation for its next value: which one, counting from 0. */
  readonly state?: number;
}

export interface Diagram {
  readonly boxes: readonly Box[];
  /** From a box to one that reads it, by their numbers. */
  readonly arrows: readonly (readonly [number, number])[];
}

/** The norm at the site `name`, as a reader would write it; undefined if there is none. */
export type NormAt = (name: string) => string | undefined;

/** Parameters, constants and dimensions are named in the boxes that use them, and have none of their own. */
export function diagramOf({ body }: CellDecl | ModelDecl, normAt: NormAt): Diagram {
  const boxes: Box[] = [];
  const arrows: (readonly [number, number])[] = [];
  const madeBy = new Map<string, number>();
  const states = body.flatMap((s) => (s.kind === "state" ? [s.name.text] : []));
  const add = (box: Box, names: readonly string[], reads: readonly string[]): void => {
    const at = boxes.push(box) - 1;
    for (const from of new Set(reads.map((name) => madeBy.get(name)))) if (from !== undefined) arrows.push([from, at]);
    for (const name of names) madeBy.set(name, at);
  };
  for (const s of body as readonly (CellStmt | ModelStmt)[]) {
    switch (s.kind) {
      case "param":
      case "const":
      case "dim":
      case "place":
        break;
      case "input":
      case "target":
        add({ kind: "input", text: textOf(s) }, [s.name.text], []);
        break;
      case "state":
        add({ kind: "state", text: textOf(s), state: states.indexOf(s.name.text) }, [s.name.text], []);
        break;
      case "site": {
        const norm = normAt(s.name.text);
        add({ kind: "site", text: textOf(s), ...(norm && { norm }) }, [s.name.text], usedNames(s.value));
        break;
      }
      case "let": {
        const next = s.names.find(({ primed }) => primed);
        const names = s.names.map(({ text, primed }) => (primed ? `${text}'` : text));
        const box: Box = {
          kind: s.value.kind === "scan" ? "scan" : "equation",
          text: textOf(s),
          ...(next && { state: states.indexOf(next.text) }),
        };
        add(box, [...names, ...namedScans(s.value)], usedNames(s.value));
        break;
      }
      case "output":
        for (const value of s.values) add({ kind: "result", text: `output ${printExpr(value)}` }, [], usedNames(value));
        break;
      case "loss":
      case "metric":
        add({ kind: "result", text: textOf(s) }, [], usedNames(s.value));
        break;
      default:
        s satisfies never;
    }
  }
  return { boxes, arrows };
}

/** A statement on one line, without the word `site`, which the picture shows by itself. */
function textOf(s: CellStmt | ModelStmt): string {
  const [head, type, value] = printStatement(s);
  const text = [
    head,
    ...(type === undefined ? [] : [`: ${type}`]),
    ...(value === undefined ? [] : [`= ${value}`]),
  ].join(" ");
  return text.replace(/^(site|input|state) /, "");
}
