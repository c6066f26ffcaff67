/** The worker threads of an exploration. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { Failure } from "../failure.ts";
import type { Measures } from "../training/learner.ts";
import { type RowRecord, type RowTiming, type Stretch, unfinishedRow } from "./row.ts";
import type { RowJob, RowProgress, Stop } from "./row-worker.ts";

export interface WorkerPool {
  /** Trains a row. If the thread dies, the row has failed. Throws a `Failure` that stops the whole exploration. */
  train(job: RowJob & Stretch): Promise<RowRecord>;
  /** Measures a trained row's model on the test split. */
  test(job: RowJob & { readonly checkpoint: string }): Promise<Measures>;
  /** Measures how long a row would take; undefined if it cannot be trained. */
  measure(job: RowJob): Promise<RowTiming | undefined>;
  /** Ends the threads and rejects the promises of unfinished jobs. */
  end(): Promise<void>;
}

/** Starts `workers` threads. `tell` is called with the progress of each row. */
export function startWorkerPool(workers: number, tell: (progress: RowProgress) => void): WorkerPool {
  const pool = new Piscina({
    // Like this file, either compiled or TypeScript.
    filename: fileURLToPath(new URL(`row-worker${extname(import.meta.url)}`, import.meta.url)),
    minThreads: workers,
    maxThreads: workers,
  });
  pool.on("message", tell);
  let ended: Promise<void> | undefined;
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
        if (ended !== undefined || error instanceof Failure) throw error;
        // The thread died, out of memory or through a fault of ours. The other rows can go on.
        const message = `the thread ended: ${error instanceof Error ? error.message : String(error)}`;
        const seconds = (performance.now() - started) / 1000;
        const outcome = { status: "failed", code: "internal", message } as const;
        return unfinishedRow(job.row, job.until, outcome, seconds);
      }
    },
    test: (job) => run<Measures>("testJob", job),
    measure: (job) => run<RowTiming | undefined>("measureJob", job),
    end() {
      // Only once: a second call would let the pool replace the threads that the first has not ended yet.
      ended ??= pool.destroy();
      return ended;
    },
  };
}
