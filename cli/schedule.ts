/** The learning rate's schedule that a command line names: `--decay`, and an option for each option of a schedule. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ScheduleChoice, type ScheduleRow, scheduleNames, schedules } from "../runtime/fit/schedules.ts";
import { exit, Failure } from "./failure.ts";
import { flagOf } from "./optimizer.ts";
import { Mismatch, oneOf, type Schema } from "./report/schema.ts";

/** `every` → `decayEvery`. */
const optionName = (option: string): string => `decay${option[0].toUpperCase()}${option.slice(1)}`;

const rows = Object.entries<ScheduleRow>(schedules);

/** Which schedules have each option. */
const having = (option: string): readonly string[] =>
  rows.flatMap(([name, { options }]) => (Object.hasOwn(options, option) ? [name] : []));

/** Every option of any schedule. */
export const scheduleOptions: readonly string[] = [...new Set(rows.flatMap(([, { options }]) => Object.keys(options)))];

function optionOf(option: string): Option {
  const offered = rows.flatMap(([name, { options }]) =>
    Object.hasOwn(options, option) ? [{ name, row: options[option] }] : [],
  );
  const help = offered.map(({ name, row }) => `${name}: ${row.doc.replaceAll("`", "")} (default: ${row.default})`);
  return new Option(`${flagOf(optionName(option))} <number>`, help.join("; ")).argParser((text: string) => {
    const value = Number(text);
    const { row } = offered[0];
    if (text.trim() !== "" && offered.some(({ row }) => row.test(value))) return value;
    throw new InvalidArgumentError(`want ${row.must}.`);
  });
}

/**
 * Adds `--decay`, its options and `--warmup`. The command gets one value, `decay`, as `fit` takes it. Throws C0301, in a hook, for an
 * option that the chosen schedule does not have.
 */
export function withSchedules(command: Command): Command {
  command.addOption(new Option("--decay <how>", "how the learning rate falls").choices(scheduleNames).default("none"));
  for (const option of scheduleOptions) command.addOption(optionOf(option));
  return command.hook("preAction", (_, actionCommand) => {
    const name: string = actionCommand.getOptionValue("decay");
    const set: [string, number][] = [];
    for (const option of scheduleOptions) {
      const value: unknown = actionCommand.getOptionValue(optionName(option));
      if (typeof value !== "number") continue;
      const those = having(option);
      if (!those.includes(name))
        throw new Failure(
          "C0301",
          exit.usage,
          `${flagOf(optionName(option))} is no option of --decay ${name}`,
          `leave it out, or take a schedule that has it: --decay ${those.join(" or ")}`,
        );
      set.push([option, value]);
      actionCommand.setOptionValue(optionName(option), undefined);
    }
    if (set.length > 0) actionCommand.setOptionValue("decay", { name, ...Object.fromEntries(set) });
  });
}

/** `cosine`; `step, every 100, factor 0.5`. */
export function scheduleText(choice: ScheduleChoice): string {
  if (typeof choice === "string") return choice;
  const { name, ...set } = choice;
  return [name, ...Object.entries(set).map(([option, value]) => `${option} ${value}`)].join(", ");
}

/** A choice as the record of a run has it. */
export const scheduleChoice: Schema<ScheduleChoice> = (value, at) => {
  if (typeof value !== "object" || value === null) return oneOf(...scheduleNames)(value, at);
  const { name, ...set } = value as Readonly<Record<string, unknown>>;
  const known = oneOf(...scheduleNames)(name, [...at, "name"]);
  const { options }: ScheduleRow = schedules[known];
  for (const [option, given] of Object.entries(set)) {
    if (!Object.hasOwn(options, option))
      throw new Mismatch([...at, option], given, `nothing: ${known} has no such option`);
    const { must, test } = options[option];
    if (typeof given !== "number" || !test(given)) throw new Mismatch([...at, option], given, must);
  }
  return value as ScheduleChoice;
};
