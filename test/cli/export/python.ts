/** Runs training scripts in Python. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { python } from "../../targets/pytorch/python.ts";

export interface Ran {
  readonly code: number;
  /** What it printed, to stdout and to stderr. */
  readonly text: string;
}

/** A test's processes share two cores, so that more threads than one only get in each other's way. */
const environment = { ...process.env, OMP_NUM_THREADS: "1" };

/** Runs Python in a folder to its end. */
export async function run(args: readonly string[], { folder }: { readonly folder: string }): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(python(), args, { cwd: folder, env: environment });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, text: stdout + stderr };
  }
}

/**
 * What `torchrun` is called by, for several processes. They meet at a port that is free: `--standalone` of PyTorch 1.13 takes the same one
 * each time, and tests run side by side. The last arguments are for Debian 12, whose torchrun of PyTorch 1.13 fails with Python
 * 3.11 unless it is told of some process what to do with its output.
 */
export const torchrunArguments = (processes: number): readonly string[] => [
  ...[
    "-m",
    "torch.distributed.run",
    "--rdzv_backend=c10d",
    "--rdzv_endpoint=localhost:0",
    `--nproc_per_node=${processes}`,
  ],
  ...["-r", "9:1", "-t", "9:1"],
];
