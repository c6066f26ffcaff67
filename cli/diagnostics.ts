/** How diagnostics are said: excerpts on stderr, the plain data in the `--json` document. */

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.ts";
import { type JsonDiagnostic, toJSON } from "../compiler/diagnostics/json.ts";
import { renderAll, sourcesOf } from "../compiler/diagnostics/render.ts";
import { fileHost } from "./api/file-host.ts";
import { type ExitCode, exit } from "./failure.ts";
import type { Output } from "./output.ts";

/** Texts that no file holds, by the name their spans carry: standard input, the value of `--place`. */
export type OtherTexts = Readonly<Record<string, string>>;

/** Says the diagnostics, with a last line that counts them; nothing for none. Returns them as plain data. */
export function sayDiagnostics(
  diagnostics: readonly Diagnostic[],
  output: Output,
  others: OtherTexts = {},
): readonly JsonDiagnostic[] {
  const sources = sourcesOf(diagnostics, (file) => (Object.hasOwn(others, file) ? others[file] : fileHost.read(file)));
  const text = renderAll(diagnostics, sources, { color: output.errorColors.red("x") !== "x" });
  if (text !== "") output.warn(text.trimEnd());
  return diagnostics.map((diagnostic) => toJSON(diagnostic, sources));
}

/** Diagnostics about the value of an option and not about a text. */
const USAGE: ReadonlySet<string> = new Set(["C0301", "C0302"]);

/** The end of a command that diagnostics stopped. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], output: Output): ExitCode {
  output.result({ ok: false, diagnostics: sayDiagnostics(diagnostics, output) });
  return diagnostics.every(({ code }) => USAGE.has(code)) ? exit.usage : exit.input;
}
