/** Commands that train models. */
import { type Command, Option } from "commander";
import { withAutoTarget } from "../auto-target.ts";
import { withDataOptions } from "../data-command.ts";
import { withOptimizer } from "../optimizer.ts";
import * as read from "../options.ts";
import { withSchedules } from "../schedule.ts";
import { declareCompare, declareExplore } from "./explore-commands.ts";
import { memory, withModelOptions, withSchedule } from "./model-options.ts";
import { givenOptions, type RunCommand } from "./run-command.ts";
import { threads, withTarget } from "./target-options.ts";
import { allowOtherEquations, estimate, noise, task, withModelOnData } from "./task-options.ts";

/** Options that decide how a model is trained, except for how long. */
function withTrainingOptions(command: Command): Command {
  return withSchedules(withOptimizer(command))
    .option("--batch <n>", "examples per step", read.positiveWholeNumber, 64)
    .option("--accumulate <n>", "batches of a step, whose gradients are added up", read.positiveWholeNumber)
    .option("--lr <rate>", "learning rate", read.positiveNumber, 1e-3)
    .option("--warmup <n>", "steps in which the learning rate first rises to its whole", read.positiveWholeNumber)
    .option("--ema <decay>", "average the weights, such as 0.999, and evaluate with the average", read.decay)
    .addOption(memory())
    .option("--clip <norm>", "clip gradients to this global norm", read.positiveNumber)
    .option("--momentum <weight>", "weight of the newest batch in moving statistics", read.fraction, 0.1)
    .addOption(
      new Option("--stats <how>", "statistics for evaluation: from a pass over training data, or the moving average")
        .choices(["exact", "ema"])
        .default("exact"),
    )
    .addOption(estimate())
    .addOption(noise())
    .option("--evaluate-every <n>", "steps between evaluations (default: an epoch)", read.positiveWholeNumber);
}
/** Declares `train`. */
export function declareTrain(program: Command, run: RunCommand): void {
  withAutoTarget(withTrainingOptions(withModelOnData(program.command("train"))))
    .description("train a model, or a cell with a readout, on a task")
    .argument("[file]", ".cell file (default: with --resume RUN, the run's)", read.path)
    .addOption(task())
    .addOption(threads())
    .option("--epochs <n>", "passes over the training examples", read.positiveNumber, 1)
    .option("--steps <n>", "training steps, instead of --epochs", read.positiveWholeNumber)
    .option("--max-time <time>", "end after this long, such as 10m, with an evaluation", read.duration)
    .option(
      "--patience <n>",
      "end after so many evaluations that were no better than the best",
      read.positiveWholeNumber,
    )
    .option("--min-delta <number>", "with --patience: by how much better is better", read.notNegative, 0)
    .option(
      "--best-by <measure>",
      "what makes an evaluation the best: loss, accuracy, or NAME:min, NAME:max",
      read.criterion,
      {
        metric: "loss",
      },
    )
    .option("--test", "measure the best checkpoint on the test examples, at the end")
    .option("--tensorboard <dir>", "also write the curve for TensorBoard, into this folder", read.path)
    .option("--out <dir>", "folder of the run; required, unless --resume names it", read.path)
    .option("--resume [run]", "continue the run in --out; or the run in this folder, with its options", read.path)
    .addOption(allowOtherEquations())
    .action((file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("../commands/train.ts")).trainCommand(context, file, options, givenOptions(command)),
      ),
    );
}

/** Declares the commands that train several models to compare them: `explore`, `compare`, `gradflow` and `demo`. */
export function declareComparisons(program: Command, run: RunCommand): void {
  declareExplore(withTrainingOptions(withSchedule(withDataOptions(withModelOptions(program.command("explore"))))), run);
  declareCompare(program, run);

  withAutoTarget(withOptimizer(withModelOnData(program.command("gradflow"))))
    .description(
      "measure and draw how much gradient reaches each state at each step, for different initial gains of the norms",
    )
    .argument("<file>", ".cell file", read.path)
    .addOption(task())
    .option("--gamma <gain,...>", "initial gains to try, for all its norms", read.positiveNumbers, [
      ...[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    ])
    .option(
      "--steps <n,...>",
      "numbers of training steps to measure after; 0 is initialisation",
      read.wholeNumbers,
      [0],
    )
    .addOption(threads())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 100)
    .option("--lr <rate>", "learning rate", read.positiveNumber, 1e-3)
    .option("--clip <norm>", "clip gradients to this global norm in training", read.positiveNumber)
    .option("--out <dir>", "folder of the results", read.path, "runs/gradflow")
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("../commands/gradflow.ts")).gradflow(context, file, options)),
    );

  withTarget(program.command("demo"))
    .description("train BN-LSTM and LSTM on generated digits and draw both learning curves")
    .addOption(threads())
    .option("--steps <n>", "training steps for each", read.positiveWholeNumber, 600)
    .option("--out <dir>", "folder of the results", read.path, "runs/demo")
    .action((options, command: Command) =>
      run(command, async (context) => (await import("../commands/demo.ts")).demo(context, options)),
    );
}
