/**
 * The command line. `program/` declares every command and option, a file for each kind of command, and says which file in `commands/`
 * does the work. A command's modules load only when it runs, so `--help` is instant and a missing optional package only affects
 * commands that need it.
 */
import { Command } from "commander";
import * as read from "./options.ts";
import { packageVersion } from "./package.ts";
import { declareCompilerCommands } from "./program/compiler-commands.ts";
import { declareDataCommands } from "./program/data-commands.ts";
import { declareImport } from "./program/import-command.ts";
import { declareInferenceCommands } from "./program/inference-commands.ts";
import { declareReproduce } from "./program/reproduce-command.ts";
import type { RunCommand } from "./program/run-command.ts";
import { declareTextCommands } from "./program/text-commands.ts";
import { declareComparisons, declareTrain } from "./program/training-commands.ts";
import type { ParsedLine } from "./reproduce/command-line.ts";
import { forTerminal } from "./terminal.ts";

/** The catalogue's code for a command line that cannot be read. */
export const USAGE = "C0301";

/** The streams for help and for usage errors. */
export interface HelpStreams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Declares every command and option. Parsing a line calls `run` with the command and its work; a bad line throws CommanderError. */
export function buildProgram(run: RunCommand, { stdout, stderr }: HelpStreams = process): Command {
  const program = new Command("cellc")
    .description("Compiles recurrent cells with normalization to WebGPU and WASM kernels, trains and runs them.")
    .version(packageVersion(), "-V, --version")
    .option("--json", "print one JSON document to stdout, words to stderr")
    .option("--seed <n>", "seed of initialisation, order and noise", read.wholeNumber, 1)
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(forTerminal(text)),
      outputError: (text, write) => write(text.replace(/^error: /, `error[${USAGE}]: `)),
    })
    .showHelpAfterError("  = help: --help, before or after a command, says what can be given")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 the input is wrong, 2 usage, 3 the machine lacks something, 4 training diverged,\n70 internal error, 130 interrupted.",
    );
  declareTextCommands(program, run);
  declareCompilerCommands(program, run);
  declareTrain(program, run);
  declareInferenceCommands(program, run);
  declareImport(program, run);
  declareComparisons(program, run);
  declareReproduce(program, run, parsedLine);
  declareDataCommands(program, run);
  return program;
}

/** Parses a line of which a command is made, as its own words are parsed. */
async function parsedLine(words: readonly string[]): Promise<ParsedLine> {
  let found: ParsedLine | undefined;
  const program = buildProgram(async (command, work) => {
    found = { command, work };
  });
  await program.parseAsync([...words], { from: "user" });
  if (found === undefined) throw new Error(`${words.join(" ")} is no command`);
  return found;
}
