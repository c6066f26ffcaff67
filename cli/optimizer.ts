/** The optimiser, as a command line and a checkpoint tell it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  defaultOptimizer,
  isOptimizer,
  type OfferedOption,
  type OptimizerChoice,
  type OptimizerName,
  type OptimizerRow,
  optimizerNames,
  optimizerOptions,
  optimizers,
  optimizersWith,
  recordedOptimizer,
} from "../compiler/optimizers.ts";
import type { SessionState } from "../runtime/state.ts";
import { exit, Failure } from "./failure.ts";

/** `weightDecay` → `--weight-decay`. */
export const flagOf = (option: string): string =>
  `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const helpOf = ({ row, of }: OfferedOption): string =>
  `${of.join(", ")}: ${row.doc.replaceAll("`", "")} (default: ${row.show(row.default)})`;

function optionOf(name: string, offered: readonly OfferedOption[]): Option {
  const { form, must, read } = offered[0].row;
  return new Option(`${flagOf(name)} ${form}`, offered.map(helpOf).join("; ")).argParser((text: string) => {
    const value = read(text);
    if (offered.some(({ row }) => row.test(value))) return value;
    throw new InvalidArgumentError(`want ${must}.`);
  });
}

/**
 * The option `--optimizer`, and those of the optimisers. Its value for the command is the choice as `compile` takes it, with what was
 * set. The hook throws C0301 for an option that the optimiser chosen does not have.
 */
export function withOptimizer(command: Command): Command {
  command.addOption(new Option("--optimizer <name>", "step rule").choices(optimizerNames).default(defaultOptimizer));
  for (const [name, offered] of optimizerOptions) command.addOption(optionOf(name, offered));
  return command.hook("preAction", (_, actionCommand) => {
    const name: string = actionCommand.getOptionValue("optimizer");
    const set: [string, unknown][] = [];
    for (const option of optimizerOptions.keys()) {
      const value: unknown = actionCommand.getOptionValue(option);
      if (value === undefined) continue;
      const having = optimizersWith(option);
      if (!having.some((other) => other === name))
        throw new Failure(
          "C0301",
          exit.usage,
          `${flagOf(option)} is no option of ${name}`,
          `leave it out, or take an optimiser that has it: --optimizer ${having.join(" or ")}`,
        );
      set.push([option, value]);
      actionCommand.setOptionValue(option, undefined);
    }
    if (set.length > 0) actionCommand.setOptionValue("optimizer", { name, ...Object.fromEntries(set) });
  });
}

/** `adam`; `adamw, weightDecay 0.05, betas 0.9,0.99`. */
export function optimizerText(choice: OptimizerChoice): string {
  if (typeof choice === "string") return choice;
  const { name, ...set } = choice;
  const { options } = optimizers[name] as OptimizerRow;
  return [name, ...Object.entries(set).map(([option, value]) => `${option} ${options[option].show(value)}`)].join(", ");
}

/** The optimiser that a checkpoint is of, or what was asked for instead. One that this version does not know is refused on restoring. */
export function optimizerOf(
  { optimizer, optimizerOptions }: Pick<SessionState, "optimizer" | "optimizerOptions">,
  asked: OptimizerName = isOptimizer(optimizer) ? optimizer : defaultOptimizer,
): OptimizerChoice {
  return (asked === optimizer && recordedOptimizer(asked, optimizerOptions)) || asked;
}
