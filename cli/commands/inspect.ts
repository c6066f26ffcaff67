/** `cellc inspect`: shows what a compiled cell or model contains and costs. */
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import type { SiteInfo } from "../../compiler/semantics/sites.ts";
import { regionNames } from "../../runtime/layout.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";
import { bytesText, formatCount, type Output } from "../output.ts";
import { type ParameterSummary, type PlanSummary, summarise } from "../report/plan-summary.ts";
import type { TargetName } from "../targets.ts";
import { compileFile, type ModelOptions } from "../toolchain.ts";

export interface InspectOptions extends Omit<ModelOptions, "schedule"> {
  readonly target: TargetName;
  readonly batch: number;
  readonly time?: number;
  readonly memory?: number;
  /** Also show the schedule. With a choice, show the schedule for it. */
  readonly schedule?: true | LoopChoice;
}

/** Default sequence length for counting memory. */
const DEFAULT_TIME = 100;

export async function inspect(context: Context, file: string, options: InspectOptions): Promise<ExitCode> {
  const { output } = context;
  const { schedule: asked, ...rest } = options;
  const request = { ...rest, ...(asked !== true && { schedule: asked }), tuned: true, file };
  let schedule: string | undefined;
  const observe = (stage: string, text: () => string) => {
    if (stage === "schedule" && asked) schedule = text();
  };
  const { executable, sites, parameters } = await compileFile({ ...request, observe }, context);
  const summary = summarise(executable.plan, options.time ?? DEFAULT_TIME);
  sayHeader(summary, output);
  const begin = ["name", "shape", "numbers", "starts as"];
  sayTable(output, "parameters", begin, [...summary.parameters.map(row), ["all", "", summary.parameterCount, ""]]);
  if (summary.constants.length > 0)
    sayTable(
      output,
      "constants",
      [...begin.slice(0, -1), "is"],
      [...summary.constants.map(row), ["all", "", summary.constantCount, ""]],
    );
  const standing = [
    ...sites.map((site) => ({ ...shown(site), recurrent: site.recurrent })),
    ...parameters.flatMap((site) => (site.norm ? [{ ...shown(site), parameter: true, recurrent: false }] : [])),
  ];
  sayTable(
    output,
    "sites",
    ["site", "norm", ""],
    standing.map((site) => [
      site.name,
      normText(site.norm),
      [
        ...("parameter" in site ? ["a parameter"] : site.recurrent ? ["depends on a state"] : []),
        ...(site.like ? [`has the norm of ${site.like}`] : []),
      ].join(", "),
    ]),
  );
  sayTable(
    output,
    "population statistics",
    ["name", "policy", "steps", "shape", "numbers"],
    summary.statistics.map(({ name, policy, steps, shape, count }) => [name, policy, steps, shapeText(shape), count]),
  );
  const first = (executable.plan.entries.start?.tensors ?? []).flatMap(({ name, role, shape }) =>
    role.kind === "input" || role.kind === "index" ? [{ name, shape }] : [],
  );
  sayTable(
    output,
    "inputs of a stream's first states",
    ["name", "shape"],
    first.map(({ name, shape }) => [name, shapeText(shape)]),
  );
  const entries = Object.entries(summary.entries);
  sayTable(
    output,
    `dispatches of each entry, for ${summary.time} steps`,
    ["entry", "a step forward", "a step backward", "besides", "in all", "kernels"],
    entries.map(([name, { dispatchesPerStep, dispatchesOutside, dispatches, kernels }]) => [
      name,
      dispatchesPerStep.forward,
      dispatchesPerStep.backward,
      dispatchesOutside,
      dispatches,
      kernels.length,
    ]),
  );
  const uncapped =
    options.memory === undefined
      ? undefined
      : summarise(
          (await compileFile({ ...request, memory: undefined, quiet: true }, context)).executable.plan,
          summary.time,
        ).memory;
  const memories = [
    ...entries.map(([name, { memory }]) => ({ name, memory })),
    { name: "together", memory: summary.memory },
    ...(uncapped ? [{ name: "without --memory", memory: uncapped }] : []),
  ];
  const regions = regionNames.filter((region) => region !== "half" || summary.memory.half > 0);
  sayTable(
    output,
    `memory of each entry, for ${summary.time} steps; together they share it`,
    ["entry", ...regions, "all"],
    memories.map(({ name, memory }) => [
      name,
      ...[...regions.map((region) => memory[region]), sum(Object.values(memory))].map(bytesText),
    ]),
  );
  if (schedule !== undefined) output.say(`\n${schedule.trimEnd()}`);
  output.result({ ok: true, ...summary, uncapped, sites: standing, first, schedule });
  return exit.ok;
}

const row = ({ name, shape, count, init }: ParameterSummary) => [name, shapeText(shape), count, init];

function sayHeader({ name, target, dims }: PlanSummary, output: Output): void {
  const sizes = Object.entries(dims).map(([dim, value]) => `${dim} = ${formatCount(value)}`);
  output.say(`${output.colors.bold(name)} for ${target}: ${sizes.join(", ")}`);
}

function sayTable(
  output: Output,
  title: string,
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  if (rows.length === 0) return;
  output.say(`\n${output.colors.bold(title)}`);
  output.table(header, rows);
}

/** A site's name as `--place` takes it: `rnn.hh` for `hh` of the cell that a model scans as `rnn`. */
const shown = ({ name, norm, like }: SiteInfo) => ({ name: placeName(name), norm, like: like && placeName(like) });

/** `batch(gamma = 0.1, beta = none)`, or a dash for no norm. */
function normText(norm: SiteInfo["norm"]): string {
  if (norm === undefined) return "–";
  const args = Object.entries(norm.args).map(([name, value]) => `${name} = ${value}`);
  return args.length === 0 ? norm.name : `${norm.name}(${args.join(", ")})`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
