/** The recording that arrays in a file are: NPY, NPZ and safetensors. */
import type { Field, Piece, Recording, Values } from "../recording.ts";
import { splitOfName } from "../split-words.ts";
import type { Split } from "../task.ts";
import { ALWAYS_READ, type ArrayLayout, type ArrayOptions, type Laid, layOut } from "./array-layout.ts";
import { fault } from "./fault.ts";
import { type ArrayReader, openArray, productOf, type StoredArray } from "./stored-array.ts";
import { withWanted } from "./wanted.ts";

/** The most numbers of a piece, if a step has no more. */
const PIECE = 1 << 16;

/** The arrays of one split, or of the whole file where the names of its arrays have no splits. */
interface Part {
  readonly split: Split | undefined;
  readonly layout: ArrayLayout;
  /** How long each sequence is. */
  readonly lengths: Float64Array | undefined;
}

/**
 * Makes a recording of arrays named after the model's inputs. `x_train` and `x_test` are `x` of two splits. The sequences that `lengths`
 * or `mask` say are cut to their lengths, `ids` becomes the label `id`, texts become symbols. Arrays that are not wanted may have any shape.
 * Throws C0402 where the arrays do not agree.
 */
export async function recordingOfArrays(
  path: string,
  arrays: readonly StoredArray[],
  options: ArrayOptions,
): Promise<Recording> {
  if (arrays.length === 0) throw fault(path, "there is no array in it");
  const parts: Part[] = [];
  const wanted = ({ name }: StoredArray): boolean => {
    const field = splitOfName(name).name;
    return options.fields === undefined || options.fields.has(field) || ALWAYS_READ.has(field);
  };
  for (const [split, group] of groupsOf(path, arrays.filter(wanted))) {
    const layout = layOut(path, group, options);
    parts.push({ split, layout, lengths: await lengthsOf(path, layout) });
  }
  const fields = fieldsOf(path, parts[0].layout);
  for (const { layout } of parts.slice(1)) checkAlike(path, fields, fieldsOf(path, layout));
  const recording: Recording = {
    path,
    fields,
    async *pieces() {
      for (const part of parts) yield* piecesOf(part);
    },
  };
  return withWanted(recording, options);
}

type Group = readonly [Split | undefined, Readonly<Record<string, StoredArray>>];

function groupsOf(path: string, arrays: readonly StoredArray[]): readonly Group[] {
  const groups = new Map<Split | undefined, Record<string, StoredArray>>();
  for (const array of arrays) {
    const { name, split } = splitOfName(array.name);
    const group = groups.get(split) ?? {};
    if (Object.hasOwn(group, name))
      throw fault(
        path,
        `\`${group[name].name}\` and \`${array.name}\` are both \`${name}\`${split ? ` of ${split}` : ""}`,
      );
    groups.set(split, { ...group, [name]: array });
  }
  const whole = groups.get(undefined);
  if (whole !== undefined && groups.size > 1) {
    const odd = Object.keys(whole)[0];
    throw fault(
      path,
      `\`${odd}\` belongs to no split, and other arrays in it do`,
      {},
      `call it ${odd}_train, ${odd}_validation or ${odd}_test`,
    );
  }
  const order: readonly (Split | undefined)[] = [undefined, "train", "validation", "test"];
  return order.flatMap((split) => {
    const group = groups.get(split);
    return group === undefined ? [] : [[split, group] as const];
  });
}

function fieldsOf(path: string, { fields, id }: ArrayLayout): Readonly<Record<string, Field>> {
  const entries = Object.entries(fields).map(([name, { array, over, shape }]): [string, Field] => {
    if (array.element.kind === "number") return [name, { kind: "number", over, shape }];
    if (shape.length === 0) return [name, { kind: "symbol", over }];
    throw fault(path, `\`${array.name}\` [${array.shape.join(", ")}] is text, and has an axis too many for symbols`);
  });
  return Object.fromEntries(id === undefined ? entries : [...entries, ["id", { kind: "label", over: "sequence" }]]);
}

function checkAlike(path: string, first: Recording["fields"], other: Recording["fields"]): void {
  for (const name of new Set([...Object.keys(first), ...Object.keys(other)])) {
    const [a, b] = [first[name], other[name]].map((field) => (field === undefined ? "missing" : shown(field)));
    if (a !== b) throw fault(path, `the splits in it do not agree: \`${name}\` is ${a} in one and ${b} in another`);
  }
}

const shown = (field: Field): string =>
  `${field.kind === "number" ? `numbers [${field.shape.join(", ")}]` : `a ${field.kind}`} for each ${field.over === "steps" ? "step" : "sequence"}`;

async function lengthsOf(
  path: string,
  { sequences, steps, lengths, mask }: ArrayLayout,
): Promise<Float64Array | undefined> {
  if (lengths !== undefined) {
    const found = await readAll(lengths, sequences);
    const bad = found.findIndex((length) => !Number.isInteger(length) || length < 1 || length > steps);
    if (bad < 0) return found;
    throw fault(
      path,
      `\`${lengths.array.name}\`[${bad}] is ${found[bad]}, want a whole number of steps from 1 to ${steps}`,
    );
  }
  return mask && maskedLengths(path, mask, sequences, steps);
}

async function readAll(laid: Laid, count: number): Promise<Float64Array> {
  const reader = await openArray(laid.array, laid.order);
  try {
    const values = await reader.read(0, count);
    if (values instanceof Float64Array) return values;
    throw fault(laid.array.path, `\`${laid.array.name}\` is text, want numbers`);
  } finally {
    reader.close();
  }
}

/** The lengths that a mask says: 1 for the steps of a sequence, then 0 for what fills it up. */
async function maskedLengths(path: string, mask: Laid, sequences: number, steps: number): Promise<Float64Array> {
  const lengths = new Float64Array(sequences);
  const reader = await openArray(mask.array, mask.order);
  try {
    for (let n = 0; n < sequences; n++) {
      const row = await reader.read(n * steps, (n + 1) * steps);
      const filled = row.findIndex((value) => value !== 1);
      lengths[n] = filled < 0 ? steps : filled;
      const bad = row.findIndex((value, t) => value !== (t < lengths[n] ? 1 : 0));
      if (bad >= 0 || lengths[n] === 0)
        throw fault(
          path,
          `\`${mask.array.name}\`[${n}]${bad < 0 ? " is 0 at all steps" : `[${bad}] is ${row[bad]}`}: want 1 for the steps of a sequence, then 0 to the end`,
          {},
          "a value that is missing within a sequence is NaN",
        );
    }
  } finally {
    reader.close();
  }
  return lengths;
}

interface OpenField {
  readonly laid: Laid;
  readonly size: number;
  readonly reader: ArrayReader;
}

async function* piecesOf({ split, layout, lengths }: Part): AsyncGenerator<Piece> {
  const { sequences, steps, id } = layout;
  const open: [string, OpenField][] = [];
  try {
    for (const [name, laid] of [...Object.entries(layout.fields), ...(id ? [["id", id] as const] : [])])
      open.push([name, { laid, size: productOf(laid.shape), reader: await openArray(laid.array, laid.order) }]);
    const overSteps = open.filter(([, { laid }]) => laid.over === "steps");
    const ofSequence = open.filter(([, { laid }]) => laid.over === "sequence");
    const width = overSteps.reduce((sum, [, { size }]) => sum + size, 0);
    const most = Math.max(1, Math.floor(PIECE / Math.max(1, width)));
    for (let n = 0; n < sequences; n++) {
      const length = lengths?.[n] ?? steps;
      for (let from = 0; from < length; from += most) {
        const to = Math.min(length, from + most);
        const values: [string, Values][] = [];
        for (const [name, { reader, size }] of overSteps)
          values.push([name, await reader.read((n * steps + from) * size, (n * steps + to) * size)]);
        for (const [name, { reader, size }] of from === 0 ? ofSequence : []) {
          const read = await reader.read(n * size, (n + 1) * size);
          values.push([name, name === "id" ? Array.from(read, String) : read]);
        }
        yield {
          begins: from === 0,
          ...(from === 0 && split ? { split } : {}),
          steps: to - from,
          values: Object.fromEntries(values),
        };
      }
    }
  } finally {
    for (const [, { reader }] of open) reader.close();
  }
}
