/** Runs a command line: parses it, opens the command's context, and reports what went wrong. */
import { type Command, CommanderError } from "commander";
import type { Context } from "./context.ts";
import { type ExitCode, exit } from "./failure.ts";
import { createOutput, type Output, type Sink } from "./output.ts";
import { buildProgram, USAGE } from "./program.ts";
import type { SignalSource } from "./training/interrupt.ts";

/** The parts of `process` that a command line needs. */
export interface HostProcess extends SignalSource {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface GlobalOptions {
  readonly json?: boolean;
  readonly seed: number;
  readonly color: boolean;
}

/** Runs a command line (without `node` and the script) and returns its exit code. */
export async function runCommandLine(argv: readonly string[], host: HostProcess): Promise<ExitCode> {
  let code: ExitCode = exit.ok;
  let output: Output | undefined;
  const open = (options: Pick<GlobalOptions, "json" | "color">) =>
    createOutput({
      json: options.json ?? false,
      color: options.color,
      stdout: host.stdout,
      stderr: host.stderr,
      environment: host.env,
    });
  const run = async (command: Command, work: (context: Context) => Promise<ExitCode>) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    output = open(options);
    code = await work({ output, environment: host.env, seed: options.seed, stdin: host.stdin, signals: host });
  };

  try {
    await buildProgram(run, host).parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already printed its message to stderr, or help to stdout.
      if (error.exitCode === 0) return exit.ok;
      open({ json: argv.includes("--json"), color: true }).result({
        ok: false,
        error: { code: USAGE, message: error.message.replace(/^error: /, "") },
      });
      return exit.usage;
    }
    const { report } = await import("./errors.ts");
    return report(error, output ?? open({ json: argv.includes("--json"), color: !argv.includes("--no-color") }));
  }
}
