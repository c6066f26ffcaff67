/**
 * The command line: every command and option, and which file in `commands/` does the work. A command's modules load only when it
 * runs, so `--help` is instant and a missing optional package only affects commands that need it.
 */
import { Argument, Command, Option } from "commander";
import { optimizerNames } from "../compiler/optimizers.ts";
import { auto, withAutoTarget } from "./auto-target.ts";
import type { Context } from "./context.ts";
import { partOfData, whereItRuns, withDataOptions } from "./data-command.ts";
import { declareCompare, declareExplore } from "./explore-command.ts";
import type { ExitCode } from "./failure.ts";
import { withOptimizer } from "./optimizer.ts";
import * as read from "./options.ts";
import { packageVersion } from "./package.ts";
import { withSchedules } from "./schedule.ts";
import { stages } from "./stages.ts";
import { type ProjectKind, projectKinds } from "./start/project-kinds.ts";
import { defaultTarget, targetNames, threadedTargets } from "./targets.ts";
import { forTerminal } from "./terminal.ts";

/** The catalogue's code for a command line that cannot be read. */
export const USAGE = "C0301";

/** Opens a command's context and does its work. */
export type RunCommand = (command: Command, work: (context: Context) => Promise<ExitCode>) => Promise<void>;

/** The streams for help and for usage errors. */
export interface HelpStreams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Declares every command and option. Parsing a line calls `run` with the command and its work; a bad line throws CommanderError. */
export function buildProgram(run: RunCommand, { stdout, stderr }: HelpStreams = process): Command {
  const program = new Command("cellc")
    .description("Compiles recurrent cells with normalization to WebGPU and WASM kernels, trains and runs them.")
    .version(packageVersion(), "-V, --version")
    .option("--json", "print one JSON document to stdout, words to stderr")
    .option("--seed <n>", "seed of initialisation, order and noise", read.wholeNumber, 1)
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(forTerminal(text)),
      outputError: (text, write) => write(text.replace(/^error: /, `error[${USAGE}]: `)),
    })
    .showHelpAfterError("  = help: --help, before or after a command, says what can be given")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 the input is wrong, 2 usage, 3 the machine lacks something, 4 training diverged,\n70 internal error, 130 interrupted.",
    );
  declareTextCommands(program, run);
  declareCompileCommands(program, run);
  declareTrainingCommands(program, run);
  declareDataCommand(program, run);
  return program;
}

/** Commands about the text of a cell. */
function declareTextCommands(program: Command, run: RunCommand): void {
  withEntryOptions(program.command("check"))
    .description("say what is wrong with cells")
    .argument("<file...>", ".cell files", read.paths)
    .action((files: string[], options, command: Command) =>
      run(command, async (context) => (await import("./commands/check.ts")).check(context, files, options)),
    );

  program
    .command("fmt")
    .description("format cells; prints the text, unless --check or --write")
    .argument("<file...>", ".cell files, or - for standard input", read.paths)
    .addOption(new Option("--check", "only say which files are not formatted; exit code 1 if any").conflicts("write"))
    .option("--write", "change the files")
    .action((files: string[], options, command: Command) =>
      run(command, async (context) => (await import("./commands/fmt.ts")).fmt(context, files, options)),
    );

  program
    .command("explain")
    .description("explain an error code")
    .argument("[code]", "such as C0207; without one, the list of all codes")
    .action((code: string | undefined, _options, command: Command) =>
      run(command, async (context) => (await import("./commands/explain.ts")).explain(context, code)),
    );
}

/** Options that choose the cell, its dimensions and the norms at its sites. */
const withEntryOptions = (command: Command): Command =>
  command
    .option("--entry <name>", "which cell or model of the file (default: the last one)")
    .option("--dims <name=n,...>", "dimensions, such as D=28,H=100", read.dimensions, {})
    .option("--place <site=norm,...>", 'norms at sites and on parameters, such as "hh=group(4),Wh=weight"')
    .option("--cell <name=cell,...>", "which cell a model scans, such as rnn=lstm", read.cells, {});

/** Options that decide what is compiled. */
const withModelOptions = (command: Command): Command =>
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

const memory = () =>
  new Option(
    "--memory <size>",
    "most memory for a whole sequence, such as 256M; recomputes values to stay below it",
  ).argParser(read.bytes);

/** The options that decide who owns the loops over time steps. */
const withSchedule = (command: Command): Command =>
  command
    .option(
      "--schedule <owner>",
      "who owns the loops over the steps: column, row or whole, or forward=…,backward=… (default: the cheapest)",
      read.schedule,
    )
    .option("--no-tuned", "ignore what cellc tune measured on this device");

/** Where a command runs what it compiles. The first choice is the default. */
const withTarget = (command: Command): Command => withAutoTarget(command.addOption(target(...targetNames, auto)));

/** The same for a command whose data has a `--target`, too. */
const anywhere = whereItRuns([...targetNames, auto]);

/** The first choice is the default. */
const target = (...choices: string[]) =>
  new Option("--target <name>", "where it runs").choices(choices).default(choices[0]);

const targetList = () =>
  new Option("--target <name,...>", `where it runs: ${targetNames.join(", ")}, or several of them`)
    .argParser(read.targets)
    .default([defaultTarget], defaultTarget);

/** The targets, or a typed module, which has kernels of `--kernels`. */
const targetListOrModule = () =>
  new Option(
    "--target <name,...>",
    `where it runs: ${targetNames.join(", ")}, or several of them; or ${read.typedModule}, a typed module`,
  )
    .argParser(read.targetsOrModule)
    .default([defaultTarget], defaultTarget);

const kernels = () =>
  new Option(
    "--kernels <target,...>",
    "with typed modules: the targets that they have kernels of, the preferred one first",
  )
    .argParser(read.targets)
    .default([defaultTarget], defaultTarget);

const threads = () =>
  new Option(
    "--threads <n>",
    `most threads to use, on ${threadedTargets.join(", ")} (default: one per processor, up to 8)`,
  ).argParser(read.positiveWholeNumber);

function declareCompileCommands(program: Command, run: RunCommand): void {
  withSchedule(withModelOptions(program.command("compile")))
    .description("compile a cell or model; write its plan and kernels to --out, or print a stage with --emit")
    .argument("<file>", ".cell file", read.path)
    .addOption(targetListOrModule())
    .addOption(kernels())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option("--time <n>", "training sequence length, for statistics per step", read.positiveWholeNumber)
    .option("--entries <name,...>", "entries to compile, such as infer,step (default: all possible)", read.entries)
    .option(
      "--carry",
      "sequences go on from batch to batch: each begins with the states that the one before ended with",
    )
    .addOption(memory())
    .addOption(new Option("--emit <stage>", "print a stage instead of writing files").choices(stages))
    .option("--after <pass>", "with --emit ir: the graph after this pass")
    .option(
      "-o, --out <path>",
      "folder for plan and kernels; with --target ts, a .ts or .js file, or a folder",
      read.path,
    )
    .option("--verify", "with --target ts: write nothing, and fail if the module is out of date")
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("./commands/compile.ts")).compileCommand(context, file, options)),
    );

  withSchedule(withModelOptions(program.command("types")))
    .description('write the types of `import … from "./NAME.cell"` beside each cell')
    .argument("<file...>", ".cell files", read.paths)
    .addOption(kernels())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option("--time <n>", "training sequence length, for statistics per step", read.positiveWholeNumber)
    .option("--entries <name,...>", "entries to compile, such as infer,step (default: all possible)", read.entries)
    .addOption(memory())
    .option("--watch", "write them again whenever a file changes, until Ctrl-C")
    .addOption(new Option("--verify", "write nothing, and fail if a file is out of date").conflicts("watch"))
    .action((files: string[], options, command: Command) =>
      run(command, async (context) => (await import("./commands/types.ts")).types(context, files, options)),
    );

  withEntryOptions(program.command("draw"))
    .description("draw a cell or model as a picture of its equations, with the norms at their sites")
    .argument("<file>", ".cell file", read.path)
    .requiredOption("-o, --out <file>", "the SVG picture", read.path)
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("./commands/draw.ts")).draw(context, file, options)),
    );

  withModelOptions(program.command("inspect"))
    .description("show parameters, sites and their norms, statistics, memory, and dispatches per step")
    .argument("<file>", ".cell file", read.path)
    .addOption(target(...targetNames))
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option("--time <n>", "sequence length", read.positiveWholeNumber)
    .addOption(memory())
    .option(
      "--schedule [owner]",
      "show each kernel, who owns the loops over the steps, and what other owners would cost; with an owner, choose it",
      read.schedule,
    )
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("./commands/inspect.ts")).inspect(context, file, options)),
    );

  withDataOptions(withModelOptions(program.command("tune")), { target: whereItRuns(targetNames) })
    .description("measure the best owner of the loops over the steps on this device, and remember it")
    .argument("<file>", ".cell file", read.path)
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option("--repeats <n>", "training steps to time for each candidate", read.positiveWholeNumber, 5)
    .addOption(threads())
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("./commands/tune.ts")).tune(context, file, options)),
    );

  withSchedule(withModelOptions(program.command("gradcheck")))
    .description("compare a target's gradients with finite differences in f64")
    .argument("<file>", ".cell file", read.path)
    .addOption(target("reference", ...targetNames))
    .addOption(threads())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 4)
    .option("--time <n>", "sequence length", read.positiveWholeNumber, 3)
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("./commands/gradcheck.ts")).gradcheck(context, file, options)),
    );
}

/** The option that accepts a checkpoint of a model whose equations were changed on purpose. */
const allowOtherEquations = () =>
  new Option(
    "--allow-other-equations",
    "accept a checkpoint whose parameters fit but whose equations, norm arguments, loss or optimiser options differ",
  );

/** The option that refuses a checkpoint of another optimiser. */
const optimizerOfCheckpoint = () =>
  new Option("--optimizer <name>", "refuse a checkpoint of another optimiser").choices(optimizerNames);

const noise = () =>
  new Option("--noise <how>", "noise during evaluation: its mean, or drawn as in training")
    .choices(["mean", "drawn"])
    .default("mean");

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
    .option("--estimate <n>", "training examples the exact pass reads", read.positiveWholeNumber, 10_000)
    .addOption(noise())
    .option("--evaluate-every <n>", "steps between evaluations (default: an epoch)", read.positiveWholeNumber);
}

function declareTrainingCommands(program: Command, run: RunCommand): void {
  withAutoTarget(
    withTrainingOptions(
      withSchedule(withDataOptions(withModelOptions(program.command("train")), { target: anywhere })),
    ),
  )
    .description("train a model, or a cell with a readout, on a task")
    .argument("[file]", ".cell file (default: with --resume RUN, the run's)", read.path)
    .option("--task <name>", "a built-in task, see cellc data; a task file; or a module")
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
        (await import("./commands/train.ts")).trainCommand(context, file, options, givenOptions(command)),
      ),
    );

  withAutoTarget(
    withSchedule(
      withDataOptions(withModelOptions(program.command("eval")), {
        split: partOfData("what to measure on", "validation"),
        target: anywhere,
      }),
    ),
  )
    .description("measure a trained model with its population statistics")
    .argument("<run>", "folder of a run, or the checkpoint in it; or a .cell file, with --checkpoint", read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
    .option("--task <name>", "a built-in task, see cellc data; a task file; or a module")
    .option("--checkpoint <file>", "with a .cell file: its checkpoint, such as runs/x/model.safetensors", read.path)
    .addOption(allowOtherEquations())
    .addOption(threads())
    .addOption(new Option("--stats <how>", "statistics").choices(["stored", "exact"]).default("stored"))
    .option("--estimate <n>", "training examples the exact pass reads", read.positiveWholeNumber, 10_000)
    .addOption(noise())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option(
      "--output <name>",
      "the model's output to measure, or target=output (default: the one that fits each target)",
    )
    .option("--svg <file>", "draw which classes are taken for which", read.path)
    .addOption(optimizerOfCheckpoint())
    .action((path: string, file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("./commands/eval.ts")).evaluateCommand(context, path, file, options, givenOptions(command)),
      ),
    );

  withAutoTarget(
    withSchedule(
      withDataOptions(withModelOptions(program.command("predict")), {
        split: partOfData("what to predict, of data that is divided", "validation"),
        target: anywhere,
      }),
    ),
  )
    .description("write what a trained model predicts for data, in the data's own units")
    .argument("<run>", "folder of a run, or the checkpoint in it", read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
    .requiredOption("-o, --out <file>", "where to write them: a .csv, .jsonl or .npz file", read.path)
    .option("--output <name>", "the model's output to write, or target=output (default: the one that fits each target)")
    .option("--task <name>", "a built-in task, see cellc data; a task file; or a module (default: the run's)")
    .addOption(allowOtherEquations())
    .addOption(threads())
    .option("--batch <n>", "examples per batch, if the run does not say", read.positiveWholeNumber, 64)
    .action((path: string, file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("./commands/predict.ts")).predict(context, path, file, options, givenOptions(command)),
      ),
    );

  withTarget(withEntryOptions(program.command("sample")))
    .description("go on with a text, symbol by symbol, as a trained language model says")
    .argument("<run>", "folder of a run, or the checkpoint in it", read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
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
    .option("--task <name>", "see cellc data (default: the run's)")
    .option("--data <path>", "the data of its training, for a checkpoint in no run", read.path)
    .addOption(allowOtherEquations())
    .addOption(threads())
    .action((path: string, file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("./commands/sample.ts")).sample(context, path, file, options, givenOptions(command)),
      ),
    );

  withAutoTarget(
    withSchedule(
      withDataOptions(withModelOptions(program.command("stats")), {
        split: partOfData("what to estimate from", "train"),
        target: anywhere,
      }),
    ),
  )
    .description("show the population statistics of a trained model, or estimate them anew")
    .argument("<run>", "folder of a run, or a checkpoint", read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
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
    .option("--task <name>", "see cellc data (default: the run's)")
    .addOption(threads())
    .option("--batch <n>", "examples per batch, if the run does not say", read.positiveWholeNumber, 64)
    .addOption(optimizerOfCheckpoint())
    .action((path: string, file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("./commands/stats.ts")).stats(context, path, file, options, givenOptions(command)),
      ),
    );

  withEntryOptions(program.command("export"))
    .description("write a trained model for inference: its kernels, its parameters and its statistics")
    .argument("<run>", "folder of a run, or the checkpoint in it", read.path)
    .argument("[file]", ".cell file (default: the run's)", read.path)
    .addOption(targetList())
    .option("--batch <n>", "examples at a time", read.positiveWholeNumber, 1)
    .option("--entries <name,...>", "entries to compile (default: infer, and step if possible)", read.entries)
    .addOption(allowOtherEquations())
    .option("--task <name>", "see cellc data (default: the run's)")
    .option("--time <n>", "sequence length, for tasks that leave it open", read.positiveWholeNumber)
    .requiredOption("-o, --out <dir>", "folder for the model", read.path)
    .action((path: string, file: string | undefined, options, command: Command) =>
      run(command, async (context) =>
        (await import("./commands/export.ts")).exportCommand(context, path, file, options, givenOptions(command)),
      ),
    );

  declareExplore(withTrainingOptions(withSchedule(withDataOptions(withModelOptions(program.command("explore"))))), run);
  declareCompare(program, run);

  withAutoTarget(
    withOptimizer(withSchedule(withDataOptions(withModelOptions(program.command("gradflow")), { target: anywhere }))),
  )
    .description(
      "measure and draw how much gradient reaches each state at each step, for different initial gains of the norms",
    )
    .argument("<file>", ".cell file", read.path)
    .option("--task <name>", "a built-in task, see cellc data; a task file; or a module")
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
      run(command, async (context) => (await import("./commands/gradflow.ts")).gradflow(context, file, options)),
    );

  withTarget(program.command("demo"))
    .description("train BN-LSTM and LSTM on generated digits and draw both learning curves")
    .addOption(threads())
    .option("--steps <n>", "training steps for each", read.positiveWholeNumber, 600)
    .option("--out <dir>", "folder of the results", read.path, "runs/demo")
    .action((options, command: Command) =>
      run(command, async (context) => (await import("./commands/demo.ts")).demo(context, options)),
    );
}

/** Names of the options given on the command line. The others have their defaults. */
const givenOptions = (command: Command): ReadonlySet<string> =>
  new Set(
    Object.keys(command.optsWithGlobals()).filter((name) => command.getOptionValueSourceWithGlobals(name) === "cli"),
  );

function declareDataCommand(program: Command, run: RunCommand): void {
  withDataOptions(program.command("data"), { split: partOfData("what to show", "train") })
    .description("describe a file or folder of one's own; list the tasks, or show a task's examples")
    .argument("[what]", "a file, a folder, a task file, or the name of a task", read.path)
    .option("--from <n>", "number of the first example", read.wholeNumber, 0)
    .option("--count <n>", "how many examples", read.positiveWholeNumber, 3)
    .option("--svg <file>", "write a picture instead of printing text", read.path)
    .action((task: string | undefined, options, command: Command) =>
      run(command, async (context) => (await import("./commands/data.ts")).data(context, task, options)),
    );

  withDataOptions(program.command("init"))
    .description("write a model, a task file and the commands to begin with")
    .addArgument(new Argument("<kind>", "what is to be made of the data").choices(projectKinds))
    .option("-o, --out <dir>", "the folder (default: the data's name)", read.path)
    .action((kind: ProjectKind, options, command: Command) =>
      run(command, async (context) => (await import("./commands/init.ts")).init(context, kind, options)),
    );
}
