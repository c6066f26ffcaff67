/** The optimiser that a command line or a checkpoint names. */
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
import { Mismatch, oneOf, type Schema } from "./report/schema.ts";

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
 * Adds `--optimizer` and the optimisers' own options. The command gets one value, `optimizer`, as `compile` takes it. Throws C0301,
 * in a hook, for an option that the chosen optimiser does not have.
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

/** The optimiser `asked` for. Default: the checkpoint's. Restoring refuses one that this version does not know. */
export function optimizerOf(
  { optimizer, optimizerOptions }: Pick<SessionState, "optimizer" | "optimizerOptions">,
  asked: OptimizerName = isOptimizer(optimizer) ? optimizer : defaultOptimizer,
): OptimizerChoice {
  return (asked === optimizer && recordedOptimizer(asked, optimizerOptions)) || asked;
}

/** A choice as the record of a run has it. */
export const optimizerChoice: Schema<OptimizerChoice> = (value, at) => {
  if (typeof value !== "object" || value === null) return oneOf(...optimizerNames)(value, at);
  const { name, ...set } = value as Readonly<Record<string, unknown>>;
  const known = oneOf(...optimizerNames)(name, [...at, "name"]);
  const { options } = optimizers[known] as OptimizerRow;
  for (const [option, given] of Object.entries(set)) {
    if (!Object.hasOwn(options, option))
      throw new Mismatch([...at, option], given, `nothing: ${known} has no such option`);
    if (!options[option].test(given)) throw new Mismatch([...at, option], given, options[option].must);
  }
  return value as OptimizerChoice;
};
