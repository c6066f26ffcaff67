/** Commands about the text of a cell. */
import { type Command, Option } from "commander";
import * as read from "../options.ts";
import { withEntryOptions } from "./model-options.ts";
import type { RunCommand } from "./run-command.ts";

/** Declares `check`, `fmt` and `explain`. */
export function declareTextCommands(program: Command, run: RunCommand): void {
  withEntryOptions(program.command("check"))
    .description("say what is wrong with cells")
    .argument("<file...>", ".cell files", read.paths)
    .action((files: string[], options, command: Command) =>
      run(command, async (context) => (await import("../commands/check.ts")).check(context, files, options)),
    );

  program
    .command("fmt")
    .description("format cells; prints the text, unless --check or --write")
    .argument("<file...>", ".cell files, or - for standard input", read.paths)
    .addOption(new Option("--check", "only say which files are not formatted; exit code 1 if any").conflicts("write"))
    .option("--write", "change the files")
    .action((files: string[], options, command: Command) =>
      run(command, async (context) => (await import("../commands/fmt.ts")).fmt(context, files, options)),
    );

  program
    .command("explain")
    .description("explain an error code")
    .argument("[code]", "such as C0207; without one, the list of all codes")
    .action((code: string | undefined, _options, command: Command) =>
      run(command, async (context) => (await import("../commands/explain.ts")).explain(context, code)),
    );
}
