/** Values saved for the backward pass stored as f16: WebGPU computes what the reference does, to what f16 holds. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import type { Target } from "../../compiler/target.ts";
import { cells, elaborated } from "../schedule/cells.ts";
import { runScheduled } from "../schedule/run-scheduled.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const byStep = { forward: "column", backward: "column" } as const;
const steps = 5;

/** An odd number of units and few examples, so that lanes of different rows share a word. */
function study(name: keyof typeof cells): Study {
  const { graph, dims } = elaborated(cells[name]);
  return new Study(graph, {
    ...{ dims: { ...dims, D: 3, H: 5 }, batch: 6, time: steps, seed: 5, loops: byStep, storage: "f16" },
  });
}

/** The same kernels by the meaning of Kernel IR. */
function interpreted(s: Study, target: Target): ReadonlyMap<string, Float32Array> {
  const kernels: Kernel[] = [];
  const { plan } = s.compile({
    ...target,
    assemble(all) {
      kernels.push(...all);
      return { kind: "wgsl", modules: {} };
    },
  });
  const numbers = Object.fromEntries(Object.entries(s.numbers).map(([name, data]) => [name, Float32Array.from(data)]));
  const { tensors, commands, regions } = plan.entries.train!;
  return runScheduled({ tensors, commands, regions, kernels: kernels.map((kernel) => ({ kernel })) }, steps, numbers);
}

describe.each(["lstm", "lnlstm", "bnlstm"] as const)("%s", (name) => {
  const { target } = places.wgsl;
  const backend = opened(places.wgsl);

  it("has the reference's outputs, its gradients but for f16's rounding, which shows, and the kernels' meaning", async () => {
    const s = study(name);
    const found = (await s.run(target, backend(), ["train"])).get("train")!;
    const errors = s.errorsOf("train", found);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.half);
    // With f32 it would be less: see the other tests.
    expect(errors.gradient).toBeGreaterThan(tolerance.gradient);
    for (const [key, data] of interpreted(s, target))
      if (found.has(key)) expect(relativeError(data, found.get(key)!), key).toBeLessThan(tolerance.gradient);
  });
});
