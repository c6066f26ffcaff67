/** The threads of a backend: the calling one, and workers that start when they are first needed and stay. */
import { controlWords, createThread, type Job, type Thread } from "./thread.ts";
import { maySleep, startWorker, type WorkerThread } from "./workers.ts";

/** A machine's code and memory, as a worker gets them. */
export interface Loadable {
  readonly machine: number;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

interface PooledWorker {
  readonly worker: WorkerThread;
  /** The machines it was told to load; each promise resolves when it has, or has failed. */
  readonly loaded: Map<number, Promise<void>>;
  /** Resolves what is being loaded. */
  readonly waiting: Map<number, () => void>;
}

export class WorkerPool {
  readonly #control: Int32Array;
  readonly #caller: Thread;
  readonly #workers: PooledWorker[] = [];
  #limit: number;

  /** @param limit how many threads at most, the calling one included */
  constructor(limit: number) {
    this.#limit = limit;
    // Ordinary memory is enough for one thread.
    this.#control = new Int32Array(
      limit > 1 ? new SharedArrayBuffer(4 * controlWords) : new ArrayBuffer(4 * controlWords),
    );
    this.#caller = createThread(0, this.#control, limit > 1 && maySleep());
  }

  /** The most threads there can be: fewer than asked for once a worker could not be started. */
  get limit(): number {
    return this.#limit;
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
  run(job: Job, exports: WebAssembly.Exports): string | undefined {
    for (const { worker } of this.#workers.slice(0, job.threads - 1)) worker.post({ do: "run", job });
    this.#caller.run(job, exports);
    return this.#caller.failure();
  }

  /** Has the workers forget a machine. */
  drop(machine: number): void {
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
    const worker = startWorker(index, this.#control, {
      answer: ({ machine, failure }) => (failure === undefined ? waiting.get(machine)?.() : fail()),
      fail,
    });
    return { worker, waiting, loaded: new Map() };
  }
}

/** Resolves when the worker has loaded a machine, or failed. */
function load({ worker, loaded, waiting }: PooledWorker, { machine, module, memory }: Loadable): Promise<void> {
  const known = loaded.get(machine);
  if (known !== undefined) return known;
  const answer = new Promise<void>((resolve) => waiting.set(machine, resolve)).finally(() => {
    waiting.delete(machine);
    worker.hold(waiting.size > 0);
  });
  loaded.set(machine, answer);
  worker.hold(true);
  worker.post({ do: "load", machine, module, memory });
  return answer;
}
