import { arch, cpus, platform } from "node:os";
import { packageVersion } from "./package.ts";
import { type TargetName, targets } from "./targets.ts";

/** The machine that measurements were made on, for their record. */
export async function machineFacts(target: TargetName): Promise<Readonly<Record<string, string | number>>> {
  const cores = cpus();
  return {
    cellc: packageVersion(),
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cpu: cores[0]?.model ?? "unknown",
    cores: cores.length,
    target,
    ...(await targets[target].facts()),
  };
}
