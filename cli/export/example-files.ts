/** Writes a task's examples as safetensors files, a part of them at a time: what a program elsewhere trains on. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Split, Task, TaskInput } from "../data/task.ts";
import { cannotWrite } from "../file-errors.ts";

/** Numbers that are made at a time. */
const AT_ONCE = 4_000_000;

interface Placed {
  readonly name: string;
  readonly input?: TaskInput;
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  /** Numbers of an example. */
  readonly width: number;
  /** In bytes of the file. */
  readonly start: number;
}

/** The bytes of a split's numbers, by the task's inputs of these names. */
export const exampleBytes = (task: Task, split: Split, inputs: Iterable<string>): number =>
  4 * task.splits[split] * [...inputs].reduce((sum, name) => sum + widthOf(task.inputs[name], task), 0);

/** Numbers of an example. */
const widthOf = (input: TaskInput, { steps }: Task): number => shapeOf(input, steps).reduce((a, b) => a * b, 1);

/** [time, …features], as far as the input has them. */
const shapeOf = (input: TaskInput, steps: number): readonly number[] => [
  ...(input.time ? [steps] : []),
  ...(input.kind === "value" ? input.shape : []),
];

/**
 * Writes the examples of a split to `path`, all or nothing: each input under its name in `names`, [examples, time, …] of f32, or i32 for
 * whole numbers, and, where examples differ in length, `lengths` [examples]. Throws C0409 if it cannot be written.
 */
export async function writeExamples(
  path: string,
  task: Task,
  split: Split,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  const count = task.splits[split];
  const lengths = task.lengths?.(split);
  const { head, placed } = layout(task, count, names, lengths !== undefined);
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(part, "w");
    try {
      await file.write(head, 0, head.length, 0);
      const width = placed.reduce((sum, { width }) => sum + width, 0);
      const chunk = Math.max(1, Math.floor(AT_ONCE / Math.max(1, width)));
      for (let from = 0; from < count; from += chunk) {
        const indices = Uint32Array.from({ length: Math.min(chunk, count - from) }, (_, i) => from + i);
        const batch = await task.batch(split, indices);
        for (const place of placed) {
          const bytes =
            place.input === undefined
              ? littleEndian(lengths!.subarray(from, from + indices.length), "I32")
              : littleEndian(examplesFirst(batch.inputs[place.name], place, batch.steps, indices.length), place.dtype);
          await file.write(bytes, 0, bytes.length, place.start + 4 * place.width * from);
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw (error as NodeJS.ErrnoException).code === undefined ? error : cannotWrite(path, error);
  }
}

/** The header's bytes, and where each tensor is. */
function layout(
  task: Task,
  count: number,
  names: ReadonlyMap<string, string>,
  hasLengths: boolean,
): { readonly head: Uint8Array; readonly placed: readonly Placed[] } {
  const wanted = [
    ...[...names].map(([name, argument]) => {
      const input = task.inputs[name];
      const dtype = input.kind === "index" ? ("I32" as const) : ("F32" as const);
      return { name, argument, input, dtype, own: shapeOf(input, task.steps) };
    }),
    ...(hasLengths
      ? [{ name: "lengths", argument: "lengths", input: undefined, dtype: "I32" as const, own: [] as number[] }]
      : []),
  ];
  const header: Record<string, unknown> = { __metadata__: { format: "cellc-examples-1", task: task.name } };
  let end = 0;
  const places = wanted.map(({ name, argument, input, dtype, own }) => {
    const width = own.reduce((a, b) => a * b, 1);
    const from = end;
    end += 4 * width * count;
    header[argument] = { dtype, shape: [count, ...own], data_offsets: [from, end] };
    return { name, input, dtype, shape: own, width, from };
  });
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the header align the numbers to a multiple of eight.
  const size = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + size).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(size), true);
  head.set(json, 8);
  return { head, placed: places.map(({ from, ...place }) => ({ ...place, start: head.length + from })) };
}

/** [T, B, …] → [B, time, …], with zeros behind the batch's steps. */
function examplesFirst(
  values: Float32Array,
  { input, shape, width }: Placed,
  steps: number,
  examples: number,
): Float32Array {
  if (!input!.time) return values;
  const row = width / shape[0];
  const made = new Float32Array(examples * width);
  for (let t = 0; t < steps; t++)
    for (let b = 0; b < examples; b++) {
      const from = (t * examples + b) * row;
      made.set(values.subarray(from, from + row), b * width + t * row);
    }
  return made;
}

function littleEndian(values: Float32Array | Uint32Array, dtype: "F32" | "I32"): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (dtype === "F32") view.setFloat32(4 * i, value, true);
    else view.setInt32(4 * i, value, true);
  });
  return bytes;
}
