/** Runs one entry of an executable on given numbers, for comparing targets with the reference. */
import type { Backend } from "../../runtime/backend.ts";
import { rangeOf } from "../../runtime/layout.ts";
import type { EntryName, Executable, Tensor } from "../../runtime/plan.ts";

/** Numbers by tensor name: parameters, statistics, inputs, hyper-parameters; [T, B, …] as the plan's tensors are. */
export type Numbers = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Writes `numbers`, runs `entry` for `steps` steps and reads back every gradient (`grad:NAME`), statistic (`population:NAME`,
 * `batch_stat:NAME`), output, loss and metric.
 */
export async function runExecutable(
  backend: Backend,
  executable: Executable,
  entryName: EntryName,
  steps: number,
  numbers: Numbers,
): Promise<ReadonlyMap<string, Float32Array>> {
  const machine = await backend.open(executable);
  try {
    await machine.prepare(steps);
    const entry = executable.plan.entries[entryName];
    if (!entry) throw new Error(`the plan has no entry ${entryName}`);
    const written = new Set(["param", "stat", "input", "index", "noise", "hyper"]);
    for (const tensor of entry.tensors) {
      const data = numbers[tensor.name];
      if (!written.has(tensor.role.kind)) continue;
      if (data === undefined) {
        if (tensor.role.kind === "stat") continue;
        throw new Error(`no numbers for ${tensor.name}`);
      }
      await machine.write(rangeOf(tensor, entry, steps), Float32Array.from(data));
    }
    await machine.run(entryName, steps);
    const results = entry.tensors.flatMap((t) => resultKey(t).map((key) => [key, t] as const));
    const data = await machine.read(results.map(([, t]) => rangeOf(t, entry, steps)));
    return new Map(results.map(([key], i) => [key, data[i]]));
  } finally {
    machine.close();
  }
}

function resultKey(t: Tensor): readonly string[] {
  switch (t.role.kind) {
    case "grad":
      return [`grad:${t.role.of}`];
    case "stat":
      return [`population:${t.name}`];
    case "batch_stat":
      return [`batch_stat:${t.role.of}`];
    case "output":
    case "loss":
    case "metric":
      return [`${t.role.kind}:${t.name}`];
    default:
      return [];
  }
}
