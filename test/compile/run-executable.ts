/** Runs entries of an executable on given numbers, for comparing targets with the reference. */
import type { Backend } from "../../runtime/backend.ts";
import { rangeOf } from "../../runtime/layout.ts";
import type { EntryName, Executable, Tensor } from "../../runtime/plan.ts";

/** Numbers by tensor name: parameters, statistics, inputs, hyper-parameters; [T, B, …] as the plan's tensors are. */
export type Numbers = Readonly<Record<string, ArrayLike<number>>>;

const written: ReadonlySet<Tensor["role"]["kind"]> = new Set([
  "param",
  "stat",
  "input",
  "index",
  "noise",
  "hyper",
  "lengths",
  "step",
]);

/**
 * For each entry: writes `numbers`, runs it for `steps` steps and reads back every gradient (`grad:NAME`), statistic
 * (`population:NAME`, `batch_stat:NAME`), output, loss and metric.
 */
export async function runExecutable<Name extends EntryName>(
  backend: Backend,
  executable: Executable,
  entryNames: readonly Name[],
  steps: number,
  numbers: Numbers,
): Promise<ReadonlyMap<Name, ReadonlyMap<string, Float32Array>>> {
  const machine = await backend.open(executable);
  const all = new Map<Name, ReadonlyMap<string, Float32Array>>();
  try {
    await machine.prepare(steps);
    for (const name of entryNames) {
      const entry = executable.plan.entries[name];
      if (!entry) throw new Error(`the plan has no entry ${name}`);
      for (const tensor of entry.tensors) {
        if (!written.has(tensor.role.kind) && !isCarriedIn(tensor)) continue;
        const data = numbers[tensor.name];
        if (data === undefined) throw new Error(`no numbers for ${tensor.name}`);
        await machine.write(rangeOf(tensor, entry, steps), Float32Array.from(data));
      }
      await machine.run(name, steps);
      const results = entry.tensors.flatMap((t) => resultKey(t).map((key) => [key, t] as const));
      const data = await machine.read(results.map(([, t]) => rangeOf(t, entry, steps)));
      all.set(name, new Map(results.map(([key], i) => [key, data[i]])));
    }
    return all;
  } finally {
    machine.close();
  }
}

/** A state that the run before has ended with, and one that this run has. */
const isCarriedIn = ({ role, region }: Tensor): boolean => role.kind === "state" && region === "input";

function resultKey(t: Tensor): readonly string[] {
  switch (t.role.kind) {
    case "grad":
      return [`grad:${t.role.of}`];
    case "stat":
      return [`population:${t.name}`];
    case "batch_stat":
      return [`batch_stat:${t.role.of}`];
    case "state":
      return isCarriedIn(t) ? [] : [`carry:${t.name}`];
    case "output":
    case "loss":
    case "metric":
      return [`${t.role.kind}:${t.name}`];
    default:
      return [];
  }
}
