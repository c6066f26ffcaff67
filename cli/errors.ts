/** How a command's failure is reported, and its exit code. */
import { CompileError } from "../compiler/diagnostics/diagnostic.ts";
import { RuntimeError, type RuntimeErrorCode } from "../runtime/error.ts";
import { type ExitCode, exit, Failure } from "./failure.ts";
import type { Output } from "./output.ts";
import { Interrupted } from "./training/interrupt.ts";

/** A runtime error's exit code: wrong input, something the machine lacks, or a fault of ours. */
const RUNTIME_EXITS: Readonly<Record<RuntimeErrorCode, ExitCode>> = {
  C0401: exit.input,
  C0403: exit.input,
  C0404: exit.input,
  C0406: exit.input,
  C0407: exit.input,
  C0411: exit.input,
  C0501: exit.input,
  C0502: exit.diverged,
  C0503: exit.machine,
  C0504: exit.machine,
  C0505: exit.machine,
  C0506: exit.internal,
  C0507: exit.machine,
  C0508: exit.internal,
  C0509: exit.machine,
};

/** Prints the failure for people on stderr and, with `--json`, as the document on stdout. Returns the exit code. */
export async function report(error: unknown, output: Output): Promise<ExitCode> {
  if (error instanceof CompileError)
    return (await import("./diagnostics.ts")).reportDiagnostics(error.diagnostics, output);
  if (error instanceof Interrupted) {
    output.result({ ok: false, status: "interrupted" });
    return exit.interrupted;
  }
  const { red, bold, cyan } = output.errorColors;
  const known = describe(error);
  if (known !== undefined) {
    output.warn(`${red(`error[${known.code}]`)}: ${bold(known.message)}`);
    if (known.help !== undefined) output.warn(`  ${cyan("= help:")} ${known.help}`);
    output.result({ ok: false, error: { code: known.code, message: known.message, help: known.help } });
    return known.exitCode;
  }
  const thrown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  output.warn(`${red("internal error")}: this is a fault of cellc, not of your input\n${thrown}`);
  output.result({ ok: false, error: { code: "internal", message: thrown } });
  return exit.internal;
}

interface Known {
  readonly code: string;
  readonly message: string;
  readonly help: string | undefined;
  readonly exitCode: ExitCode;
}

function describe(error: unknown): Known | undefined {
  if (error instanceof Failure) return error;
  if (error instanceof RuntimeError) {
    return { code: error.code, message: error.message, help: error.help, exitCode: RUNTIME_EXITS[error.code] };
  }
  // Node refuses such a path before it asks the system.
  if (error instanceof TypeError && "code" in error && /null bytes/.test(error.message)) {
    return { code: "C0401", message: "a NUL stands in a path", help: undefined, exitCode: exit.input };
  }
  // A system error (ENOENT, EACCES, ENOSPC …) is about a file that the user named or about a full disk.
  if (error instanceof Error && "syscall" in error && "code" in error) {
    return { code: String(error.code), message: error.message, help: undefined, exitCode: exit.input };
  }
  return undefined;
}
