/** `cellc compile --target ts`: writes a typed module with kernels, plan and types of a cell or model. */
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { type ExitCode, exit } from "../failure.ts";
import { makeModule } from "../modules/make-module.ts";
import { type ModuleOptions, moduleCommand } from "../modules/module-command.ts";
import { filesOfModule, modulePath } from "../modules/module-files.ts";
import { compileOptionsOf } from "../modules/module-options.ts";
import { verifyModule, writeModule } from "../modules/write-module.ts";
import { readSource } from "../read-source.ts";

export interface CompileModuleOptions extends ModuleOptions {
  readonly out?: string;
  /** Only say whether the file is up to date. */
  readonly verify?: boolean;
}

export async function compileModule(
  { output }: Context,
  file: string,
  options: CompileModuleOptions,
): Promise<ExitCode> {
  readSource(file);
  const out = options.out ?? ".";
  const made = await makeModule({
    file,
    host: fileHost,
    options: compileOptionsOf(options),
    kernels: options.kernels,
    command: (name) => moduleCommand(file, options, modulePath(out, name)),
  });
  sayDiagnostics(made.warnings, output);
  const { description } = made;
  const files = await filesOfModule(description, modulePath(out, description.entry.name));
  const names = [...files.keys()];
  if (options.verify) await verifyModule(files, description.command);
  else await writeModule(files);
  output.say(options.verify ? `${names.join(", ")}: up to date` : names.join(", "));
  output.result({ ok: true, files: names });
  return exit.ok;
}
