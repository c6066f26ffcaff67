/** The threads of a backend: the calling one and the workers it starts when they are first wanted, and keeps. */
import { controlWords, createThread, type Job, type Thread } from "./thread.ts";
import { maySleep, startWorker, type WorkerThread } from "./workers.ts";

/** A machine's code and memory, as a worker gets them. */
export interface Loadable {
  readonly machine: number;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

interface Member {
  readonly worker: WorkerThread;
  /** The machines it was told to load, each settled when it has or has failed. */
  readonly loaded: Map<number, Promise<void>>;
  /** Settles what is being loaded. */
  readonly waiting: Map<number, () => void>;
}

export class Team {
  readonly #control: Int32Array;
  readonly #self: Thread;
  readonly #members: Member[] = [];
  #limit: number;

  /** @param limit how many threads at most, the calling one included */
  constructor(limit: number) {
    this.#limit = limit;
    // Of ordinary memory where it is not shared with anyone.
    this.#control = new Int32Array(
      limit > 1 ? new SharedArrayBuffer(4 * controlWords) : new ArrayBuffer(4 * controlWords),
    );
    this.#self = createThread(0, this.#control, limit > 1 && maySleep());
  }

  /** Threads there can be: fewer than asked for once a worker could not be started. */
  get limit(): number {
    return this.#limit;
  }

  /** Has workers load a machine, so that `threads` can run it; how many can. */
  async gather(wanted: Loadable, threads: number): Promise<number> {
    try {
      while (this.#members.length < Math.min(threads, this.#limit) - 1) this.#members.push(this.#start());
    } catch {
      this.#limit = this.#members.length + 1;
    }
    const members = this.#members.slice(0, Math.min(threads, this.#limit) - 1);
    await Promise.all(members.map((member) => load(member, wanted)));
    return Math.min(threads, this.#limit);
  }

  /** Runs a job on its threads; when it returns, all are done. The message of what failed, if anything did. */
  run(job: Job, exports: WebAssembly.Exports): string | undefined {
    for (const { worker } of this.#members.slice(0, job.threads - 1)) worker.post({ do: "run", job });
    this.#self.run(job, exports);
    return this.#self.failure();
  }

  /** Has the workers forget a machine. */
  drop(machine: number): void {
    for (const { worker, loaded } of this.#members) if (loaded.delete(machine)) worker.post({ do: "drop", machine });
  }

  /** Ends the workers. */
  close(): void {
    this.#limit = 1;
    for (const { worker } of this.#members.splice(0)) worker.end();
  }

  #start(): Member {
    const index = this.#members.length + 1;
    const waiting = new Map<number, () => void>();
    const fail = () => {
      this.#limit = Math.min(this.#limit, index);
      for (const settle of waiting.values()) settle();
    };
    const worker = startWorker(index, this.#control, {
      answer: ({ machine, failure }) => (failure === undefined ? waiting.get(machine)?.() : fail()),
      fail,
    });
    return { worker, waiting, loaded: new Map() };
  }
}

/** Settles when the worker has loaded a machine, or failed. */
function load({ worker, loaded, waiting }: Member, { machine, module, memory }: Loadable): Promise<void> {
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
