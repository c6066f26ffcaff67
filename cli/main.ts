#!/usr/bin/env node
/**
 * `cellc`: runs a command line and gives the shell its exit code.
 */
import { exit } from "./failure.ts";
import { runCommandLine } from "./run.ts";

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exit.ok);
});
process.exitCode = await runCommandLine(process.argv.slice(2), process);
