/** Batches and results of a generated module: tensors with their shapes, from which the number of steps follows. */
import { type Batch, mainAxis } from "../batch.ts";
import { RuntimeError } from "../error.ts";
import { axesOfPlan, isGiven } from "../inference-arguments.ts";
import type { Input } from "../inputs.ts";
import { elementsOf, shapeOf } from "../layout.ts";
import type { EntryName, Plan, Role, Tensor } from "../plan.ts";
import { isRecord, shown } from "../shown.ts";
import type { ShapedTensor } from "./shaped-tensor.ts";

/** Which steps the sequences of a batch have. */
export type BatchOptions = Pick<Batch, "lengths" | "mask">;

/**
 * The batch that `given` is, with T taken from an input that varies with time. Names in `absent` that are not given are left out.
 * Errors: C0406, if `given` has no such input, or two of different T.
 */
export function batchOf(
  plan: Plan,
  given: object,
  absent: readonly string[],
  { lengths, mask }: BatchOptions,
): Batch & { readonly inputs: Readonly<Record<string, Input | null>> } {
  if (!isRecord(given)) throw new RuntimeError("C0406", `a batch is an object of tensors by name, not ${shown(given)}`);
  const inputs = new Map(Object.entries(given).filter(([, value]) => value !== undefined)) as Map<string, Input>;
  const steps = axesOfPlan(plan).includes(mainAxis) ? stepsOf(plan, inputs) : undefined;
  const left = absent.filter((name) => !inputs.has(name)).map((name) => [name, null] as const);
  return {
    inputs: Object.fromEntries<Input | null>([...inputs, ...left]),
    steps,
    examples: plan.dims.batch,
    lengths,
    mask,
  };
}

function stepsOf(plan: Plan, inputs: ReadonlyMap<string, Input>): number {
  const timed = Object.values(plan.entries).flatMap(({ tensors }) =>
    // The runtime finds the steps of other time axes than the main one.
    tensors.flatMap((tensor) => (tensor.time && tensor.axis === undefined && isGiven(tensor) ? [tensor.name] : [])),
  );
  let found: { readonly name: string; readonly steps: number } | undefined;
  for (const name of new Set(timed)) {
    const input = inputs.get(name);
    if (input === undefined) continue;
    const steps = isRecord(input) && Array.isArray(input.shape) ? Number(input.shape[0]) : Number.NaN;
    if (Number.isNaN(steps))
      throw new RuntimeError(
        "C0406",
        `\`${name}\` has no shape`,
        `pass { data, shape: [T, B, …] }, or tensor(data, shape)`,
      );
    if (found !== undefined && found.steps !== steps)
      throw new RuntimeError("C0406", `\`${name}\` has ${steps} steps, and \`${found.name}\` has ${found.steps}`);
    found ??= { name, steps };
  }
  if (found !== undefined) return found.steps;
  throw new RuntimeError("C0406", `the batch has no input that varies with time: ${[...new Set(timed)].join(", ")}`);
}

/** Numbers by name, each with its shape in an entry, for as many steps as it has. */
export function withShapes(
  plan: Plan,
  entry: EntryName,
  kind: Role["kind"],
  numbers: Readonly<Record<string, Float32Array>>,
): Readonly<Record<string, ShapedTensor>> {
  const stepsOf = ({ name, shape }: Tensor): number => numbers[name].length / elementsOf(shape);
  const shapes = new Map(
    plan.entries[entry]?.tensors.flatMap((tensor) =>
      tensor.role.kind === kind ? [[tensor.name, shapeOf(tensor, stepsOf(tensor))] as const] : [],
    ),
  );
  return Object.fromEntries(
    Object.entries(numbers).map(([name, data]) => [name, { data, shape: shapes.get(name) ?? [data.length] }]),
  );
}
