/** The command that takes weights of other programs. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExplicitMap } from "../import/explicit-maps.ts";
import { sourceNames } from "../import/source-names.ts";
import { withOptimizer } from "../optimizer.ts";
import * as read from "../options.ts";
import { withEntryOptions } from "./model-options.ts";
import { givenOptions, type RunCommand } from "./run-command.ts";
import { allowOtherEquations } from "./task-options.ts";

/** `readout=fc.weight^T,shift=fc.bias` */
function maps(text: string, before: readonly ExplicitMap[] = []): readonly ExplicitMap[] {
  return [
    ...before,
    ...text.split(",").map((part) => {
      const [, name, tensor, transposed] = /^([^=]+)=([^=^]+)(\^T)?$/.exec(part.trim()) ?? [];
      if (name === undefined) throw new InvalidArgumentError("want NAME=TENSOR, or NAME=TENSOR^T for its transpose.");
      return { name: name.trim(), tensor: tensor.trim(), transposed: transposed !== undefined };
    }),
  ];
}

/** `forward,backward` */
function names(text: string): readonly string[] {
  const found = text.split(",").map((name) => name.trim());
  if (found.includes("")) throw new InvalidArgumentError("want names, such as lstm,lstm_2.");
  return found;
}

/** Declares `import`. */
export function declareImport(program: Command, run: RunCommand): void {
  withOptimizer(withEntryOptions(program.command("import")))
    .description("make a checkpoint of weights that were trained elsewhere: with PyTorch, or with Keras")
    .argument("<file>", "safetensors, a file of torch.save, .h5, .keras or .npz", read.path)
    .requiredOption("--to <model>", "whose weights they are to be: a .cell file, or the folder of a run", read.path)
    .addOption(
      new Option(
        "--from <layers>",
        "whose layers they are (default: tensors have our own names, as cellc export writes)",
      ).choices(sourceNames),
    )
    .requiredOption(
      "-o, --out <path>",
      "the checkpoint, a .safetensors file; or a folder for a run that goes on",
      read.path,
    )
    .option("--prefix <text>", "take only tensors whose names begin so, such as rnn.")
    .option("--key <key>", "where they are in nested dictionaries of torch.save, such as model")
    .option("--scan <name,...>", "with --from: which scans of the model they are of (default: all of the kind)", names)
    .option("--layers <name,...>", "with Keras: the names of its layers, from the first to the last", names)
    .addOption(
      new Option(
        "--map <name=tensor,...>",
        "single parameters: readout=fc.weight^T,shift=fc.bias (^T: transposed)",
      ).argParser(maps),
    )
    .option(
      "--rest <initial|file>",
      "what other parameters are: initial values, or those of a checkpoint (default: refused)",
    )
    .option("--task <name>", "with a cell: the built-in task whose readout and loss the model has")
    .option("--time <n>", "training sequence length, for statistics per step", read.positiveWholeNumber)
    .addOption(allowOtherEquations())
    .action((file: string, options, command: Command) =>
      run(command, async (context) =>
        (await import("../commands/import.ts")).importCommand(
          context,
          file,
          { batch: 64, ...options },
          givenOptions(command),
        ),
      ),
    );
}
