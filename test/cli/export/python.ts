/** Runs Python with PyTorch, which Debian's python3-torch brings. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export const PYTHON = "/usr/bin/python3";

export interface Ran {
  readonly code: number;
  /** What it printed, to stdout and to stderr. */
  readonly text: string;
}

/** A test's processes share two cores, so that more threads than one only get in each other's way. */
const environment = { ...process.env, OMP_NUM_THREADS: "1" };

/** Runs a program in a folder to its end. */
export async function run(
  program: string,
  args: readonly string[],
  { folder }: { readonly folder: string },
): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: folder, env: environment });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, text: stdout + stderr };
  }
}

/** Throws, saying what is missing, where these tests cannot run. */
export async function requireTorch(): Promise<void> {
  const { code, text } = await run(PYTHON, ["-c", "import torch.distributed"], { folder: "." });
  if (code !== 0) throw new Error(`${PYTHON} has no PyTorch: apt-get install python3-torch\n${text}`);
}

/**
 * The arguments of `torchrun` for several processes. The last ones are for Debian 12, whose torchrun of PyTorch 1.13 fails with Python
 * 3.11 unless it is told of some process what to do with its output.
 */
export const torchrunArguments = (processes: number): readonly string[] => [
  ...["--standalone", `--nproc_per_node=${processes}`],
  ...["-r", "9:1", "-t", "9:1"],
];
