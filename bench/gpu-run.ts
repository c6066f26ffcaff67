/** Measures on a GPU, and never for longer than it was given. */
import type { Contender } from "./contenders.ts";
import { machine, writeResult } from "./measure.ts";
import { type Row, type SideBySide, sideBySide } from "./side-by-side.ts";
import type { Workload } from "./workloads.ts";

export interface GpuOptions {
  readonly workloads: readonly Workload[];
  readonly contenders: readonly Contender[];
  /** Rounds in turn. */
  readonly repeats: number;
  /** Seconds for everything. What is not done by then is a row that says so. */
  readonly seconds: number;
  /** Seconds for one start or one run. */
  readonly limit: number;
  /** The result as JSON, which has been written as soon as there is one row with times, and again with every further one. */
  readonly file: string;
  /** Called with progress messages. */
  readonly say: (line: string) => void;
}

/** As in the file. */
export interface GpuResult {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly workloads: readonly Workload[];
  /** Whether everything was measured that could be. */
  readonly complete: boolean;
  readonly sideBySide: SideBySide;
}

/** Part of the time in which rounds are divided; the rest is for what is under way when it ends. */
const DIVIDED = 0.9;

/** Returns the rows; nothing is written if none has times. */
export async function measureGpu(options: GpuOptions): Promise<readonly Row[]> {
  const { workloads, contenders, repeats, seconds, limit, file, say } = options;
  const start = performance.now();
  const elapsed = (): string => `${Math.round((performance.now() - start) / 1000)} of ${seconds} s`;
  const write = async (complete: boolean, sideBySide: SideBySide): Promise<void> => {
    if (!sideBySide.rows.some(({ times }) => times !== undefined)) return;
    const result: GpuResult = {
      date: new Date().toISOString(),
      ...{ machine: machine(), workloads, complete, sideBySide },
    };
    await writeResult(file, result);
  };
  const measured = await sideBySide(workloads, contenders, {
    ...{ repeats, budget: DIVIDED * seconds, deadline: seconds, limit, only: [] },
    say: (line) => say(`[${elapsed()}] ${line}`),
    progress: (rows) => write(false, { rows, facts: {}, peaks: {} }),
  });
  await write(true, measured);
  return measured.rows;
}
