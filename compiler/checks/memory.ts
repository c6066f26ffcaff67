/** Kernels index floats with i32, which limits the size of a region. */

import { floatsOf } from "../buffers/segment-length.ts";
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import { widthOf } from "../kernel-ir/types.ts";
import type { Scheduled } from "../schedule.ts";

/** The largest index. */
const largest = 2 ** 31 - 1;

/** Throws C0304 for the first region that is too large for `steps` steps, naming its entry and its size. */
export function checkMemory(entries: ReadonlyMap<string, Scheduled>, steps: number): void {
  for (const [entry, { regions }] of entries) {
    for (const [name, region] of Object.entries(regions)) {
      const floats = floatsOf(region, steps);
      if (floats <= largest) continue;
      const gibibytes = (count: number): number => (widthOf(name) * count) / 2 ** 30;
      throw new CompileError([
        {
          code: "C0304",
          severity: "error",
          message: `\`${entry}\` needs ${gibibytes(floats).toFixed(1)} GiB of \`${name}\` memory for ${steps} steps; ${Math.round(gibibytes(largest))} GiB can be addressed`,
          span: nowhere,
          help: "choose smaller dimensions, a smaller batch or a shorter sequence: --dims, --batch, --time",
        },
      ]);
    }
  }
}
