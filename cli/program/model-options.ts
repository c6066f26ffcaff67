/** Options that say which model, and how it is compiled: several commands have them. */
import { type Command, Option } from "commander";
import * as read from "../options.ts";

/** Options that choose the cell, its dimensions and the norms at its sites. */
export const withEntryOptions = (command: Command): Command =>
  command
    .option("--entry <name>", "which cell or model of the file (default: the last one)")
    .option("--dims <name=n,...>", "dimensions and other numbers, such as D=28,H=100,gain=0.5", read.dimensions, {})
    .option("--place <site=norm,...>", 'norms at sites and on parameters, such as "hh=group(4),Wh=weight"')
    .option("--cell <name=cell,...>", "which cell a model scans, such as rnn=lstm", read.cells, {});

/** Options that decide what is compiled. */
export const withModelOptions = (command: Command): Command =>
  withEntryOptions(command)
    .option(
      "--parts <n>",
      "split the batch into at most this many parts (default: by estimate)",
      read.positiveWholeNumber,
    )
    .addOption(
      new Option("--storage <type>", "storage type of what is saved for the backward pass")
        .choices(["f32", "f16"])
        .default("f32"),
    )
    .option("--ragged", "the sequences of a batch may differ in length");

/** The limit on the memory of a sequence. */
export const memory = () =>
  new Option(
    "--memory <size>",
    "most memory for a whole sequence, such as 256M; recomputes values to stay below it",
  ).argParser(read.bytes);

/** The options that decide who owns the loops over time steps. */
export const withSchedule = (command: Command): Command =>
  command
    .option(
      "--schedule <owner>",
      "who owns the loops over the steps: column, row, element, chunk or whole, or forward=…,backward=… (default: the cheapest)",
      read.schedule,
    )
    .option("--no-tuned", "ignore what cellc tune measured on this device");
