/** How long does the first compilation in a fresh process take after the imports, and does it grow with the sequence length? */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Wanted } from "./comparisons.ts";
import { summarize, type Times } from "./measure.ts";

/** What is wanted of the medians. */
export const coldGoals = { imports: { most: 60 }, compile: { most: 200 } } as const satisfies Record<string, Wanted>;

/** Milliseconds. */
export interface Cold {
  /** Longest sequence with statistics of its own. */
  readonly time: number;
  readonly imports: Times;
  readonly compile: Times;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const LENGTHS = [10, 10_000] as const;
/** Small enough that the longest sequence's residuals can be addressed. Compile time does not depend on it. */
const BATCH = 16;

/** Compiles the batch-normalized LSTM to WebAssembly in `runs` processes for each length, which take turns. */
export function coldCompilations(runs: number): readonly Cold[] {
  if (!existsSync(`${root}dist/cli/compiler.js`)) throw new Error("dist/ is missing: npm run build makes it");
  const seen = LENGTHS.map((time) => ({ time, imports: [] as number[], compile: [] as number[] }));
  for (let run = 0; run < runs; run++) {
    for (const { time, imports, compile } of seen) {
      const args = [`${root}bench/cold-start.mjs`, `${root}examples/cells/bnlstm.cell`, String(BATCH), String(time)];
      const took = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Record<string, number>;
      imports.push(took.imports);
      compile.push(took.compile);
    }
  }
  return seen.map(({ time, imports, compile }) => ({
    time,
    imports: summarize(imports),
    compile: summarize(compile),
  }));
}
