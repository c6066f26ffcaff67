/** `cellc check`: reports everything that is wrong with cells, without compiling them for a target. */

import { check as checkSource } from "../../compiler/check.ts";
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { type ExitCode, exit } from "../failure.ts";
import { readSource } from "../read-source.ts";
import { elaborateOptions, type ModelOptions } from "../toolchain.ts";

/** Options that choose an entry and how it is elaborated. Without any, every cell and model is checked as written. */
export type CheckCommandOptions = Pick<ModelOptions, "entry" | "dims" | "place" | "cell">;

export async function check(
  { output }: Context,
  files: readonly string[],
  options: CheckCommandOptions,
): Promise<ExitCode> {
  const { entry, dims, place, cell } = options;
  const chosen = [entry, place, ...Object.keys(dims), ...Object.keys(cell)].some((given) => given !== undefined);
  const diagnostics = files.flatMap((file) => {
    readSource(file);
    return checkSource(file, fileHost, chosen ? elaborateOptions(options) : undefined);
  });
  const said = sayDiagnostics(diagnostics, output);
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  if (diagnostics.length === 0) output.say(`nothing is wrong with ${files.join(", ")}`);
  output.result({ ok: errors === 0, diagnostics: said });
  return errors === 0 ? exit.ok : exit.input;
}
