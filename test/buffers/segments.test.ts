/** Kernels that go through a sequence segment by segment compute what the reference computes in one piece. */

import { describe, expect, it } from "vitest";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { lower, segmented } from "../../compiler/lower.ts";
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { scheduleSegments } from "../../compiler/schedule.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { allOps, numbersFor } from "../passes/meaning.ts";
import { cells, elaborated, type Placed } from "../schedule/cells.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";

/** Stores round to f32, whose unit is 6e-8; sums of terms of either sign lose some digits. */
const tolerance = 2e-4;
const S = 3;

const checked: readonly Placed[] = [...Object.values(cells), { file: "smnist" }];

describe.each([wasm, wgsl])("on $name", ({ machine }) => {
  describe.each(checked.map((cell) => [cell.entry ?? cell.file, cell] as const))("%s", (_, cell) => {
    const { graph } = elaborated(cell);
    const whole = lower(graph);
    const pieces = segmented(graph);

    const expectSame = (time: number, loops: LoopChoice, sizes: { batch: number; H: number }): void => {
      const dims = { time, steps: time, D: 2, K: 4, ...sizes };
      const leaves = numbersFor(allOps(whole), dims);
      const numbers = Object.fromEntries(Object.entries(leaves).map(([name, data]) => [name, Float32Array.from(data)]));
      const shared = sharedTensors(whole.placed, dims, []);
      const inputs = whole.placed.ops.filter(
        (op): op is OpOf<"leaf"> => op.op === "leaf" && op.attrs.leaf.kind === "input",
      );
      for (const entry of ["train", "estimate", "infer"] as const) {
        const scheduled = scheduleSegments(pieces[entry]!, S, { entry, dims, machine, shared, inputs, loops });
        for (const { kernel } of scheduled.kernels) verifyKernel(kernel, machine);
        const found = runScheduled(scheduled, time, numbers);
        for (const [key, { data }] of interpret(whole.entries[entry], { dims, leaf: (name) => numbers[name] })) {
          expect(found.get(key), `${entry} has ${key}`).toBeDefined();
          expect(relativeError(data, found.get(key)!), `${entry} ${key}`).toBeLessThan(tolerance);
        }
      }
    };

    it.each([1, S - 1, S, S + 1, 3 * S + 2])("is the same over %i steps", (time) => {
      expectSame(time, { forward: "column", backward: "column" }, { batch: 3, H: 5 });
    });

    it("is the same with all steps of a segment in one kernel", () => {
      expectSame(3 * S + 2, { forward: "whole", backward: "whole" }, { batch: 3, H: 5 });
    });

    it("is the same where products are large enough for packing", () => {
      expectSame(S + 1, { forward: "column", backward: "column" }, { batch: 4, H: 16 });
    });
  });
});
