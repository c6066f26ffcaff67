/** `cellc inspect`: what a compiled cell or model holds and costs. */
import type { SiteInfo } from "../../compiler/semantics/cells.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";
import { formatCount, type Output } from "../output.ts";
import { type PlanSummary, summarise } from "../report/plan-summary.ts";
import { compileFile, type ModelOptions, type TargetName } from "../toolchain.ts";

export interface InspectOptions extends ModelOptions {
  readonly target: TargetName;
  readonly batch: number;
  readonly time?: number;
  readonly schedule?: boolean;
}

/** Sequence length that memory is counted for when none is asked for. */
const DEFAULT_TIME = 100;

export async function inspect({ output }: Context, file: string, options: InspectOptions): Promise<ExitCode> {
  let schedule: string | undefined;
  const observe = (stage: string, text: () => string) => {
    if (stage === "schedule" && options.schedule) schedule = text();
  };
  const { executable, sites } = await compileFile({ ...options, file, observe }, output);
  const summary = summarise(executable.plan, options.time ?? DEFAULT_TIME);
  sayHeader(summary, output);
  sayTable(
    output,
    "parameters",
    ["name", "shape", "numbers"],
    [
      ...summary.parameters.map(({ name, shape, count }) => [name, shapeText(shape), count]),
      ["all", "", summary.parameterCount],
    ],
  );
  sayTable(
    output,
    "sites",
    ["site", "norm", ""],
    sites.map(({ name, norm, recurrent }) => [name, normText(norm), recurrent ? "depends on a state" : ""]),
  );
  sayTable(
    output,
    "population statistics",
    ["name", "policy", "steps", "shape", "numbers"],
    summary.statistics.map(({ name, policy, steps, shape, count }) => [name, policy, steps, shapeText(shape), count]),
  );
  sayTable(
    output,
    `cost of each entry, for ${summary.time} steps`,
    ["entry", "dispatches a step", "besides", "kernels", "memory"],
    Object.entries(summary.entries).map(([name, entry]) => [
      name,
      entry.dispatchesPerStep,
      entry.dispatchesOutside,
      entry.kernels.length,
      bytesText(Object.values(entry.memory).reduce((sum, bytes) => sum + bytes, 0)),
    ]),
  );
  if (schedule !== undefined) output.say(`\n${schedule.trimEnd()}`);
  const standing = sites.map(({ name, norm, recurrent }) => ({ name, norm, recurrent }));
  output.result({ ok: true, ...summary, sites: standing, schedule });
  return exit.ok;
}

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

/** `batch(gamma = 0.1, beta = none)`, or a dash where nothing stands. */
function normText(norm: SiteInfo["norm"]): string {
  if (norm === undefined) return "–";
  const args = Object.entries(norm.args).map(([name, value]) => `${name} = ${value}`);
  return args.length === 0 ? norm.name : `${norm.name}(${args.join(", ")})`;
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${formatCount(Number((bytes / 1024 ** power).toPrecision(3)))} ${units[power]}`;
}
