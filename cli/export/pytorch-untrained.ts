/** Writes a cell or model as a PyTorch module that begins with the initial values of its text. */
import { join } from "node:path";
import { documentation } from "../../compiler/documentation.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { fileHost } from "../api/file-host.ts";
import type { ExportOptions } from "../commands/export.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { readSource } from "../read-source.ts";
import { writeAtomically } from "../report/files.ts";
import { elaborateOptions } from "../toolchain.ts";
import { moduleName } from "./python-modules.ts";
import { checkEmpty, DEFAULT_MOMENTUM, printedModule } from "./pytorch.ts";

/** For how many steps statistics are kept, as `cellc compile` has it. */
const STEPS = 100;

/**
 * The folder gets a Python file named after the entry. Throws C0301 for options that need a run, C0312 for what PyTorch modules are not
 * printed with, and C0408 for a folder that is not empty.
 */
export async function exportUntrainedPytorch(
  { output }: Context,
  file: string,
  settings: ExportOptions,
): Promise<ExitCode> {
  const { out, distributed, time = STEPS } = settings;
  if (distributed)
    throw new Failure(
      "C0301",
      exit.usage,
      "--distributed writes a script that goes on with a run",
      "train the cell first, and give the folder of the run",
    );
  await checkEmpty(out);
  const source = readSource(file);
  const options = elaborateOptions(settings);
  const { graph, dims } = elaborate(file, fileHost, options);
  const { entry, kind } = documentation(file, fileHost, options);
  const { text, className } = printedModule(graph, {
    about: entry.comment,
    source,
    dims,
    steps: time,
    momentum: DEFAULT_MOMENTUM,
    isCell: kind === "cell",
  });
  const name = `${moduleName(graph.name)}.py`;
  await writeAtomically(join(out, name), text);
  output.say(`${join(out, name)}: ${graph.name}, untrained, as the PyTorch module ${className}`);
  output.result({ ok: true, folder: out, model: graph.name, class: className, files: [name] });
  return exit.ok;
}
