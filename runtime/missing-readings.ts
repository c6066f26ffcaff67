/**
 * Readings that a step of a stream lacks, marked by numbers that are not finite. Who opens a stream names `keepStates` if it may have
 * some, so that a page without it has nothing of it.
 */
import type { OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { isGiven } from "./inference-arguments.ts";
import { numbersOf, type TypedNumbers } from "./inputs.ts";
import type { Plan, Tensor } from "./plan.ts";
import type { StreamMade, StreamNow, StreamThen } from "./stream.ts";

/**
 * For the option `missing` of a stream: an example that is given a number that is not finite, in any input, has no step. Its states and its
 * count of steps stay, and its outputs are NaN. Errors: C0406, if some would stay at another step of the statistics than the others.
 */
export async function keepStates(now: StreamNow, act: (batch: OwnBatch) => Promise<StreamMade>): Promise<StreamThen> {
  const { plan, step, began } = now;
  const { batch, missing } = present(plan, now.batch);
  const { examples } = batch;
  const isPart = missing.length > 0 && missing.length < examples;
  if (isPart) requireOwn(now, missing);
  const { states, outputs } = await act(batch);
  if (missing.length === 0) return { step: step + 1, began, states, outputs };
  const unknown = Object.entries(outputs).map(([name, made]) => {
    // What is the same for all examples is made of no reading.
    const isOwn = tensorsOf(plan).some(
      (tensor) => tensor.name === name && tensor.role.kind === "output" && tensor.batch,
    );
    return [name, isOwn ? withRows(made, missing, examples, () => Number.NaN) : made] as const;
  });
  const kept = [...states].map(([name, made]) => {
    const before = now.states.get(name)!;
    return [name, withRows(made, missing, examples, (i) => before[i])] as const;
  });
  return {
    step: step + Number(isPart),
    began: isPart ? began.map((at, example) => at + Number(missing.includes(example))) : began,
    states: isPart ? new Map(kept) : now.states,
    outputs: Object.fromEntries(unknown),
  };
}

/** A batch with zeros for all that an example was given in an input that lacks a number, and those examples, ascending. */
function present(plan: Plan, batch: OwnBatch): { readonly batch: OwnBatch; readonly missing: readonly number[] } {
  const missing = new Set<number>();
  const inputs = { ...batch.inputs };
  for (const tensor of tensorsOf(plan)) {
    const { name, shape } = tensor;
    const given = isGiven(tensor) && Object.hasOwn(inputs, name) ? inputs[name] : null;
    if (given === null) continue;
    const numbers = numbersOf(name, given, shape);
    const width = numbers.length / batch.examples;
    let filled: TypedNumbers | undefined;
    for (let i = 0; i < numbers.length; i++) {
      const value = Math.fround(numbers[i]);
      // NaN unless the value is finite.
      if (value - value === 0) continue;
      const example = Math.floor(i / width);
      missing.add(example);
      filled ??= numbers.slice();
      i = (example + 1) * width;
      filled.fill(0, example * width, i--);
    }
    if (filled !== undefined) inputs[name] = filled;
  }
  return { batch: { ...batch, inputs }, missing: [...missing].sort((a, b) => a - b) };
}

/** Throws if examples that stay would be at another row of the statistics than those that go on. */
function requireOwn({ plan, rows, step, began }: StreamNow, missing: readonly number[]): void {
  const early = missing.find((example) => step - began[example] < rows - 1);
  const row = tensorsOf(plan).find(({ role }) => role.kind === "stat" && role.steps > 1);
  if (early === undefined || row === undefined) return;
  throw new RuntimeError(
    "C0406",
    `example ${early} of a stream of ${plan.name} lacks a reading that others have, and all are normalized by \`${row.name}\` of one step, until step ${rows - 1}`,
    "keep one set for all steps, with `stats = shared` at its norm, or open a stream for each sequence",
  );
}

const tensorsOf = (plan: Plan): readonly Tensor[] => plan.entries.step?.tensors ?? [];

/** A copy of numbers [B, …] with others for some examples. */
function withRows(
  numbers: Float32Array,
  examples: readonly number[],
  all: number,
  value: (index: number) => number,
): Float32Array {
  const made = numbers.slice();
  const width = made.length / all;
  for (const example of examples) for (let i = example * width; i < (example + 1) * width; i++) made[i] = value(i);
  return made;
}
