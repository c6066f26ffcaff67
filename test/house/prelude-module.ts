/**
 * Writes the prelude's texts down as a module, so that the compiler needs no files. `npm run build` runs it; a test says when the
 * module is not what the `.cell` files say.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../../compiler/semantics/prelude/", import.meta.url);
const fileOf = (path: string): string => fileURLToPath(new URL(path, folder));

/** In the order in which they are read: a file uses only those before it. */
const names = ["functions", "norms"];

/** The text of `compiler/semantics/prelude/texts.ts`. */
export function preludeModule(): string {
  const entries = names.flatMap((name) => [
    "  [",
    `    "prelude/${name}.cell",`,
    `    ${quoted(readFileSync(fileOf(`${name}.cell`), "utf8"))},`,
    "  ],",
  ]);
  return [
    "/** The `.cell` files of this folder, by the paths that spans name. Made by `npm run build:prelude`: edit those, not this. */",
    "export const preludeTexts: readonly (readonly [path: string, text: string])[] = [",
    ...entries,
    "];",
    "",
  ].join("\n");
}

/** A text between backticks, its lines left as they are. */
const quoted = (text: string): string => `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\``;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(fileOf("texts.ts"), preludeModule());
