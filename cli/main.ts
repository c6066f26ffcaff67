#!/usr/bin/env node
/**
 * `cellc`: runs a command line and returns its exit code to the shell.
 */
import { expectShortRun } from "./engine.ts";
import { exit } from "./failure.ts";
import { runCommandLine } from "./run.ts";

expectShortRun();

// It is not an error when a reader such as `head` has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exit.ok);
});
process.exitCode = await runCommandLine(process.argv.slice(2), process);
