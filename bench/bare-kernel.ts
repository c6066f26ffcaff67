/** An executable of one kernel that no cell was compiled to: for measuring the machine itself. */
import type { Kernel } from "../compiler/kernel-ir/types.ts";
import type { Executable, Extent, Plan, Region } from "../runtime/plan.ts";
import { sealed } from "../runtime/seal.ts";
import { wasm } from "../targets/wasm/target.ts";

const one: Extent = { fixed: 1, perStep: 0 };

/** `threads` workgroups of a body for WebAssembly. `floats` are those of the region `work`, which it may use. */
export function bareKernel(name: string, threads: number, body: Kernel["body"], floats = 0): BareKernel {
  const grid = [{ fixed: threads, perStep: 0 }, one, one] as const;
  const regions: Kernel["regions"] = floats === 0 ? [] : [{ region: "work", access: "read_write" }];
  return { kernel: { name, doc: "", lanes: 1, grid, regions, tiles: [], body }, floats };
}

export interface BareKernel {
  readonly kernel: Kernel;
  readonly floats: number;
}

/** Each step of its entry `infer` dispatches the kernel once. */
export function bareExecutable({ kernel, floats }: BareKernel): Executable {
  const { name, grid } = kernel;
  const empty: Region = { fixed: 0, frame: 0 };
  const regions = { param: empty, grad: empty, slot: empty, stat: empty, input: empty, half: empty };
  const plan: Plan = {
    ...{ format: 4, name, target: "wasm", dims: { batch: 1 }, fingerprint: "", measures: {}, equations: {}, slots: [] },
    optimizer: "sgd",
    entries: {
      infer: {
        tensors: [],
        commands: [{ do: "steps", reverse: false, commands: [{ do: "dispatch", kernel: name, grid }] }],
        regions: { ...regions, work: { fixed: floats, frame: 0 } },
      },
    },
    // A little work, so that it is distributed if threads cost nothing.
    kernels: [{ name, work: one, lanes: 1, regions: kernel.regions }],
  };
  return { plan, code: sealed(plan, wasm.assemble([kernel])) };
}
