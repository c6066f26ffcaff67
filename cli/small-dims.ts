/** Small sizes for the dimensions of a cell or model, with which all its extents come out whole. */

import { checkDims } from "../compiler/checks/dims.ts";
import { CompileError } from "../compiler/diagnostics/diagnostic.ts";
import { check, dimensionsOf, type ElaborateOptions, elaborate } from "../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../compiler/source-host.ts";

/** The size of a dimension whose default is larger. */
const LARGEST = 4;

/** Sizes that are tried: few of them 1, which hides mistakes, and with those that have divisors. */
const SIZES = [3, 4, 2, 5, 6, 8, 9, 10, 12, 16, 1];

/** How many combinations of sizes are tried. Each takes some milliseconds. */
const TRIES = 400;

/** Mistakes that other sizes may not make: extents that are not whole, parts and indices out of bounds, shapes that do not fit. */
const ofSizes: ReadonlySet<string> = new Set(["C0204", "C0205", "C0217", "C0222", "C0228"]);

export interface SmallDims {
  /** Also of parameters that are no dimensions. */
  readonly dims: Readonly<Record<string, number>>;
  /** The dimensions without a default, whose sizes were made up. */
  readonly madeUp: readonly string[];
}

/**
 * Numbers for every dimension of the entry: those of `options.dims`, small ones instead of large defaults, and different ones for
 * dimensions without a default. Throws the entry's `CompileError` if it has errors with all sizes that were tried.
 */
export function smallDims(file: string, host: SourceHost, options: ElaborateOptions): SmallDims {
  const given = options.dims ?? {};
  const declared = dimensionsOf(file, host, options.entry);
  // A formula follows from the others.
  const free = declared.filter(({ name, derived }) => given[name] === undefined && !derived);
  const madeUp = free.flatMap(({ name, number }) => (number === undefined ? [name] : []));
  const sizes = free.map(({ number }) => {
    if (number === undefined) return SIZES;
    const first = Math.min(number, LARGEST);
    return [first, ...SIZES.filter((n) => n !== first && n <= number)];
  });
  let tries = 0;
  let refused: unknown;
  for (const distinct of [true, false]) {
    for (const choice of combinations(sizes)) {
      const dims = { ...given, ...Object.fromEntries(free.map(({ name }, i) => [name, sizes[i][choice[i]]])) };
      const all = madeUp.map((name) => dims[name]);
      if (distinct !== (new Set(all).size === all.length)) continue;
      if (++tries > TRIES) throw refused;
      try {
        const made = elaborate(file, host, { ...options, dims });
        checkDims([made.graph], { batch: 1, time: 1, steps: 1, ...made.dims }, file);
        return { dims: { ...made.dims, ...made.numbers }, madeUp };
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        if (!error.diagnostics.every(({ code, severity }) => severity === "warning" || ofSizes.has(code))) throw error;
        // What is wrong with the sizes as declared is wrong with all.
        if (refused === undefined && check(file, host).some(({ severity }) => severity === "error")) throw error;
        refused ??= error;
      }
    }
  }
  throw refused;
}

/** Every choice of one index for each list, those with the smallest sum of indices first. */
function* combinations(lists: readonly (readonly unknown[])[]): Generator<readonly number[]> {
  const most = lists.reduce((sum, list) => sum + list.length - 1, 0);
  for (let sum = 0; sum <= most; sum++) yield* withSum(lists, sum);
}

function* withSum(lists: readonly (readonly unknown[])[], sum: number): Generator<readonly number[]> {
  const [first, ...rest] = lists;
  if (first === undefined) {
    if (sum === 0) yield [];
    return;
  }
  for (let i = 0; i < first.length && i <= sum; i++) {
    for (const others of withSum(rest, sum - i)) yield [i, ...others];
  }
}
