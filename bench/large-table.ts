/**
 * How much memory does a table need that is larger than the memory it is allowed? Writes a CSV of a given size, opens it as `train
 * --data` does in a fresh process, makes batches of it, and says the most memory that the process had.
 *
 *     npx tsx bench/large-table.ts 2G
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { openOwnData } from "../cli/data/own-data.ts";
import { bytes } from "../cli/options.ts";

/** The limit that docs/data.md promises, in bytes. */
const LIMIT = 300 * 2 ** 20;

/** Columns of numbers beside the time. */
const COLUMNS = 8;

/** Rows that are written at a time. */
const ROWS = 10_000;

async function writeTable(path: string, size: number): Promise<number> {
  const file = createWriteStream(path);
  file.write(`time,${Array.from({ length: COLUMNS }, (_, c) => `c${c}`).join(",")}\n`);
  let [written, rows] = [0, 0];
  while (written < size) {
    const lines = Array.from({ length: ROWS }, () => {
      const time = new Date(rows++ * 1000).toISOString();
      return `${time},${Array.from({ length: COLUMNS }, (_, c) => Math.sin(rows * (c + 1) * 1e-3).toFixed(6)).join(",")}`;
    });
    const text = `${lines.join("\n")}\n`;
    written += text.length;
    if (!file.write(text)) await once(file, "drain");
  }
  await finished(file.end());
  return rows;
}

/** In the fresh process: the most memory, and how long it took. */
async function readTable(path: string): Promise<void> {
  const started = performance.now();
  const own = { window: 96, horizon: 24, target: { y: ["c0"] } };
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  const task = await openOwnData({ stdin: nothing(), say: console.error }, path, own);
  const opened = performance.now();
  const steps = 200;
  for (let step = 0; step < steps; step++) {
    const far = Uint32Array.from({ length: 64 }, (_, e) => ((step * 64 + e) * 7_919_993) % task.splits.train);
    await task.batch("train", far);
  }
  const batches = (performance.now() - opened) / steps;
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({ bytes: maxRSS * 1024, seconds: (opened - started) / 1000, batch: batches }));
}

async function main(): Promise<void> {
  const [size = "2G", path] = process.argv.slice(2);
  if (path !== undefined) return readTable(path);
  const folder = mkdtempSync(join(tmpdir(), "cellc-table-"));
  try {
    const table = join(folder, "table.csv");
    const rows = await writeTable(table, bytes(size));
    const here = fileURLToPath(import.meta.url);
    const done = spawnSync(process.execPath, [...process.execArgv, here, size, table], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(done.stderr);
    const result = JSON.parse(done.stdout) as { bytes: number; seconds: number; batch: number };
    const megabytes = (count: number): string => `${Math.round(count / 2 ** 20)} MB`;
    console.log(
      `${megabytes(statSync(table).size)}, ${rows} rows: opened in ${result.seconds.toFixed(0)} s, a batch of 64 in ${result.batch.toFixed(1)} ms, ${megabytes(result.bytes)} of memory at most`,
    );
    if (result.bytes > LIMIT) throw new Error(`more than ${megabytes(LIMIT)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
