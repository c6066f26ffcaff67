/** Looks at initial values that are the same for every seed before the model runs. */
import type { Formula, Init } from "../../runtime/plan.ts";
import { type ElementwiseRow, elementwise } from "../ir/ops/elementwise.ts";

/** The most steps that are looked at, some hundredths of a second. Further entries are looked at when they are computed. */
const MOST_STEPS = 2 ** 21;

/** The first entry of a computed initial value of this shape that is not finite; undefined if there is none, or it is not known. */
export function firstNotFinite(init: Init, shape: readonly number[]): { at: number; value: number } | undefined {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (init.kind !== "formula") return undefined;
  const values = new Array<number>(init.steps.length);
  for (let at = 0; at < size && at * values.length < MOST_STEPS; at++) {
    for (const [i, step] of init.steps.entries()) {
      const value = step.kind === "apply" ? applied(step, values) : entryOf(step, at, shape, size);
      if (value === undefined) return undefined;
      values[i] = value;
    }
    const value = Math.fround(values.at(-1)!);
    if (!Number.isFinite(value)) return { at, value };
  }
  return undefined;
}

function applied({ op, of }: Extract<Formula["steps"][number], { kind: "apply" }>, values: readonly number[]): number {
  const row: ElementwiseRow = elementwise[op];
  return row.evaluate(...of.map((place) => values[place]));
}

/** Undefined for what is drawn, and for what depends on other parameters. */
function entryOf(init: Init, at: number, shape: readonly number[], size: number): number | undefined {
  switch (init.kind) {
    case "constant":
      return init.value;
    case "list":
      return init.values[at % init.values.length];
    case "range": {
      const place = init.along === "last" ? at % (shape.at(-1) ?? 1) : Math.floor((at * (shape[0] ?? 1)) / size);
      return init.from + init.step * place;
    }
    default:
      return undefined;
  }
}
