/** Checks what callers pass to infer or to stream, before anything is run. */
import { type Batch, type Mask, mainAxis, type OwnBatch, type PerAxis, type TimeAxis } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { anyOf, existing, upTo } from "./existing.ts";
import type { Shaped } from "./inputs.ts";
import { elementsOf } from "./layout.ts";
import { flag, isSize, optionParser, type Rule } from "./option-parser.ts";
import type { Plan, Tensor } from "./plan.ts";
import type { InferOptions, StreamOptions, StreamResetOptions, StreamRestoreOptions } from "./session-types.ts";
import { isCount, isRecord, shown } from "./shown.ts";
import type { RestoreOptions } from "./state.ts";

export const noise: Rule = ["mean or drawn", (value) => value === "mean" || value === "drawn"];

/** Errors: C0406. */
export const inferOptions = /* @__PURE__ */ optionParser<InferOptions>("the options of an inference", { noise });

/** Errors: C0406. */
export const restoreOptions = /* @__PURE__ */ optionParser<RestoreOptions>("the options of restoring", {
  allowOtherEquations: flag,
});

/** Errors: C0406. */
export const streamOptions = /* @__PURE__ */ optionParser<StreamOptions>("the options of a stream", {
  examples: ["a whole number, at least 1", isSize],
  inputs: ["an object that has each input by its name", isRecord],
  warn: ["a function", (value) => typeof value === "function"],
  missing: ["`keepStates`", (value) => typeof value === "function"],
  noise,
});

/** Errors: C0406. */
export const streamRestoreOptions = /* @__PURE__ */ optionParser<StreamRestoreOptions>(
  "the options of restoring a stream",
  {
    at: ["a whole number from 0 on", isCount],
  },
);

const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

/** Errors: C0406. */
export const streamResetOptions = /* @__PURE__ */ optionParser<StreamResetOptions>(
  "the options of resetting a stream",
  {
    examples: ["a list of numbers of examples", isList],
  },
);

const parseBatch = /* @__PURE__ */ optionParser<Omit<Batch, "reset">>("the parts of a batch", {
  inputs: ["an object that has each input by its name", isRecord],
  // Kernels count them in 32 bits.
  steps: ["a whole number, at least 1 and below 2^31", (value) => isSize(value) && value < 2 ** 31],
  examples: ["a whole number, at least 1", isSize],
  lengths: ["a list of numbers", (value) => isList(value) || isAxes(value)],
  mask: ["a list of 0 and 1, or { data, shape }", (value) => isList(value) || isRecord(value)],
});

const isAxes = (value: unknown): value is PerAxis<never> => isRecord(value) && !ArrayBuffer.isView(value);

/**
 * A checked copy of a batch for a plan. Whatever is read more than once is copied, so that it stays as it was checked; inputs are
 * checked when they are placed. Errors: C0406.
 */
export function ownBatch(given: Batch, plan: Plan): OwnBatch {
  const { inputs, steps, examples, lengths, mask } = parseBatch(given);
  const names = axesOfPlan(plan);
  const hasMain = names.includes(mainAxis);
  if (inputs === undefined || (hasMain && steps === undefined) || examples === undefined)
    throw new RuntimeError("C0406", "a batch needs `inputs`, `steps` and `examples`, and lacks one of them");
  const several = names.length > 1;
  const ends = perAxis(lengths, "lengths", names, isAxes, plan);
  const masks = perAxis(mask, "mask", names, (value) => isAxes(value) && !("data" in value), plan);
  const counts = names.map((name) => (name === mainAxis ? steps! : stepsOf(name, inputs, examples, plan)));
  const all = Math.max(...counts);
  if (!hasMain && steps !== undefined && steps !== all)
    throw new RuntimeError(
      "C0406",
      `\`steps\` is ${steps}, and the longest inputs have ${all}`,
      "leave it out: the steps of axes with names follow from their inputs",
    );
  const axes = names.map((name, i): [string, TimeAxis] => {
    const own = counts[i];
    const along = several ? ` of \`${name}\`` : "";
    const [length, has] = [ends[name], masks[name]];
    if (length !== undefined && has !== undefined)
      throw new RuntimeError(
        "C0406",
        `a batch has \`lengths\`${along} or a \`mask\`, not both`,
        "a mask alone says all",
      );
    const exact = length
      ? existing(ownLengths(length, own, examples, along), own)
      : has && { steps: own, examples, has: ownMask(has, own, examples, along) };
    // A shorter axis lacks steps, too.
    const found = exact ?? (several ? existing(new Array<number>(examples).fill(own), own) : undefined);
    return [name, { steps: own, ...(found && { existing: own < all ? upTo(all, found) : found }) }];
  });
  // If nothing varies over the main axis, an example has there what it has anywhere.
  const anywhere = hasMain
    ? []
    : [[mainAxis, { steps: all, existing: anyOf(axes.map(([, { existing }]) => existing!)) }]];
  return { inputs, steps: all, examples, axes: Object.fromEntries([...anywhere, ...axes]) };
}

/** The time axes of a plan, the main one first; that one is left out if others have names and nothing varies over it. */
export function axesOfPlan({ entries }: Pick<Plan, "entries">): readonly string[] {
  const all = Object.values(entries).flatMap(({ tensors }) => tensors);
  const named = new Set(all.flatMap((t) => (isGiven(t) && t.time && t.axis !== undefined ? [t.axis] : [])));
  return named.size === 0 || all.some(isOverMain) ? [mainAxis, ...named] : [...named];
}

/** Whether a tensor, or what it marks, varies over the main axis. */
function isOverMain(tensor: Tensor): boolean {
  const { role, time, axis } = tensor;
  if (axis !== undefined) return false;
  if (role.kind === "lengths") return role.mark !== "present";
  return time && (isGiven(tensor) || role.kind === "output");
}

/** Whether a batch has a tensor's numbers. */
export const isGiven = ({ role: { kind } }: Tensor): boolean => kind === "input" || kind === "index";

/** What is given for each axis; a single thing is for the only axis. Errors: C0406. */
function perAxis<T>(
  given: T | PerAxis<T> | undefined,
  what: string,
  axes: readonly string[],
  isPerAxis: (value: unknown) => boolean,
  { name }: Plan,
): PerAxis<T | undefined> {
  if (given === undefined) return {};
  const shownAxes = axes.map((axis) => `\`${axis}\``).join(", ");
  if (!isPerAxis(given)) {
    if (axes.length === 1) return { [mainAxis]: given as T };
    const help = `pass \`{ ${axes.map((axis) => `${axis}: …`).join(", ")} }\``;
    throw new RuntimeError(
      "C0406",
      `${name} has the time axes ${shownAxes}, and \`${what}\` is not said for each`,
      help,
    );
  }
  const stranger = Object.keys(given as PerAxis<T>).find((axis) => !axes.includes(axis));
  if (stranger === undefined) return given as PerAxis<T>;
  throw new RuntimeError("C0406", `${name} has no time axis \`${stranger}\``, `there is ${shownAxes}`);
}

/**
 * The steps along an axis: as many as its inputs have. Those that have another number are refused when they are placed. An axis of
 * targets alone, all of which are left out, has one.
 */
function stepsOf(axis: string, inputs: Batch["inputs"], examples: number, { entries, dims }: Plan): number {
  for (const { tensors } of Object.values(entries)) {
    for (const tensor of tensors) {
      const input = tensor.axis === axis && tensor.time && isGiven(tensor) ? inputs[tensor.name] : undefined;
      if (input === undefined || input === null) continue;
      const { length } = (isList(input) ? input : ((input as Partial<Shaped>).data ?? [])) as ArrayLike<number>;
      // The plan may be for batches of another size.
      const row = (elementsOf(tensor.shape) / dims.batch) * examples;
      return Math.max(1, Math.ceil(length / row));
    }
  }
  return 1;
}

// A typed array whose buffer was transferred has no elements.
const listed = <T>(list: ArrayLike<T>): readonly T[] => (list.length === 0 ? [] : Array.from(list));

function ownLengths(lengths: ArrayLike<number>, steps: number, examples: number, along: string): readonly number[] {
  if (!isList(lengths))
    throw new RuntimeError("C0406", `\`lengths\`${along} is a list of numbers, not ${shown(lengths)}`);
  const own = listed(lengths);
  if (own.length !== examples) {
    throw new RuntimeError("C0406", `a batch of ${examples} examples has as many lengths${along}, not ${own.length}`);
  }
  const wrong = own.findIndex((length) => !isCount(length) || length > steps);
  if (wrong < 0) return own;
  const sequences = along === "" ? "these sequences" : `the sequences${along}`;
  throw new RuntimeError("C0406", `an example of ${sequences} has 0 to ${steps} steps, not ${shown(own[wrong])}`);
}

function ownMask(mask: Mask, steps: number, examples: number, along: string): Uint8Array {
  const wanted = `\`mask\`${along} is [${steps}, ${examples}]`;
  const { data, shape } = isShaped(mask) ? mask : { data: mask, shape: undefined };
  if (shape !== undefined && (!Array.isArray(shape) || shape.join() !== `${steps},${examples}`)) {
    const help =
      shape.join() === `${examples},${steps}` ? "transpose it: time comes first, then the examples" : undefined;
    throw new RuntimeError("C0406", `${wanted}, and [${shape.join(", ")}] was given`, help);
  }
  if (!isList(data)) throw new RuntimeError("C0406", `${wanted}, and ${shown(data)} was given`);
  const own = listed(data);
  if (own.length !== steps * examples)
    throw new RuntimeError("C0406", `${wanted}: ${steps * examples} numbers, and ${own.length} were given`);
  const wrong = own.findIndex((value) => value !== 0 && value !== 1 && value !== false && value !== true);
  if (wrong < 0) return Uint8Array.from(own, Number);
  const at = `[${Math.floor(wrong / examples)}, ${wrong % examples}]`;
  throw new RuntimeError(
    "C0406",
    `\`mask\`${along} holds 0 and 1, or false and true, and ${shown(own[wrong])} at ${at}`,
  );
}

const isShaped = (mask: Mask): mask is Extract<Mask, { shape: unknown }> => isRecord(mask) && !ArrayBuffer.isView(mask);
