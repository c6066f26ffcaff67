/** `cellc types`: writes the types of `import … from "./NAME.cell"` beside each cell, once or whenever it changes. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { makeModule } from "../modules/make-module.ts";
import { type ModuleOptions, typesCommand } from "../modules/module-command.ts";
import { filesOfTypes } from "../modules/module-files.ts";
import { compileOptionsOf } from "../modules/module-options.ts";
import { recordingHost } from "../modules/recording-host.ts";
import { watchFiles } from "../modules/watch-files.ts";
import { verifyModule, writeModule } from "../modules/write-module.ts";
import { readSource } from "../read-source.ts";
import { withInterrupt } from "../training/interrupt.ts";

export interface TypesOptions extends ModuleOptions {
  readonly watch?: boolean;
  /** Only say whether the files are up to date. */
  readonly verify?: boolean;
}

export async function types(context: Context, files: readonly string[], options: TypesOptions): Promise<ExitCode> {
  const { output, signals } = context;
  const other = files.find((file) => !file.endsWith(".cell"));
  if (other !== undefined) {
    const help = "TypeScript looks for the types of `./NAME.cell` in NAME.d.cell.ts";
    throw new Failure("C0301", exit.usage, `${other} does not end with .cell`, help);
  }
  if (!options.watch) {
    const written: string[] = [];
    for (const file of files) written.push(...(await typesOf(context, file, options, fileHost)));
    output.say(options.verify ? "up to date" : written.join(", ") || "nothing has changed");
    output.result({ ok: true, files: written });
    return exit.ok;
  }
  return withInterrupt(
    signals,
    () => output.warn("stopping"),
    async (interrupt) => {
      const watched = watchFiles();
      const make = async (file: string): Promise<void> => {
        const host = recordingHost(fileHost);
        try {
          const written = await typesOf(context, file, options, host);
          if (written.length > 0) output.say(written.join(", "));
        } catch (error) {
          if (!(error instanceof CompileError)) throw error;
          sayDiagnostics(error.diagnostics, output);
        } finally {
          watched.replace(file, [file, ...host.texts.keys()]);
        }
      };
      try {
        for (const file of files) await make(file);
        output.warn("watching; Ctrl-C ends it");
        while (!interrupt.aborted) for (const file of await watched.changed(interrupt)) await make(file);
      } finally {
        watched.close();
      }
      output.result({ ok: true, files: [] });
      return exit.ok;
    },
  );
}

/** Writes a cell's types. Returns the paths of the files that were written. */
async function typesOf(
  { output }: Context,
  file: string,
  options: TypesOptions,
  host: SourceHost,
): Promise<readonly string[]> {
  readSource(file);
  const made = await makeModule({
    file,
    host,
    options: compileOptionsOf(options),
    kernels: options.kernels,
    command: () => typesCommand(file, options),
  });
  sayDiagnostics(made.warnings, output);
  const files = await filesOfTypes(made.description, file);
  if (options.verify) await verifyModule(files, made.description.command);
  return options.verify ? [] : writeModule(files);
}
