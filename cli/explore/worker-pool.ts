/** The worker threads of an exploration. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { Failure } from "../failure.ts";
import type { RowLength, RowRecord, RowTiming } from "./row.ts";
import type { RowJob, RowProgress, Stop } from "./row-worker.ts";

export interface WorkerPool {
  /** Throws the `Failure` that stops the whole exploration. A thread that dies is a row that failed. */
  train(job: RowJob & RowLength): Promise<RowRecord>;
  /** What a row would take; undefined for one that cannot be trained. */
  measure(job: RowJob): Promise<RowTiming | undefined>;
  /** Ends the threads, what they are at included: its promises are rejected. */
  end(): Promise<void>;
}

/** Starts `workers` threads. `tell` hears how far a row is. */
export function startWorkerPool(workers: number, tell: (progress: RowProgress) => void): WorkerPool {
  const pool = new Piscina({
    // As this file is: compiled, or as it was written.
    filename: fileURLToPath(new URL(`row-worker${extname(import.meta.url)}`, import.meta.url)),
    minThreads: workers,
    maxThreads: workers,
  });
  pool.on("message", tell);
  let ended = false;
  const run = async <R extends object | undefined>(name: string, job: RowJob): Promise<R> => {
    const answer: R | Stop = await pool.run(job, { name });
    if (answer !== undefined && "stop" in answer) {
      const { code, exitCode, message, help } = answer.stop;
      throw new Failure(code, exitCode, message, help);
    }
    return answer as R;
  };
  return {
    async train(job) {
      const started = performance.now();
      try {
        return await run<RowRecord>("trainJob", job);
      } catch (error) {
        if (ended || error instanceof Failure) throw error;
        // The thread is gone: memory, or a fault of ours. The other rows need not go with it.
        const message = `the thread ended: ${error instanceof Error ? error.message : String(error)}`;
        const seconds = (performance.now() - started) / 1000;
        const outcome = { status: "failed", code: "internal", message } as const;
        return { format: 1, ...job.row, outcome, warnings: [], seconds, points: [] };
      }
    },
    measure: (job) => run<RowTiming | undefined>("measureJob", job),
    end() {
      ended = true;
      return pool.destroy();
    },
  };
}
