import { arch, cpus, platform } from "node:os";
import { bestSimd } from "../runtime/wasm/module.ts";
import { packageVersion } from "./package.ts";
import type { TargetName } from "./toolchain.ts";

/** What a record of measurements says of the machine they were made on. */
export function machineFacts(target: TargetName): Readonly<Record<string, string | number>> {
  const cores = cpus();
  return {
    cellc: packageVersion(),
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cpu: cores[0]?.model ?? "unknown",
    cores: cores.length,
    target,
    // Rounding depends on it.
    ...(target === "wasm" && { simd: bestSimd() }),
  };
}
