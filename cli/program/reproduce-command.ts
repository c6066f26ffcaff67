/** The command that trains the paper's models again. */
import { type Command, Option } from "commander";
import * as read from "../options.ts";
import type { LineContext } from "../reproduce/command-line.ts";
import { scaleNames } from "../reproduce/study.ts";
import { givenOptions, type RunCommand } from "./run-command.ts";
import { threads, withTarget } from "./target-options.ts";

/** Declares `reproduce`, which is made of other command lines: `parse` reads them. */
export function declareReproduce(program: Command, run: RunCommand, parse: LineContext["parse"]): void {
  withTarget(program.command("reproduce"))
    .description(
      "train the models of the paper again, and set its numbers beside ours; without a name, list what there is",
    )
    .argument("[name]", "a study or an analysis, such as pmnist")
    .addOption(
      new Option("--scale <name>", "how much of the paper's training").choices([...scaleNames]).default("pilot"),
    )
    .option("--variants <name,...>", "models to train (default: the scale's)", read.words)
    .option(
      "--seeds <n>",
      "seeds of each model, counting up from --seed (default: the scale's)",
      read.positiveWholeNumber,
    )
    .option(
      "--reading <point=choice,...>",
      "how to read what the paper leaves open, such as rmsprop=text",
      read.choices,
      {},
    )
    .option("--steps <n>", "training steps, instead of the scale's", read.positiveWholeNumber)
    .option("--max-time <time>", "end after this long, such as 50m; --resume goes on", read.duration)
    .option("--data <dir>", "folder of the data (default: the variable CELLC_DATA)", read.path)
    .option("--of <dir>", "of an analysis: the folder of the study that trained what it measures", read.path)
    .addOption(threads())
    .option("--out <dir>", "folder of the runs and the report (default: runs/reproduce/NAME-SCALE)", read.path)
    .option("--resume", "go on with the runs in the folder")
    .option("--report", "train nothing: report on the runs in the folder")
    .action((name: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("../commands/reproduce.ts")).reproduce(
          { ...context, parse },
          name,
          options,
          givenOptions(command),
        ),
      ),
    );
}
