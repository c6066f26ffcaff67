/** What a declared command is given: how its work is run, and which options came from the command line. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { ExitCode } from "../failure.ts";

/** Opens a command's context and does its work. */
export type RunCommand = (command: Command, work: (context: Context) => Promise<ExitCode>) => Promise<void>;

/** Names of the options given on the command line. The others have their defaults. */
export const givenOptions = (command: Command): ReadonlySet<string> =>
  new Set(
    Object.keys(command.optsWithGlobals()).filter((name) => command.getOptionValueSourceWithGlobals(name) === "cli"),
  );
