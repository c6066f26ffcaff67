/** Options that say where compiled code runs. */
import { type Command, Option } from "commander";
import { auto, withAutoTarget } from "../auto-target.ts";
import { whereItRuns } from "../data-command.ts";
import * as read from "../options.ts";
import { defaultTarget, targetNames, threadedTargets } from "../targets.ts";

/** Where a command runs what it compiles. The first choice is the default. */
export const withTarget = (command: Command): Command =>
  withAutoTarget(command.addOption(target(...targetNames, auto)));

/** The same for a command whose data has a `--target`, too. */
export const anywhere = whereItRuns([...targetNames, auto]);

/** The first choice is the default. */
export const target = (...choices: string[]) =>
  new Option("--target <name>", "where it runs").choices(choices).default(choices[0]);

/** One target or several. */
export const targetList = () =>
  new Option("--target <name,...>", `where it runs: ${targetNames.join(", ")}, or several of them`)
    .argParser(read.targets)
    .default([defaultTarget], defaultTarget);

/** The targets, or a typed module, which has kernels of `--kernels`. */
export const targetListOrModule = () =>
  new Option(
    "--target <name,...>",
    `where it runs: ${targetNames.join(", ")}, or several of them; or ${read.typedModule}, a typed module`,
  )
    .argParser(read.targetsOrModule)
    .default([defaultTarget], defaultTarget);

/** What typed modules have kernels of. */
export const kernels = () =>
  new Option(
    "--kernels <target,...>",
    "with typed modules: the targets that they have kernels of, the preferred one first",
  )
    .argParser(read.targets)
    .default([defaultTarget], defaultTarget);

/** The threads of targets that have them. */
export const threads = () =>
  new Option(
    "--threads <n>",
    `most threads to use, on ${threadedTargets.join(", ")} (default: one per processor, up to 8)`,
  ).argParser(read.positiveWholeNumber);
