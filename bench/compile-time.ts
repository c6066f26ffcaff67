/**
 * How long does a compilation take: for someone who types `cellc compile`, and for a program that calls `compile`?
 * And does it grow with the longest sequence? Only the statistics' rows do, so the second table should be flat.
 *
 *     npm run bench:compile-time [-- --runs 20]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fileHost } from "../cli/api/file-host.ts";
import { compile } from "../compiler/compile.ts";
import { wgsl } from "../targets/wgsl/target.ts";
import { machine, measure, ms, type Times, table, writeResult } from "./measure.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const CELL = join(root, "examples/cells/bnlstm.cell");
const CLI = join(root, "dist/cli/main.js");
const RESULT = join(root, "bench/results/compile-time.json");
/** Longest sequences with statistics of their own, in time steps. */
const LENGTHS = [10, 100, 1000, 10_000] as const;
/** Small enough that the longest sequence's residuals can be addressed. Compile time does not depend on it. */
const BATCH = 16;
/** Warm-up runs before the measured ones, so that the JavaScript engine has compiled the hot code. */
const WARMUP = 20;

/** One compilation in this process, for training sequences of `time` steps. */
function compileOnce(time: number): void {
  compile(CELL, { batch: BATCH, time }, wgsl, fileHost);
}

/** Runs a Node script in a temporary folder and removes what it writes. */
function runCold(...args: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), "cellc-bench-"));
  try {
    const done = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${args.join(" ")} exited with ${done.status}:\n${done.stderr}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function row(name: string, times: Times): readonly string[] {
  return [name, ms(times.median), ms(times.min), ms(times.max)];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: "string", default: "10" } } });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a whole number from 1 on, not ${values.runs}`);
  if (!existsSync(CLI))
    throw new Error("dist/ is missing: run `npm run build` first, for the cold runs start what users start");

  const start = measure(() => runCold("-e", ""), runs);
  const cold = measure(() => runCold(CLI, "compile", CELL, "--target", "wgsl"), runs);
  const warm = LENGTHS.map((time) => ({ time, times: measure(() => compileOnce(time), runs, WARMUP) }));

  const head = ["median", "min", "max"].map((name) => `${name} ms`);
  const here = machine();
  console.log(`${here.cpu}, ${here.cores} cores, ${here.platform}, Node ${here.node}; ${runs} runs each\n`);
  console.log(
    table(["cold process", ...head], [row("node, doing nothing", start), row("cellc compile --target wgsl", cold)]),
  );
  console.log();
  console.log(
    table(
      ["in process, longest sequence", ...head],
      warm.map(({ time, times }) => row(`${time}`, times)),
    ),
  );
  await writeResult(RESULT, { machine: here, cold: { node: start, compile: cold }, warm });
}

await main();
