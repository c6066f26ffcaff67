/** Prints diagnostics: excerpts on stderr, plain data in the `--json` document. */

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.ts";
import { type JsonDiagnostic, toJSON } from "../compiler/diagnostics/json.ts";
import { renderAll, sourcesOf } from "../compiler/diagnostics/render.ts";
import { fileHost } from "./api/file-host.ts";
import { type ExitCode, exit } from "./failure.ts";
import type { Output } from "./output.ts";

/** Texts that are not in a file, by the name in their spans: standard input, the value of `--place`. */
export type OtherTexts = Readonly<Record<string, string>>;

/** Prints the diagnostics and a last line that counts them, or nothing if there are none. Returns them as plain data. */
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

/** Codes of diagnostics about the value of an option rather than about a text. */
const USAGE: ReadonlySet<string> = new Set(["C0301", "C0302"]);

/** Ends a command that diagnostics stopped: prints them and returns the exit code. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], output: Output): ExitCode {
  output.result({ ok: false, diagnostics: sayDiagnostics(diagnostics, output) });
  return diagnostics.every(({ code }) => USAGE.has(code)) ? exit.usage : exit.input;
}
