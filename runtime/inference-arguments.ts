/** Checks what callers pass to infer or to stream, before anything is run. */
import type { Batch, Mask, OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { existing } from "./existing.ts";
import { flag, isSize, optionParser, type Rule } from "./option-parser.ts";
import type { InferOptions, StreamOptions, StreamRestoreOptions } from "./session-types.ts";
import { isCount, isRecord, shown } from "./shown.ts";
import type { RestoreOptions } from "./state.ts";

const noise: Rule = ["mean or drawn", (value) => value === "mean" || value === "drawn"];

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

const parseBatch = /* @__PURE__ */ optionParser<Batch>("the parts of a batch", {
  inputs: ["an object that has each input by its name", isRecord],
  // Kernels count them in 32 bits.
  steps: ["a whole number, at least 1 and below 2^31", (value) => isSize(value) && value < 2 ** 31],
  examples: ["a whole number, at least 1", isSize],
  lengths: ["a list of numbers", isList],
  mask: ["a list of 0 and 1, or { data, shape }", (value) => isList(value) || isRecord(value)],
});

/**
 * A checked copy of a batch. Whatever is read more than once is copied, so that it stays as it was checked; inputs are checked when
 * they are placed. Errors: C0406.
 */
export function ownBatch(given: Batch): OwnBatch {
  const { inputs, steps, examples, lengths, mask } = parseBatch(given);
  if (inputs === undefined || steps === undefined || examples === undefined)
    throw new RuntimeError("C0406", "a batch needs `inputs`, `steps` and `examples`, and lacks one of them");
  if (lengths !== undefined && mask !== undefined)
    throw new RuntimeError("C0406", "a batch has `lengths` or a `mask`, not both", "a mask alone says all");
  if (lengths !== undefined)
    return { inputs, steps, examples, existing: existing(ownLengths(lengths, steps, examples), steps) };
  if (mask !== undefined)
    return { inputs, steps, examples, existing: { steps, examples, has: ownMask(mask, steps, examples) } };
  return { inputs, steps, examples };
}

// A typed array whose buffer was transferred has no elements.
const listed = <T>(list: ArrayLike<T>): readonly T[] => (list.length === 0 ? [] : Array.from(list));

function ownLengths(lengths: ArrayLike<number>, steps: number, examples: number): readonly number[] {
  const own = listed(lengths);
  if (own.length !== examples) {
    throw new RuntimeError("C0406", `a batch of ${examples} examples has as many lengths, not ${own.length}`);
  }
  const wrong = own.findIndex((length) => !isCount(length) || length > steps);
  if (wrong < 0) return own;
  throw new RuntimeError("C0406", `an example of these sequences has 0 to ${steps} steps, not ${shown(own[wrong])}`);
}

function ownMask(mask: Mask, steps: number, examples: number): Uint8Array {
  const wanted = `\`mask\` is [${steps}, ${examples}]`;
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
  throw new RuntimeError("C0406", `\`mask\` holds 0 and 1, or false and true, and ${shown(own[wrong])} at ${at}`);
}

const isShaped = (mask: Mask): mask is Extract<Mask, { shape: unknown }> => isRecord(mask) && !ArrayBuffer.isView(mask);
