/** The declarations that are visible in every file without an import: norms and functions, written in the language. */
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { File } from "../syntax/ast.ts";
import { preludeTexts } from "./prelude/texts.ts";
import { preludeTree } from "./prelude/trees.ts";

export interface ParsedFile {
  /** The name in spans: `prelude/norms.cell`. */
  readonly path: string;
  readonly text: string;
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
}

let files: readonly ParsedFile[] | undefined;

/** The prelude's files, read once; a file uses only those before it. */
export function prelude(): readonly ParsedFile[] {
  files ??= preludeTexts.map(([path, text]) => ({ path, text, ...preludeTree(text, path) }));
  return files;
}
