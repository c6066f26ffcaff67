import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot, packageVersion } from "./package.ts";
import { type TargetName, targets } from "./targets.ts";

/** The machine that measurements were made on, for their record. */
export async function machineFacts(target: TargetName): Promise<Readonly<Record<string, string | number>>> {
  const cores = cpus();
  return {
    cellc: packageVersion(),
    ...(await commit()),
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cpu: cores[0]?.model ?? "unknown",
    cores: cores.length,
    target,
    ...(await targets[target].facts()),
  };
}

/** In a clone, the commit that is checked out, with `+` if files that it has are changed. Nothing in a package, or without git. */
async function commit(): Promise<{ readonly commit?: string }> {
  if (!existsSync(join(packageRoot, ".git"))) return {};
  const words = ["describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"];
  try {
    const { stdout } = await promisify(execFile)("git", words, { cwd: packageRoot });
    return { commit: stdout.trim() };
  } catch {
    return {};
  }
}
