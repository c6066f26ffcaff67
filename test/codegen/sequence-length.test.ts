/** The length of a sequence is chosen at run time: nothing but the rows of statistics knows how long training sequences are. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { type Compilation, compile } from "../../compiler/compile.ts";
import { printKernel } from "../../compiler/kernel-ir/print.ts";
import type { Target } from "../../compiler/target.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { cells, planned } from "../schedule/cells.ts";

const code = (file: string, time: number, target: Target): Compilation["executable"] =>
  compile(`examples/cells/${file}.cell`, { time, dims: { D: 5, H: 6 }, batch: 4 }, target, fileHost).executable;

describe.each([wasm, wgsl])("on $name", (target) => {
  it.each(["lstm", "lnlstm"])("%s is the same executable for 10 and for 10 000 steps", (file) => {
    expect(code(file, 10_000, target)).toEqual(code(file, 10, target));
  });

  it("bnlstm differs in its statistics only", () => {
    const [short, long] = [10, 10_000].map((time) => planned(cells.bnlstm, target, { time, batch: 16 }));
    // The optimiser goes through all statistics, to take them back where a step is skipped.
    const goesThrough = (p: typeof short, name: string): boolean =>
      name.startsWith("update") && p.kernels.find((k) => k.name === name)!.regions.some((r) => r.region === "stat");
    const entries = (p: typeof short) =>
      Object.entries(p.plan.entries).map(
        ([
          name,
          {
            tensors,
            commands,
            regions: { stat: _, ...regions },
          },
        ]) => ({
          name,
          commands: commands.map((c) => (c.do === "dispatch" && goesThrough(p, c.kernel) ? c.kernel : c)),
          regions,
          tensors: tensors.filter((t) => t.role.kind !== "stat"),
        }),
      );
    expect(entries(long)).toEqual(entries(short));
    const steps = (p: typeof short) =>
      p.plan.entries.train!.tensors.flatMap((t) => (t.role.kind === "stat" ? [t.role.steps] : []));
    expect([...steps(short), ...steps(long)]).toEqual([...Array(6).fill(10), ...Array(6).fill(10_000)]);
    // Only kernels that read or write statistics know how many rows there are.
    for (const [i, kernel] of short.kernels.entries())
      if (kernel.regions.every((r) => r.region !== "stat"))
        expect(printKernel(long.kernels[i])).toBe(printKernel(kernel));
  });
});
