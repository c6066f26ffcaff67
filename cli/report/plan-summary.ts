/** What a plan holds and costs, counted from the plan alone. */
import type { Command, Entry, EntryName, Plan, RegionName, Tensor } from "../../runtime/plan.ts";

export interface PlanSummary {
  readonly name: string;
  readonly target: string;
  readonly dims: Readonly<Record<string, number>>;
  /** Sequence length that `memory` and the totals are for. */
  readonly time: number;
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly count: number }[];
  readonly parameterCount: number;
  readonly statistics: readonly {
    readonly name: string;
    readonly policy: string;
    readonly steps: number;
    readonly shape: readonly number[];
    readonly count: number;
  }[];
  readonly entries: Readonly<Partial<Record<EntryName, EntrySummary>>>;
}

export interface EntrySummary {
  /** Bytes of each region for sequences of `time` steps. */
  readonly memory: Readonly<Record<RegionName, number>>;
  /** Dispatches in one time step, over all loops of the entry; and outside of them. */
  readonly dispatchesPerStep: number;
  readonly dispatchesOutside: number;
  readonly kernels: readonly string[];
}

/** Summarises a plan for sequences of `time` steps. */
export function summarise(plan: Plan, time: number): PlanSummary {
  const entries = Object.entries(plan.entries) as [EntryName, Entry][];
  const tensors = new Map<string, Tensor>();
  for (const [, entry] of entries) {
    for (const tensor of entry.tensors) if (!tensors.has(tensor.name)) tensors.set(tensor.name, tensor);
  }
  const parameters = [...tensors.values()].flatMap(({ name, role, shape }) =>
    role.kind === "param" ? [{ name, shape, count: sizeOf(shape) }] : [],
  );
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
    parameterCount: parameters.reduce((sum, { count }) => sum + count, 0),
    statistics,
    entries: Object.fromEntries(entries.map(([name, entry]) => [name, summariseEntry(entry, time)])),
  };
}

function summariseEntry(entry: Entry, time: number): EntrySummary {
  const kernels = new Set<string>();
  const dispatches = { inside: 0, outside: 0 };
  const walk = (commands: readonly Command[], place: "inside" | "outside"): void => {
    for (const command of commands) {
      if (command.do === "steps") walk(command.commands, "inside");
      else {
        kernels.add(command.kernel);
        dispatches[place] += 1;
      }
    }
  };
  walk(entry.commands, "outside");
  const memory = Object.fromEntries(
    // Every region that grows has a frame more than steps, for the initial states: see runtime/plan.ts.
    Object.entries(entry.regions).map(([name, { fixed, frame }]) => [name, 4 * (fixed + frame * (time + 1))]),
  ) as Record<RegionName, number>;
  return {
    memory,
    dispatchesPerStep: dispatches.inside,
    dispatchesOutside: dispatches.outside,
    kernels: [...kernels],
  };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
