/** How far apart examples stand. */

import { describe, expect, it } from "vitest";
import { lower } from "../../compiler/lower.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated, planned } from "../schedule/cells.ts";
import { expectComputed } from "./expect-computed.ts";

describe("examples a power of two apart", () => {
  /** Floats of `work` a step of training takes, for each feature of each example. */
  const perFeature = (H: number, target: typeof wasm | typeof wgsl): number =>
    planned(cells.lstm, target, { batch: 64, time: 5, dims: { D: 16, H }, entries: ["train"] }).plan.entries.train!
      .regions.work.frame /
    (64 * H);

  it("stand a cache line further apart on a processor, and nowhere else", () => {
    const ratio = perFeature(256, wasm) / perFeature(248, wasm);
    // Not what the host reads; joined values once for all parts.
    expect(ratio).toBeGreaterThan(1 + 8 / 256);
    expect(ratio).toBeLessThan(1 + 16 / 256);
    expect(perFeature(256, wgsl)).toBeCloseTo(perFeature(248, wgsl), 1);
  });

  it.each(Object.entries(cells))("do not change what %s computes", (_, cell) => {
    const { placed, entries } = lower(elaborated(cell).graph);
    const dims = { batch: 3, time: 2, steps: 2, D: 2, H: 256 };
    expectComputed(entries.train, placed, { dims, leaves: numbersFor(placed, dims) }, wasm.machine);
  });
});
