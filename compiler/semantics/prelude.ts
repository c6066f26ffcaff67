/** The declarations that every file sees without an import: norms and functions, written in the language. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { File } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";

export interface ParsedFile {
  /** As spans name it: `prelude/norms.cell`. */
  readonly path: string;
  readonly text: string;
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
}

let files: readonly ParsedFile[] | undefined;

/** The prelude's files, read and parsed once; a file uses only those before it. */
export function prelude(): readonly ParsedFile[] {
  files ??= ["functions", "norms"].map((name) => {
    const path = `prelude/${name}.cell`;
    const text = readFileSync(fileURLToPath(new URL(`./${path}`, import.meta.url)), "utf8");
    return { path, text, ...parse(text, path) };
  });
  return files;
}
