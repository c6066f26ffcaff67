/** The files of a typed module, by path. */
import { basename, dirname, extname, join } from "node:path";
import type { ModuleDescription } from "../../targets/ts/description.ts";
import { exit, Failure } from "../failure.ts";
import { loadPrinter } from "./printer.ts";

/** File contents by path. */
export type ModuleFiles = ReadonlyMap<string, string>;

/** Where the module of `name` goes: `out` itself if it is a file, else a file in that folder. Errors: C0301, for another kind of file. */
export function modulePath(out: string, name: string): string {
  const extension = extname(out);
  if (extension === ".ts" || extension === ".js") return out;
  if (extension === ".mts" || extension === ".cts" || extension === ".mjs" || extension === ".cjs")
    throw new Failure("C0301", exit.usage, `a module is a .ts or a .js file, not ${extension}`, "or give a folder");
  return join(out, `${name}.ts`);
}

/** A TypeScript module; or for a path that ends with `.js`, JavaScript and its declarations. */
export async function filesOfModule(module: ModuleDescription, path: string): Promise<ModuleFiles> {
  const { moduleText, javaScriptOf, declarationsOf } = await loadPrinter();
  const text = await moduleText(module);
  if (extname(path) === ".ts") return new Map([[path, text]]);
  return new Map([
    [path, await javaScriptOf(text)],
    [`${path.slice(0, -".js".length)}.d.ts`, `${commentLines(module)}${await declarationsOf(text)}`],
  ]);
}

/**
 * The types of `import … from "./NAME.cell"`: NAME.d.cell.ts beside the cell, and a map that leads an editor from a name to the
 * cell's text.
 */
export async function filesOfTypes(module: ModuleDescription, cell: string): Promise<ModuleFiles> {
  const { moduleText, declarationsOf, declarationMap } = await loadPrinter();
  const name = `${basename(cell, ".cell")}.d.cell.ts`;
  const declarations = `${commentLines(module)}${await declarationsOf(await moduleText(module))}//# sourceMappingURL=${name}.map\n`;
  const path = join(dirname(cell), name);
  return new Map([
    [path, declarations],
    [`${path}.map`, await declarationMap(module, declarations, name)],
  ]);
}

/** The declarations alone have lost the comments that the module's text begins with. */
const commentLines = ({ header }: ModuleDescription): string =>
  [...header.map((line) => `// ${line.replace(/[\r\n\u2028\u2029]/g, " ")}`), "/* eslint-disable */", ""].join("\n");
