/** How diagnostics are said: excerpts on stderr, the plain data in the `--json` document. */
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.ts";
import { render } from "../compiler/diagnostics/render.ts";
import { type ExitCode, exit } from "./failure.ts";
import type { Output } from "./output.ts";
import { fileHost } from "./source-host.ts";

/** Says the diagnostics, and a last line that counts them. */
export function sayDiagnostics(diagnostics: readonly Diagnostic[], output: Output): void {
  const color = output.errorColors.red("") !== "";
  for (const diagnostic of diagnostics) {
    output.warn(render(diagnostic, fileHost.read(diagnostic.span.file) ?? "", { color }));
  }
}

/** The end of a command that diagnostics stopped. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], output: Output): ExitCode {
  sayDiagnostics(diagnostics, output);
  output.result({ ok: false, diagnostics });
  return exit.input;
}
