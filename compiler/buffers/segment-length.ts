/** The length of segments with which all entries fit in the available memory. */
import type { Region, RegionName } from "../../runtime/plan.ts";
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import { widthOf } from "../kernel-ir/types.ts";

/** Entries by name. */
export type Schedules = ReadonlyMap<string, { readonly regions: Readonly<Record<RegionName, Region>> }>;

/** Floats of a region for sequences of `steps` steps, as the runtime lays it out (`runtime/layout.ts`). */
export function floatsOf({ fixed, frame, segment }: Region, steps: number): number {
  const kept = segment ? segment.border * (Math.ceil(steps / segment.length) + 1) : 0;
  return fixed + frame * (steps + 1) + kept;
}

/** Bytes of all regions for sequences of `steps` steps. `length`: with segments of so many steps instead. */
export function bytesOf(entries: Schedules, steps: number, length?: number): number {
  const largest = new Map<RegionName, number>();
  for (const { regions } of entries.values()) {
    for (const [name, region] of Object.entries(regions) as [RegionName, Region][]) {
      const { segment } = region;
      const cut = segment && length !== undefined ? segment : undefined;
      const floats = cut
        ? floatsOf(
            {
              ...region,
              fixed: region.fixed + cut.frame * (length! - cut.length),
              segment: { ...cut, length: length! },
            },
            steps,
          )
        : floatsOf(region, steps);
      largest.set(name, Math.max(largest.get(name) ?? 0, floats));
    }
  }
  return [...largest].reduce((sum, [region, floats]) => sum + widthOf(region) * floats, 0);
}

/**
 * The longest segments with which `entries`, scheduled for segments of any length, need no more than `budget` bytes for `steps`
 * steps: what is done once per segment is then done least often. Throws C0305, with the least memory possible, if no segments are
 * short enough.
 */
export function segmentLength(entries: Schedules, steps: number, budget: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let segments = 1; segments <= steps; segments++) {
    const length = Math.ceil(steps / segments);
    const bytes = bytesOf(entries, steps, length);
    if (bytes <= budget) return length;
    least = Math.min(least, bytes);
  }
  throw new CompileError([tooSmall(budget, least, steps)]);
}

/** C0305. */
export function tooSmall(budget: number, least: number, steps: number): CompileError["diagnostics"][number] {
  return {
    code: "C0305",
    severity: "error",
    message: `${steps} steps need at least ${least} bytes of memory, and --memory allows ${budget}`,
    span: nowhere,
    help: `--memory ${Math.ceil(least / 1024)}K, or smaller dimensions, a smaller batch or a shorter sequence: --dims, --batch, --time`,
  };
}
