/** The source map of a module's declarations: it leads each name to where the cell's text declares it. */
import type { Node } from "ts-morph";
import type { ModuleDescription, Named, Place, Tensors } from "./description.ts";
import { exportedName, interfaceOf } from "./module-text.ts";

/** A line and a column, from 0 on; columns in UTF-16 units. */
interface Position {
  readonly line: number;
  readonly column: number;
}

interface Mapping {
  readonly from: Position;
  readonly source: number;
  readonly to: Position;
}

/**
 * The map of `declarations`, the text of `fileName`, as JSON (https://tc39.es/ecma426). Editors follow it from a name to the cell's
 * file.
 */
export async function declarationMap(
  module: ModuleDescription,
  declarations: string,
  fileName: string,
): Promise<string> {
  const { sources } = module;
  const mappings = (await places(module, declarations)).flatMap(({ at, end, place }): readonly Mapping[] => {
    const source = sources.findIndex(({ file }) => file === place.file);
    if (source < 0) return [];
    const { text } = sources[source];
    return [
      { from: positionAt(declarations, at), source, to: positionAt(text, place.start) },
      { from: positionAt(declarations, end), source, to: positionAt(text, place.end) },
    ];
  });
  const map = {
    version: 3,
    file: fileName,
    sources: sources.map(({ path }) => path),
    names: [],
    mappings: encode(mappings),
  };
  return `${JSON.stringify(map)}\n`;
}

interface Known {
  /** Where its name stands in the declarations. */
  readonly at: number;
  readonly end: number;
  readonly place: Place;
}

/** The names of the declarations that the cell's text declares. */
async function places(module: ModuleDescription, declarations: string): Promise<readonly Known[]> {
  const { Project } = await import("ts-morph");
  const project = new Project({ useInMemoryFileSystem: true });
  const file = project.createSourceFile("module.d.ts", declarations);
  const of = (node: Node, named: Named | undefined): readonly Known[] =>
    named?.place === undefined ? [] : [{ at: node.getStart(), end: node.getEnd(), place: named.place }];
  const groups = Object.entries(interfaceOf) as readonly (readonly [keyof Tensors | "dims" | "metrics", string])[];
  const members = groups.flatMap(([group, interfaceName]) =>
    file
      .getInterfaceOrThrow(interfaceName)
      .getProperties()
      .flatMap((property, i) => {
        return of(property.getNameNode(), module[group][i]);
      }),
  );
  const entry = of(file.getVariableDeclarationOrThrow(exportedName(module)).getNameNode(), module.entry);
  return [...members, ...entry].sort((a, b) => a.at - b.at);
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length - 1, column: before[before.length - 1].length };
}

/** The mappings in the order of the declarations, each relative to the one before. */
function encode(mappings: readonly Mapping[]): string {
  let lines = "";
  let before = { line: 0, column: 0, source: 0, toLine: 0, toColumn: 0 };
  for (const { from, source, to } of mappings) {
    const isNewLine = from.line > before.line;
    if (isNewLine) lines += ";".repeat(from.line - before.line);
    else if (lines !== "" && !lines.endsWith(";")) lines += ",";
    lines += quantity(from.column - (isNewLine ? 0 : before.column));
    lines += quantity(source - before.source);
    lines += quantity(to.line - before.toLine);
    lines += quantity(to.column - before.toColumn);
    before = { line: from.line, column: from.column, source, toLine: to.line, toColumn: to.column };
  }
  return lines;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A number in base 64, five bits a digit, the lowest first; the lowest bit is the sign. */
function quantity(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += digits[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}
