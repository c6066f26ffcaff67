/** The threads of a backend: the calling one, and workers that start when they are first needed and stay. */
import { createThread, type Job, type Loadable, type Loaded, type Thread } from "./thread.ts";
import { maySleep, startWorker, type WorkerThread } from "./workers.ts";

interface PooledWorker {
  readonly worker: WorkerThread;
  /** The machines it was told to load; each promise resolves when it has, or has failed. */
  readonly loaded: Map<number, Promise<void>>;
  /** Resolves what is being loaded. */
  readonly waiting: Map<number, () => void>;
}

export class WorkerPool {
  readonly #caller: Thread;
  readonly #workers: PooledWorker[] = [];
  #limit: number;

  /** @param limit how many threads at most, the calling one included */
  constructor(limit: number) {
    this.#limit = limit;
    this.#caller = createThread(0, limit > 1 && maySleep());
  }

  /** The most threads there can be: fewer than asked for once a worker could not be started. */
  get limit(): number {
    return this.#limit;
  }

  /** Has the calling thread take in a machine. */
  hold(loaded: Loaded): void {
    this.#caller.hold(loaded);
  }

  /** Has workers load a machine, so that `threads` threads can run it. Returns how many can. */
  async load(wanted: Loadable, threads: number): Promise<number> {
    try {
      while (this.#workers.length < Math.min(threads, this.#limit) - 1) this.#workers.push(this.#start());
    } catch {
      this.#limit = this.#workers.length + 1;
    }
    const workers = this.#workers.slice(0, Math.min(threads, this.#limit) - 1);
    await Promise.all(workers.map((worker) => load(worker, wanted)));
    return Math.min(threads, this.#limit);
  }

  /** Runs a job on its threads and returns when all are done: the message of what failed, if anything did. */
  run(job: Job): string | undefined {
    if (job.threads > 1) {
      this.#caller.prepare(job);
      for (const { worker } of this.#workers.slice(0, job.threads - 1)) worker.post({ do: "run", job });
    }
    return this.#caller.run(job);
  }

  /** Has all threads forget a machine. */
  drop(machine: number): void {
    this.#caller.drop(machine);
    for (const { worker, loaded } of this.#workers) if (loaded.delete(machine)) worker.post({ do: "drop", machine });
  }

  /** Stops the workers. */
  close(): void {
    this.#limit = 1;
    for (const { worker } of this.#workers.splice(0)) worker.end();
  }

  #start(): PooledWorker {
    const index = this.#workers.length + 1;
    const waiting = new Map<number, () => void>();
    const fail = () => {
      this.#limit = Math.min(this.#limit, index);
      for (const resolve of waiting.values()) resolve();
    };
    const worker = startWorker(index, {
      answer: ({ machine, failure }) => (failure === undefined ? waiting.get(machine)?.() : fail()),
      fail,
    });
    return { worker, waiting, loaded: new Map() };
  }
}

/** Resolves when the worker has loaded a machine, or failed. */
function load({ worker, loaded, waiting }: PooledWorker, loadable: Loadable): Promise<void> {
  const { machine } = loadable;
  const known = loaded.get(machine);
  if (known !== undefined) return known;
  const answer = new Promise<void>((resolve) => waiting.set(machine, resolve)).finally(() => {
    waiting.delete(machine);
    worker.hold(waiting.size > 0);
  });
  loaded.set(machine, answer);
  worker.hold(true);
  worker.post({ do: "load", loadable });
  return answer;
}
