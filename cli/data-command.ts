/** The command line's options about data, as commands declare them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type DataOptionRow, type DataOptions, dataOptionNames, dataOptions } from "./data/data-options.ts";
import type { Split } from "./data/task.ts";
import * as read from "./options.ts";

const PARTS: readonly Split[] = ["train", "validation", "test"];

/** What a command means by an option besides what a data set means by it. The option can then be given once for each. */
export interface Double {
  /** Words that are the command's. */
  readonly words: readonly string[];
  readonly what: string;
  readonly default: string;
}

/** A command that reads one part of the data: `--split test`. */
export const partOfData = (what: string, of: Split): Double => ({ words: PARTS, what, default: of });

/** A command that runs what it compiles: `--target wgsl`. */
export const whereItRuns = (words: readonly string[]): Double => ({ words, what: "where it runs", default: words[0] });

/** The options with two meanings, by their names. */
type Doubles = Readonly<{ split?: Double; target?: Double }>;

/**
 * Adds the options that choose the examples. Those about data of one's own come to the command as one value, `own`; its own `split` and
 * `target`, if it has them, as before.
 */
export function withDataOptions(command: Command, doubles: Doubles = {}): Command {
  command
    .option(
      "--data <path>",
      "a file of one's own; with a task of files, such as mnist-rows or babi, their folder",
      read.path,
    )
    .option("--offline", "never download")
    .option("--time <n>", "sequence length, for tasks that leave it open", read.positiveWholeNumber);
  for (const key of dataOptionNames) command.addOption(optionOf(dataOptions[key], doubleOf(doubles, key)));
  return command.hook("preAction", (_, action) => {
    const own = Object.fromEntries(
      dataOptionNames.flatMap((key) => {
        const attribute = new Option(dataOptions[key].flag).attributeName();
        const isGiven = action.getOptionValueSource(attribute) === "cli";
        const given: unknown = isGiven ? action.getOptionValue(attribute) : undefined;
        const double = doubleOf(doubles, key);
        action.setOptionValueWithSource(attribute, double?.default, "default");
        if (double === undefined || given === undefined) return given === undefined ? [] : [[key, given]];
        const { word, value } = given as Given;
        if (word !== undefined) action.setOptionValueWithSource(attribute, word, "cli");
        return value === undefined ? [] : [[key, value]];
      }),
    ) as DataOptions;
    if (Object.keys(own).length > 0) action.setOptionValueWithSource("own", own, "cli");
  });
}

const doubleOf = (doubles: Doubles, key: keyof DataOptions): Double | undefined =>
  key === "split" || key === "target" ? doubles[key] : undefined;

/** What was given of an option with two meanings. */
interface Given {
  readonly word?: string;
  readonly value?: unknown;
}

function optionOf({ flag, doc, read }: DataOptionRow<unknown>, double: Double | undefined): Option {
  if (read === undefined) return new Option(flag, doc);
  if (double === undefined) return new Option(flag, doc).argParser(read);
  const { words, what, default: usual } = double;
  const [, name, form] = /^(\S+) <(.*)>$/.exec(flag) ?? [];
  const described = new Option(
    `${name} <name or ${form}>`,
    `${what}: ${words.join(", ")} (default: ${usual}); or ${doc}`,
  );
  return described.argParser((text: string, before: Given | undefined): Given => {
    if (words.includes(text)) return { ...before, word: text };
    try {
      return { ...before, value: read(text) };
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(`want ${words.join(", ")}; or ${error.message.replace(/^want /, "")}`);
    }
  });
}
