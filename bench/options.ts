/** The command line of `npm run bench`. */
import { Command } from "commander";
import { positiveNumber, positiveWholeNumber } from "../cli/options.ts";

export interface BenchOptions {
  readonly only: readonly string[];
  readonly repeats: number;
  readonly peers: readonly string[];
  readonly threads: readonly number[];
  /** Seconds. */
  readonly budget: number;
  readonly json?: string;
  readonly timed: boolean;
  readonly counted: boolean;
}

const words = (text: string): readonly string[] => text.split(",").map((word) => word.trim());

/** Calls `run` with the options of a valid line. An invalid line ends the process with a message. */
export function benchProgram(run: (options: BenchOptions) => Promise<void>): Command {
  return new Command("bench")
    .description("Measures this compiler's cells against other libraries, and counts what they cost.")
    .option("--only <cases>", "cells, workloads or both: bnlstm, 784, bnlstm-784", words, [])
    .option("--repeats <n>", "measured rounds, in which all take turns", positiveWholeNumber, 5)
    .option("--peers <names>", "cellc, torch, jax, tfjs, onnx, onnx-web (default: all)", words, [])
    .option(
      "--threads <list>",
      "numbers of threads to measure, if they can be chosen",
      (text) => words(text).map(positiveWholeNumber),
      [1, 2],
    )
    .option("--budget <seconds>", "time for measuring; slow contenders sit out rounds", positiveNumber, 600)
    .option("--json <file>", "file for the result as JSON")
    .option("--no-timed", "count only")
    .option("--no-counted", "time only")
    .showHelpAfterError()
    .action(run);
}
