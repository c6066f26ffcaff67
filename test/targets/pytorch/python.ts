/** Python with PyTorch, which the printed modules run in. */
import { spawnSync } from "node:child_process";

/** Debian's comes first: its PyTorch is the oldest that modules are printed for. */
const CANDIDATES = ["/usr/bin/python3", "python3", "python"];

let found: string | undefined;

/** The command of a Python that has PyTorch. Throws if there is none, and says how to install one. */
export function python(): string {
  found ??= CANDIDATES.find((command) => spawnSync(command, ["-c", "import torch"]).status === 0);
  if (found === undefined)
    throw new Error(
      `none of ${CANDIDATES.join(", ")} has PyTorch, in which printed modules are tested: on Debian and Ubuntu, ` +
        "sudo apt-get install --no-install-recommends python3-torch; elsewhere, pip install torch",
    );
  return found;
}

/** Runs a script. Returns what it printed; throws with what it wrote to stderr if it fails. */
export function runPython(args: readonly string[], timeout = 300_000): string {
  const { status, stdout, stderr, error } = spawnSync(python(), [...args], {
    encoding: "utf8",
    timeout,
    maxBuffer: 1e8,
  });
  if (status !== 0) throw new Error(`${args[0]}: ${error?.message ?? ""}\n${stdout}\n${stderr}`);
  return stdout;
}
