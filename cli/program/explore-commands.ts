/** The options of `cellc explore` and `cellc compare`. */
import { type Command, Option } from "commander";
import * as read from "../options.ts";
import type { RunCommand } from "./run-command.ts";
import { task } from "./task-options.ts";

const by = () =>
  new Option(
    "--by <measure>",
    "rank by the loss or a metric, and if need be its direction: loss, accuracy:max (default: accuracy, else loss)",
  );

/** Declares the rest of `explore`. `command` has the options that it shares with `train`. */
export function declareExplore(command: Command, run: RunCommand): void {
  command
    .description("train a cell or model with many placements of norms, and say which may be the best")
    .argument("<file>", ".cell file", read.path)
    .addOption(task());
  // So far, they are options of train, too.
  const shared = givenWords(command, ["place"]);
  command
    .option("--sites <site,...>", "sites to place norms at, such as hh,xh (default: all)")
    .option("--norms <norm,...>", 'norms to place at each, such as "none,batch(gamma=0.1),layer"', "none,batch,layer")
    .option(
      "--placement <site=norm,...>",
      "a placement to try, instead of all combinations; can be repeated",
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
    )
    .option("--keep-shifts", "place norms with their shift where another shift is added anyway (W0605)")
    .option("--seeds <n>", "seeds for each placement, counting up from --seed", read.positiveWholeNumber, 1)
    .addOption(by())
    .option("--test", "at the end, measure the first placement on the test split")
    .option(
      "--budget <steps or time>",
      "training steps for each, such as 2000, or time for all, such as 10m (default: an epoch)",
      read.budget,
    )
    .option(
      "--rungs <n>",
      "successive halving: train all placements a little, then only the best for longer, so many times",
      read.positiveWholeNumber,
      1,
    )
    .option(
      "--eta <n>",
      "with --rungs: one in so many goes on, for so many times the steps (default: 3)",
      read.atLeastTwo,
    )
    .option(
      "--workers <n>",
      "worker threads, each with a placement of its own (default: one per processor)",
      read.positiveWholeNumber,
    )
    .option("--out <dir>", "folder of the results", read.path, "runs/explore")
    .option("--resume", "continue the exploration in --out")
    .action((file: string, options, command: Command) =>
      run(command, async (context) =>
        (await import("../commands/explore.ts")).explore(context, file, options, shared()),
      ),
    );
}

/** Declares `compare`. */
export function declareCompare(program: Command, run: RunCommand): void {
  program
    .command("compare")
    .description("draw the curves of runs together, with a table of their results")
    .argument("<run...>", "folders of runs", read.paths)
    .addOption(by())
    .option("-o, --out <dir>", "folder of the results", read.path, "runs/compare")
    .action((runs: string[], options, command: Command) =>
      run(command, async (context) => (await import("../commands/compare.ts")).compare(context, runs, options)),
    );
}

/** Words of the command's options declared so far, as they will be given on the command line: `["--batch", "32"]`. */
function givenWords(command: Command, without: readonly string[]): () => readonly string[] {
  const given = new Map<string, readonly string[]>();
  for (const option of command.options) {
    if (option.long === undefined || without.includes(option.attributeName())) continue;
    const { long } = option;
    // The event has the text as it was given, or nothing for an option without a value.
    command.on(`option:${option.name()}`, (text: string | null | undefined) => {
      given.set(long, typeof text === "string" ? [long, text] : [long]);
    });
  }
  return () => [...given.values()].flat();
}
