/** What a plan contains and costs, counted from the plan alone. */
import { floatsOf, regionNames, regionSizes, widthOf } from "../../runtime/layout.ts";
import type { Command, Entry, EntryName, Plan, RegionName, Tensor } from "../../runtime/plan.ts";
import { initText } from "./init-text.ts";

export interface PlanSummary {
  readonly name: string;
  readonly target: string;
  readonly dims: Readonly<Record<string, number>>;
  /** Sequence length that `memory` and the totals are for. */
  readonly time: number;
  readonly parameters: readonly ParameterSummary[];
  /** Numbers of all parameters, without constants. */
  readonly parameterCount: number;
  readonly constants: readonly ParameterSummary[];
  readonly constantCount: number;
  readonly statistics: readonly {
    readonly name: string;
    readonly policy: string;
    readonly steps: number;
    readonly shape: readonly number[];
    readonly count: number;
  }[];
  readonly entries: Readonly<Partial<Record<EntryName, EntrySummary>>>;
  /** Bytes of each region, which is as large as the entry that needs most of it. */
  readonly memory: Readonly<Record<RegionName, number>>;
}

export interface ParameterSummary {
  readonly name: string;
  readonly shape: readonly number[];
  readonly count: number;
  /** In the language's syntax. */
  readonly init: string;
}

export interface EntrySummary {
  /** Bytes of each region for sequences of `time` steps. */
  readonly memory: Readonly<Record<RegionName, number>>;
  /** Dispatches in one time step, in forward loops and in backward loops. */
  readonly dispatchesPerStep: { readonly forward: number; readonly backward: number };
  /** Dispatches outside of the loops, which handle all steps at once. */
  readonly dispatchesOutside: number;
  /** All dispatches for `time` steps. */
  readonly dispatches: number;
  readonly kernels: readonly string[];
}

/** Summarises a plan for sequences of `time` steps. */
export function summarise(plan: Plan, time: number): PlanSummary {
  const entries = Object.entries(plan.entries) as [EntryName, Entry][];
  const tensors = new Map<string, Tensor>();
  for (const [, entry] of entries) {
    for (const tensor of entry.tensors) if (!tensors.has(tensor.name)) tensors.set(tensor.name, tensor);
  }
  const begins = (constant: boolean): readonly ParameterSummary[] =>
    [...tensors.values()].flatMap(({ name, role, shape }) =>
      role.kind === "param" && (role.constant ?? false) === constant
        ? [{ name, shape, count: sizeOf(shape), init: initText(role.init) }]
        : [],
    );
  const [parameters, constants] = [begins(false), begins(true)];
  const statistics = [...tensors.values()].flatMap(({ name, role, shape }) =>
    role.kind === "stat"
      ? [{ name, policy: role.policy, steps: role.steps, shape, count: role.steps * sizeOf(shape) }]
      : [],
  );
  return {
    name: plan.name,
    target: plan.target,
    dims: plan.dims,
    time,
    parameters,
    parameterCount: countOf(parameters),
    constants,
    constantCount: countOf(constants),
    statistics,
    entries: Object.fromEntries(entries.map(([name, entry]) => [name, summariseEntry(entry, time)])),
    memory: bytesOf(regionSizes(plan, time)),
  };
}

const countOf = (some: readonly ParameterSummary[]): number => some.reduce((sum, { count }) => sum + count, 0);

function summariseEntry(entry: Entry, time: number): EntrySummary {
  const kernels = new Set<string>();
  const dispatches = { forward: 0, backward: 0, outside: 0 };
  // Outside of the loops over steps, a kernel inside a loop over segments runs once for each segment.
  const walk = (commands: readonly Command[], place: keyof typeof dispatches, times: number): void => {
    for (const command of commands) {
      if (command.do === "steps") walk(command.commands, command.reverse ? "backward" : "forward", 1);
      else if (command.do === "segments") walk(command.commands, place, Math.ceil(time / command.length));
      else {
        kernels.add(command.kernel);
        dispatches[place] += times;
      }
    }
  };
  walk(entry.commands, "outside", 1);
  const { forward, backward, outside } = dispatches;
  const sizes = Object.entries(entry.regions).map(([name, region]) => [name, floatsOf(region, time)]);
  return {
    memory: bytesOf(Object.fromEntries(sizes)),
    dispatchesPerStep: { forward, backward },
    dispatchesOutside: outside,
    dispatches: outside + (forward + backward) * time,
    kernels: [...kernels],
  };
}

function bytesOf(floats: Readonly<Record<RegionName, number>>): Readonly<Record<RegionName, number>> {
  const bytes = regionNames.map((name): [RegionName, number] => [name, widthOf(name) * floats[name]]);
  return Object.fromEntries(bytes) as Record<RegionName, number>;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
