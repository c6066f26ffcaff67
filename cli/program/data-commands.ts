/** Commands about data, before there is a model. */
import { Argument, type Command } from "commander";
import { partOfData, withDataOptions } from "../data-command.ts";
import * as read from "../options.ts";
import { type ProjectKind, projectKinds } from "../start/project-kinds.ts";
import type { RunCommand } from "./run-command.ts";

/** Declares `data` and `init`. */
export function declareDataCommands(program: Command, run: RunCommand): void {
  withDataOptions(program.command("data"), { split: partOfData("what to show", "train") })
    .description("describe a file or folder of one's own; list the tasks, or show a task's examples")
    .argument("[what]", "a file, a folder, a task file, or the name of a task", read.path)
    .option("--from <n>", "number of the first example", read.wholeNumber, 0)
    .option("--count <n>", "how many examples", read.positiveWholeNumber, 3)
    .option("--svg <file>", "write a picture instead of printing text", read.path)
    .action((task: string | undefined, options, command: Command) =>
      run(command, async (context) => (await import("../commands/data.ts")).data(context, task, options)),
    );

  withDataOptions(program.command("init"))
    .description("write a model, a task file and the commands to begin with")
    .addArgument(new Argument("<kind>", "what is to be made of the data").choices(projectKinds))
    .option("-o, --out <dir>", "the folder (default: the data's name)", read.path)
    .action((kind: ProjectKind, options, command: Command) =>
      run(command, async (context) => (await import("../commands/init.ts")).init(context, kind, options)),
    );
}
