/** `cellc check`: everything that is wrong with cells, without compiling them for a target. */
import { check as checkSource } from "../../compiler/semantics/elaborate.ts";
import type { Context } from "../context.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { type ExitCode, exit } from "../failure.ts";
import { fileHost, readSource } from "../source-host.ts";

export async function check({ output }: Context, files: readonly string[]): Promise<ExitCode> {
  const diagnostics = files.flatMap((file) => {
    readSource(file);
    return checkSource(file, fileHost);
  });
  const said = sayDiagnostics(diagnostics, output);
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  if (diagnostics.length === 0) output.say(`nothing is wrong with ${files.join(", ")}`);
  output.result({ ok: errors === 0, diagnostics: said });
  return errors === 0 ? exit.ok : exit.input;
}
