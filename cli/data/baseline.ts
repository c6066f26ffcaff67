/** What can be predicted of a data set without learning. */
import type { ReadExample } from "./opened-data.ts";
import { scaled, type TargetPart } from "./parts.ts";
import { isEachStep } from "./target-place.ts";
import type { Baseline, Split } from "./task.ts";

type Reads = (split: Split, indices: Uint32Array) => Promise<readonly ReadExample[]>;

interface Facts {
  readonly reads: Reads;
  readonly horizon: number;
  readonly change: boolean;
  /** Numbers in a row of the steps. */
  readonly width: number;
}

const nameOf = ({ prepared, at }: TargetPart): Baseline["name"] =>
  prepared.kind === "symbols" ? "most frequent" : at === "horizon" ? "persistence" : "mean";

/** The last value goes on, the training part's mean, or its most frequent class. */
export function baselineOf(targets: readonly TargetPart[], { reads, horizon, change, width: stored }: Facts): Baseline {
  return {
    name: nameOf(targets[0]),
    nameOf(target) {
      const found = targets.find((one) => one.name === target);
      if (found === undefined) throw new RangeError(`there is no target ${target}`);
      return nameOf(found);
    },
    async predict(target, split, indices) {
      const found = targets.find((one) => one.name === target);
      if (found === undefined) throw new RangeError(`there is no target ${target}`);
      const { prepared, at, width, part } = found;
      const read = await reads(split, indices);
      const longest = isEachStep(at) ? Math.max(...read.map(({ length }) => length)) : 1;
      if (prepared.kind === "symbols") {
        const { counts } = prepared;
        return new Float32Array(longest * indices.length).fill(counts.indexOf(Math.max(...counts)));
      }
      if (at !== "horizon") {
        const mean = prepared.fill.map((value, c) => (value - prepared.center[c]) / prepared.spread[c]);
        return Float32Array.from({ length: longest * indices.length * width }, (_, i) => mean[i % width]);
      }
      const values = new Float32Array(indices.length * horizon * width);
      // No change is 0.
      if (change) return values;
      if (part === undefined) throw new RangeError(`the file lacks ${prepared.fields.join(", ")}`);
      for (const [e, { rows, length }] of read.entries())
        for (let i = 0; i < horizon * width; i++)
          values[e * horizon * width + i] = scaled(
            prepared,
            i % width,
            rows[(length - 1) * stored + part.columns[i % width]],
          );
      return values;
    },
  };
}
