/** The cost of a compiled cell, counted from its plan and kernels: dispatches, bytes moved, memory. Nothing is timed. */
import { fileURLToPath } from "node:url";
import { fileHost } from "../cli/api/file-host.ts";
import { summarise } from "../cli/report/plan-summary.ts";
import { compile } from "../compiler/compile.ts";
import type { Target } from "../compiler/target.ts";
import { wasm } from "../targets/wasm/target.ts";
import { wgsl } from "../targets/wgsl/target.ts";
import { recordKernels, type Traffic, trafficOf } from "./traffic.ts";
import { type Cell, isWanted, type Workload } from "./workloads.ts";

export interface Counts {
  readonly workload: string;
  readonly cell: Cell;
  readonly target: Target["name"];
  /** Dispatches in one time step forward and backward, and outside the loops for all steps at once. */
  readonly dispatches: { readonly forward: number; readonly backward: number; readonly outside: number };
  /** Bytes moved, or why they cannot be counted. */
  readonly traffic: Traffic | { readonly error: string };
  /** Bytes of all regions in training. */
  readonly memory: number;
}

const cells = ["bnlstm", "lstm", "lnlstm"] as const satisfies readonly Cell[];

/** Counts the cost of training, for each cell on each training workload. */
export function countAll(
  workloads: readonly Workload[],
  only: readonly string[],
  say: (line: string) => void,
): readonly Counts[] {
  return workloads
    .filter(({ kind }) => kind === "train")
    .flatMap((workload) => cells.filter((cell) => isWanted(only, cell, workload)).map((cell) => ({ workload, cell })))
    .flatMap(({ workload, cell }) =>
      [wasm, wgsl].map((target) => {
        say(`counts ${cell}-${workload.name} on ${target.name}`);
        return countsOf(cell, workload, target);
      }),
    );
}

export function countsOf(cell: Cell, { name, B, H, T, D }: Workload, target: Target): Counts {
  const heard = recordKernels(target);
  const file = fileURLToPath(new URL(`../examples/cells/${cell}.cell`, import.meta.url));
  // Compile only training, to leave out the memory of other entries.
  const options = { entry: cell, batch: B, time: T, dims: { D, H }, entries: ["train"] as const };
  const { plan } = compile(file, options, heard.target, fileHost).executable;
  const { entries, memory } = summarise(plan, T);
  const { dispatchesPerStep, dispatchesOutside } = entries.train!;
  return {
    workload: name,
    cell,
    target: target.name,
    dispatches: { ...dispatchesPerStep, outside: dispatchesOutside },
    traffic: counted(() => trafficOf(plan, heard.kernels(), "train")),
    memory: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
  };
}

function counted(count: () => Traffic): Counts["traffic"] {
  try {
    return count();
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
