/** The command line of `npm run fuzz`. */
import { Command } from "commander";
import { positiveNumber, positiveWholeNumber, wholeNumber } from "../../cli/options.ts";

export interface FuzzOptions {
  readonly minutes?: number;
  readonly trials?: number;
  readonly fuzzer: readonly string[];
  readonly seed?: number;
  readonly workers: number;
  readonly out: string;
}

const words = (text: string): readonly string[] => text.split(",").map((word) => word.trim());

/** `run` is called with the options of a good line; a bad one ends the process with a message. */
export function fuzzProgram(run: (options: FuzzOptions) => Promise<void>): Command {
  return new Command("fuzz")
    .description("Tries damaged and hostile input of every kind, and says what is refused, crashes, hangs or is wrong.")
    .option(
      "--minutes <n>",
      "time for all fuzzers together, shared out evenly; 1 unless --trials says when to end",
      positiveNumber,
    )
    .option("--trials <n>", "cases of each fuzzer at most", positiveWholeNumber)
    .option("--fuzzer <names>", "those of this list only; default: all", words, [])
    .option("--seed <n>", "of the first case; by default one of the clock's, which is said", wholeNumber)
    .option("--workers <n>", "processes at a time", positiveWholeNumber, 2)
    .option("--out <dir>", "where failures and the report go", "runs/fuzz")
    .showHelpAfterError()
    .action(run);
}
