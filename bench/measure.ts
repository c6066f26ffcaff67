/** Shared by all benches: times of repeated runs, the machine they were measured on, a table for people, JSON for programs. */
import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { writeAtomically } from "../cli/report/files.ts";
import { median } from "./median.ts";

/** Times of repeated runs, in milliseconds. Quote the median; the extremes show the noise. */
export interface Times {
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function summarize(samples: readonly number[]): Times {
  return { runs: samples.length, median: median(samples), min: Math.min(...samples), max: Math.max(...samples) };
}

/** Runs `work` `warmup` times without measuring and then `runs` times with. */
export function measure(work: () => void, runs: number, warmup = 0): Times {
  for (let k = 0; k < warmup; k++) work();
  const samples = Array.from({ length: runs }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return summarize(samples);
}

/** The machine that times were measured on. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Vector instructions; empty if the system does not say. */
  readonly simd: readonly string[];
  readonly platform: string;
  readonly node: string;
}

export function machine(): MachineFacts {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    simd: existsSync("/proc/cpuinfo") ? vectorFlags(readFileSync("/proc/cpuinfo", "utf8")) : [],
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** The flags in Linux's `/proc/cpuinfo` for vector instructions: SSE, AVX, FMA, NEON (`asimd`), SVE. */
export function vectorFlags(cpuinfo: string): readonly string[] {
  const [, flags = ""] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo) ?? [];
  return flags.split(" ").filter((flag) => /^(sse|ssse|avx|fma$|amx|asimd|sve)/.test(flag));
}

/** A table whose columns are as wide as their widest cell. The first is left-aligned text, the others are right-aligned numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return lines.map((line) => line.map(pad).join("  ")).join("\n");
}

/** Milliseconds to three digits: `0.412`, `41.2`, `412`. */
export function ms(time: number): string {
  return time >= 100 ? time.toFixed(0) : time.toPrecision(3);
}

/** Writes a result as JSON, completely or not at all, and creates its folder if necessary. */
export function writeResult(path: string, result: object): Promise<void> {
  return writeAtomically(path, `${JSON.stringify(result, null, 2)}\n`);
}
