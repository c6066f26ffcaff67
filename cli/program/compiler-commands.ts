/** Commands about what a cell is compiled to. */
import { type Command, Option } from "commander";
import { whereItRuns, withDataOptions } from "../data-command.ts";
import * as read from "../options.ts";
import { stages } from "../stages.ts";
import { targetNames } from "../targets.ts";
import { memory, withEntryOptions, withModelOptions, withSchedule } from "./model-options.ts";
import type { RunCommand } from "./run-command.ts";
import { kernels, target, targetListOrModule, threads } from "./target-options.ts";

/** Declares `compile`, `types`, `draw`, `inspect`, `tune` and `gradcheck`. */
export function declareCompilerCommands(program: Command, run: RunCommand): void {
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
      run(command, async (context) => (await import("../commands/compile.ts")).compileCommand(context, file, options)),
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
      run(command, async (context) => (await import("../commands/types.ts")).types(context, files, options)),
    );

  withEntryOptions(program.command("draw"))
    .description("draw a cell or model as a picture of its equations, with the norms at their sites")
    .argument("<file>", ".cell file", read.path)
    .requiredOption("-o, --out <file>", "the SVG picture", read.path)
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("../commands/draw.ts")).draw(context, file, options)),
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
      run(command, async (context) => (await import("../commands/inspect.ts")).inspect(context, file, options)),
    );

  withDataOptions(withModelOptions(program.command("tune")), { target: whereItRuns(targetNames) })
    .description("measure the best owner of the loops over the steps on this device, and remember it")
    .argument("<file>", ".cell file", read.path)
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 64)
    .option("--repeats <n>", "training steps to time for each candidate", read.positiveWholeNumber, 5)
    .addOption(threads())
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("../commands/tune.ts")).tune(context, file, options)),
    );

  withSchedule(withModelOptions(program.command("gradcheck")))
    .description("compare a target's gradients with finite differences in f64")
    .argument("<file>", ".cell file", read.path)
    .addOption(target("reference", ...targetNames))
    .addOption(threads())
    .option("--batch <n>", "examples per batch", read.positiveWholeNumber, 4)
    .option("--time <n>", "sequence length", read.positiveWholeNumber, 3)
    .action((file: string, options, command: Command) =>
      run(command, async (context) => (await import("../commands/gradcheck.ts")).gradcheck(context, file, options)),
    );
}
