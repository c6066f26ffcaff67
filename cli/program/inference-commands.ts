/** Commands about a trained model: the folder of a run, or a checkpoint. */
import { type Command, Option } from "commander";
import { optimizerNames } from "../../compiler/optimizers.ts";
import { withAutoTarget } from "../auto-target.ts";
import type { Context } from "../context.ts";
import { partOfData } from "../data-command.ts";
import { defaultFormat, exportFormats, formatNames } from "../export/formats.ts";
import type { ExitCode } from "../failure.ts";
import * as read from "../options.ts";
import { withEntryOptions } from "./model-options.ts";
import { givenOptions, type RunCommand } from "./run-command.ts";
import { targetList, threads, withTarget } from "./target-options.ts";
import { allowOtherEquations, estimate, noise, task, withModelOnData } from "./task-options.ts";

/** What a command does with the run, the `.cell` file, and its options, of which some were given. */
type OnRun<Options> = (
  context: Context,
  path: string,
  file: string | undefined,
  options: Options,
  given: ReadonlySet<string>,
) => Promise<ExitCode>;

/** Gives a command its arguments, a run and a `.cell` file, and what it does with them. */
const onRun = <Options>(
  command: Command,
  run: RunCommand,
  load: () => Promise<OnRun<Options>>,
  what = "folder of a run, or the checkpoint in it",
): Command =>
  command
    .argument("<run>", what, read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
    .action((path: string, file: string | undefined, options: Options, self: Command) =>
      run(self, async (context) => (await load())(context, path, file, options, givenOptions(self))),
    );

/** The option that refuses a checkpoint of another optimiser. */
const optimizerOfCheckpoint = () =>
  new Option("--optimizer <name>", "refuse a checkpoint of another optimiser").choices(optimizerNames);

/** The task of a command that takes it from the run. */
const taskOfRun = () => new Option("--task <name>", "see cellc data (default: the run's)");

/** The batch of a command that takes it from the run. */
const batchOfRun = () =>
  new Option("--batch <n>", "examples per batch, if the run does not say")
    .argParser(read.positiveWholeNumber)
    .default(64);

/** Declares `eval`, `predict`, `sample`, `stats` and `export`. */
export function declareInferenceCommands(program: Command, run: RunCommand): void {
  onRun(
    withAutoTarget(withModelOnData(program.command("eval"), partOfData("what to measure on", "validation"))),
    run,
    async () => (await import("../commands/eval.ts")).evaluateCommand,
    "folder of a run, or the checkpoint in it; or a .cell file, with --checkpoint",
  )
    .description("measure a trained model with its population statistics, or those of each batch")
    .addOption(task())
    .option("--checkpoint <file>", "with a .cell file: its checkpoint, such as runs/x/model.safetensors", read.path)
    .addOption(allowOtherEquations())
    .addOption(threads())
    .addOption(
      new Option("--stats <how>", "statistics: the checkpoint's, those of an exact pass, or of each batch itself")
        .choices(["stored", "exact", "batch"])
        .default("stored"),
    )
    .addOption(estimate())
    .addOption(noise())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option(
      "--output <name>",
      "the model's output to measure, or target=output (default: the one that fits each target)",
    )
    .option("--svg <file>", "draw which classes are taken for which", read.path)
    .addOption(optimizerOfCheckpoint());

  onRun(
    withAutoTarget(
      withModelOnData(program.command("predict"), partOfData("what to predict, of data that is divided", "validation")),
    ),
    run,
    async () => (await import("../commands/predict.ts")).predict,
  )
    .description("write what a trained model predicts for data, in the data's own units")
    .requiredOption("-o, --out <file>", "where to write them: a .csv, .jsonl or .npz file", read.path)
    .option("--output <name>", "the model's output to write, or target=output (default: the one that fits each target)")
    .addOption(task(" (default: the run's)"))
    .addOption(allowOtherEquations())
    .addOption(threads())
    .addOption(batchOfRun());

  onRun(
    withTarget(withEntryOptions(program.command("sample"))),
    run,
    async () => (await import("../commands/sample.ts")).sample,
  )
    .description("go on with a text, symbol by symbol, as a trained language model says")
    .option("--prompt <text>", "how the text begins (default: after the end of a line)")
    .option("--length <n>", "symbols to draw", read.positiveWholeNumber, 200)
    .option(
      "--temperature <t>",
      "divides the logits: 0 takes the likeliest symbol, 1 draws as the model says",
      read.notNegative,
      1,
    )
    .option("--top-k <k>", "draw only among the k likeliest symbols (default: all)", read.positiveWholeNumber)
    .option("--output <name>", "the model's output to draw from (default: the one that fits)")
    .addOption(taskOfRun())
    .option("--data <path>", "the data of its training, for a checkpoint in no run", read.path)
    .addOption(allowOtherEquations())
    .addOption(threads());

  onRun(
    withAutoTarget(withModelOnData(program.command("stats"), partOfData("what to estimate from", "train"))),
    run,
    async () => (await import("../commands/stats.ts")).stats,
    "folder of a run, or a checkpoint",
  )
    .description("show the population statistics of a trained model, or estimate them anew")
    .option("--plot <file>", "draw them over the steps as an SVG picture", read.path)
    .addOption(new Option("--estimate", "estimate them anew and write the checkpoint").conflicts("drift"))
    .addOption(
      new Option("--drift", "compare them, and the model's results with them, with an exact pass").conflicts([
        "output",
        "plot",
      ]),
    )
    .addOption(noise())
    .option("--output <file>", "with --estimate: the new checkpoint (default: replace the old one)", read.path)
    .addOption(allowOtherEquations())
    .option("--batches <n>", "batches to estimate from (default: those of 10,000 examples)", read.positiveWholeNumber)
    .addOption(
      new Option("--variance <how>", "average of the batches' variances, or the law of total variance")
        .choices(["within", "total"])
        .default("within"),
    )
    .addOption(taskOfRun())
    .addOption(threads())
    .addOption(batchOfRun())
    .addOption(optimizerOfCheckpoint());

  onRun(
    withEntryOptions(program.command("export")),
    run,
    async () => (await import("../commands/export.ts")).exportCommand,
    "folder of a run, or the checkpoint in it; or a .cell file, with --to pytorch",
  )
    .description("write a trained model for inference: its code, its parameters and its statistics")
    .addOption(
      new Option(
        "--to <format>",
        `what is written: ${formatNames.map((name) => `${name}, ${exportFormats[name].doc}`).join("; ")}`,
      )
        .choices(formatNames)
        .default(defaultFormat),
    )
    .option("--distributed", "with --to pytorch: a module for several processes, and a script that trains it")
    .option("--no-examples", "with --distributed: leave out the run's examples")
    .option("--examples-limit <size>", "with --distributed: the most bytes of examples (default: 2G)", read.bytes)
    .addOption(targetList())
    .option("--batch <n>", "examples at a time", read.positiveWholeNumber, 1)
    .option("--entries <name,...>", "entries to compile (default: infer, and step if possible)", read.entries)
    .option("--ragged", "sequences may differ in length: an input says how long each is (default: as in training)")
    .option("--states", "sequences may come in parts: states are inputs and outputs")
    .addOption(allowOtherEquations())
    .addOption(taskOfRun())
    .option("--time <n>", "sequence length, for tasks that leave it open", read.positiveWholeNumber)
    .requiredOption("-o, --out <path>", "where the model goes", read.path);
}
