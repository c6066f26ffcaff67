/** Checks what callers pass to infer or to stream, before anything is run. */
import type { Batch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
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

const parseBatch = /* @__PURE__ */ optionParser<Batch>("the parts of a batch", {
  inputs: ["an object that has each input by its name", isRecord],
  // Kernels count them in 32 bits.
  steps: ["a whole number, at least 1 and below 2^31", (value) => isSize(value) && value < 2 ** 31],
  examples: ["a whole number, at least 1", isSize],
  lengths: ["a list of numbers", (value) => Array.isArray(value) || ArrayBuffer.isView(value)],
});

/**
 * A checked copy of a batch. Whatever is read more than once is copied, so that it stays as it was checked; inputs are checked when
 * they are placed. Errors: C0406.
 */
export function ownBatch(given: Batch): Batch {
  const { inputs, steps, examples, lengths } = parseBatch(given);
  if (inputs === undefined || steps === undefined || examples === undefined)
    throw new RuntimeError("C0406", "a batch needs `inputs`, `steps` and `examples`, and lacks one of them");
  if (lengths === undefined) return { inputs, steps, examples };
  // A typed array whose buffer was transferred has no elements.
  const own = lengths.length === 0 ? [] : Array.from(lengths);
  if (own.length !== examples) {
    throw new RuntimeError("C0406", `a batch of ${examples} examples has as many lengths, not ${own.length}`);
  }
  const wrong = own.findIndex((length) => !isSize(length) || length > steps);
  if (wrong < 0) return { inputs, steps, examples, lengths: own };
  throw new RuntimeError("C0406", `an example of these sequences has 1 to ${steps} steps, not ${shown(own[wrong])}`);
}
