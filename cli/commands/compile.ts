/** `cellc compile`: writes a plan and its kernels, or prints a stage of the compilation. */

import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { limitDiagnostics } from "../../compiler/diagnostics/limit.ts";
import { parse } from "../../compiler/syntax/parse.ts";
import type { EntryName } from "../../runtime/plan.ts";
import type { Context } from "../context.ts";
import { type Compiled, executableFiles, writeExecutable } from "../executable-files.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { readSource } from "../read-source.ts";
import type { Stage } from "../stages.ts";
import { codeText, type TargetName } from "../targets.ts";
import { compileFile, lowerFile, type ModelOptions } from "../toolchain.ts";

export interface CompileCommandOptions extends ModelOptions {
  /** At least one, each once; or a typed module. */
  readonly target: readonly TargetName[] | "ts";
  /** The targets that a typed module has kernels of. */
  readonly kernels: readonly TargetName[];
  readonly verify?: boolean;
  readonly batch: number;
  readonly time?: number;
  readonly memory?: number;
  readonly entries?: readonly EntryName[];
  readonly emit?: Stage;
  readonly after?: string;
  readonly out?: string;
}

export async function compileCommand(
  context: Context,
  file: string,
  options: CompileCommandOptions,
): Promise<ExitCode> {
  const { output } = context;
  if (options.after !== undefined && options.emit !== "ir") {
    throw new Failure("C0301", exit.usage, "--after is for --emit ir");
  }
  const { target } = options;
  if (target === "ts" && options.carry) {
    const help = "compile it for --target wasm or wgsl, and open what is written with openSession";
    throw new Failure("C0301", exit.usage, "a typed module carries no states: --carry is for other targets", help);
  }
  if (target === "ts") {
    if (options.emit === undefined) return (await import("./compile-module.ts")).compileModule(context, file, options);
    throw new Failure("C0301", exit.usage, "--emit prints a stage for one target", "--target wasm");
  }
  if (options.verify) throw new Failure("C0301", exit.usage, "--verify is for --target ts");
  if (options.emit === "ast") {
    const { file: tree, diagnostics } = parse(readSource(file), file);
    if (diagnostics.length > 0) throw new CompileError(limitDiagnostics(diagnostics));
    output.print(JSON.stringify(tree, null, 2));
    output.result(tree);
    return exit.ok;
  }

  if (options.emit === "ir") {
    const text = passText(lowerFile({ ...options, file }), options.after);
    output.print(text);
    output.result({ ok: true, stage: "ir", after: options.after, text });
    return exit.ok;
  }
  if (options.emit !== undefined) {
    const text = await stageText(context, file, { ...options, target }, options.emit);
    output.print(text);
    output.result({ ok: true, stage: options.emit, text });
    return exit.ok;
  }
  const compiled: Compiled[] = [];
  for (const name of target) {
    // What is wrong with the text is the same for every target.
    const { executable } = await compileFile({ ...options, file, target: name, quiet: compiled.length > 0 }, context);
    compiled.push({ target: name, executable });
  }
  const folder = options.out ?? [compiled[0].executable.plan.name, ...target].join(".");
  const files = await writeExecutable(folder, executableFiles(compiled));
  output.say(`${folder}: ${files.join(", ")}`);
  output.result({ ok: true, folder, files });
  return exit.ok;
}

/** A stage of the compilation for the one target. */
async function stageText(
  context: Context,
  file: string,
  options: CompileCommandOptions & { readonly target: readonly TargetName[] },
  stage: Stage,
): Promise<string> {
  const [target, ...others] = options.target;
  if (others.length > 0)
    throw new Failure("C0301", exit.usage, "--emit prints a stage for one target", `--target ${target}`);
  let shown = "";
  const observe = (name: string, text: () => string) => {
    if (name === stage) shown = text();
  };
  const { executable } = await compileFile({ ...options, file, target, observe }, context);
  return stage === "kernels" ? codeText(executable.code) : shown;
}

/** Former names of passes, which `--after` still accepts. */
const formerNames: Readonly<Record<string, string>> = {
  rotate: "retime",
  fold: "fold-weights",
  absorb: "fuse-reductions",
  defer: "defer-weight-gradients",
  about: "shift-means",
};

/** The graph after the pass `after`. Default: after the last one. */
function passText(stages: ReadonlyMap<string, () => string>, after: string | undefined): string {
  const names = [...stages.keys()];
  const name = after ?? names[names.length - 1];
  const text = stages.get(formerNames[name] ?? name);
  if (text === undefined) {
    throw new Failure("C0301", exit.usage, `there is no pass ${after}`, `the stages are ${names.join(", ")}`);
  }
  return text();
}
