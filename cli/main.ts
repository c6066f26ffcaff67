#!/usr/bin/env node
/**
 * `cellc`: runs a command line and gives the shell its exit code.
 */
import { type Command, CommanderError } from "commander";
import type { Context } from "./context.ts";
import { type ExitCode, exit } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";
import { buildProgram, USAGE } from "./program.ts";

interface GlobalOptions {
  readonly json?: boolean;
  readonly seed: number;
  readonly color: boolean;
}

/** Runs a command line (without `node` and the script) and returns its exit code. */
async function main(argv: readonly string[], host: NodeJS.Process): Promise<ExitCode> {
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
    await buildProgram(run).parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said its words on stderr, or help on stdout.
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

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exit.ok);
});
process.exitCode = await main(process.argv.slice(2), process);
