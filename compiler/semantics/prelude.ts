/** The declarations that every file sees without an import: norms and functions, written in the language. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface PreludeText {
  readonly path: string;
  readonly text: string;
}

let texts: readonly PreludeText[] | undefined;

/** The prelude's files, read once. */
export function preludeTexts(): readonly PreludeText[] {
  texts ??= ["functions", "norms"].map((name) => ({
    path: `prelude/${name}.cell`,
    text: readFileSync(fileURLToPath(new URL(`./prelude/${name}.cell`, import.meta.url)), "utf8"),
  }));
  return texts;
}
