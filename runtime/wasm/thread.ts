/**
 * What every thread runs: the calling one as thread 0, and each worker. A worker is started from the text of
 * `createThread`, so that neither a bundler nor a loader must find a file; the function therefore refers to nothing outside
 * itself, and its own functions are methods, because tools that keep function names put a helper beside all others.
 */

/** What a thread is to do for one entry, in order. */
export type Move =
  | {
      readonly do: "dispatch";
      readonly kernel: string;
      readonly grid: readonly [number, number, number];
      /** Its workgroups are shared out between the threads; otherwise thread 0 runs them all. */
      readonly shared: boolean;
    }
  /** Waits until every thread is here. */
  | { readonly do: "meet" }
  /** For `count` steps or segments, first to last or last to first: at step `from`, and every `stride` steps behind it. */
  | {
      readonly do: "loop";
      readonly from: number;
      readonly count: number;
      readonly stride: number;
      readonly reverse: boolean;
      readonly moves: readonly Move[];
    };

/** One run of an entry. */
export interface Job {
  readonly machine: number;
  readonly entry: string;
  readonly moves: readonly Move[];
  /** T, the length of the sequences. */
  readonly steps: number;
  /** t outside of loops. */
  readonly first: number;
  /** How many threads take part: those with a smaller index. */
  readonly threads: number;
  /** Where regions start, in bytes, by the globals' names. */
  readonly globals: Readonly<Record<string, number>>;
  /** Where thread 0's tiles start, and how far apart two threads' are, in bytes. */
  readonly tiles: number;
  readonly tileStride: number;
}

/** What a worker is told, and answers to the first: the machine, or why it does not load. */
export type Order =
  | {
      readonly do: "load";
      readonly machine: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    }
  | { readonly do: "run"; readonly job: Job }
  | { readonly do: "drop"; readonly machine: number };
export type Answer = { readonly machine: number; readonly failure: string | undefined };

/** Words of the control block: four cache lines, so that the threads that spin disturb none that counts, and a text. */
export const controlWords = 1024;

export interface Thread {
  /** Does this thread's part of a job. A kernel that traps leaves its text in the control block and ends nobody's waiting. */
  run(job: Job, exports: WebAssembly.Exports): void;
  /** What went wrong in the run before, by whichever thread; undefined if nothing did. Forgets it. */
  failure(): string | undefined;
  /** Does what a worker is told. */
  obey(order: Order): Answer | undefined;
}

/**
 * Thread `index` of those that share `control`. `mayWait` says whether it may sleep: a browser's main thread may not.
 *
 * At a barrier a thread looks for a while whether the others have come, and then sleeps. To sleep and be woken takes some 50 µs
 * here, and 5,000 looks of 9 ns about as long: whatever the others do, that is at most twice the least that waiting can cost.
 */
export function createThread(index: number, control: Int32Array, mayWait: boolean): Thread {
  const arrived = 0;
  const generation = 16;
  const sleeping = 32;
  const failed = 48;
  /** The text's length, and behind it the text. */
  const text = 49;
  const looks = 5_000;
  const machines = new Map<number, WebAssembly.Exports>();

  const thread = {
    meet(threads: number): void {
      const now = Atomics.load(control, generation);
      if (Atomics.add(control, arrived, 1) === threads - 1) {
        Atomics.store(control, arrived, 0);
        Atomics.add(control, generation, 1);
        if (Atomics.load(control, sleeping) > 0) Atomics.notify(control, generation);
        return;
      }
      for (let look = 0; look < looks || !mayWait; look++) if (Atomics.load(control, generation) !== now) return;
      Atomics.add(control, sleeping, 1);
      while (Atomics.load(control, generation) === now) Atomics.wait(control, generation, now);
      Atomics.sub(control, sleeping, 1);
    },

    play(moves: readonly Move[], t: number, job: Job, exports: WebAssembly.Exports): void {
      const { steps, threads } = job;
      for (const move of moves) {
        if (move.do === "loop") {
          const { from, count, stride } = move;
          for (let i = 0; i < count; i++)
            thread.play(move.moves, t + from + (move.reverse ? count - 1 - i : i) * stride, job, exports);
        } else if (move.do === "meet") {
          thread.meet(threads);
        } else if (move.shared || index === 0) {
          const [gx, gy, gz] = move.grid;
          const groups = gx * gy * gz;
          // Always the same share of the same grid, so that a step's weights stay in the cache of the core that used them.
          const from = move.shared ? Math.floor((groups * index) / threads) : 0;
          const to = move.shared ? Math.floor((groups * (index + 1)) / threads) : groups;
          if (from === to || Atomics.load(control, failed) !== 0) continue;
          try {
            (exports[move.kernel] as (...args: number[]) => void)(t, steps, gx, gy, gz, from, to);
          } catch (thrown) {
            const reason = thrown instanceof Error ? thrown.message : String(thrown);
            thread.fail(`kernel \`${move.kernel}\` of entry \`${job.entry}\` failed: ${reason}`);
          }
        }
      }
    },

    fail(sentence: string): void {
      if (Atomics.compareExchange(control, failed, 0, 1) !== 0) return;
      const length = Math.min(sentence.length, control.length - text - 1);
      control[text] = length;
      for (let i = 0; i < length; i++) control[text + 1 + i] = sentence.charCodeAt(i);
    },

    failure(): string | undefined {
      if (Atomics.exchange(control, failed, 0) === 0) return undefined;
      return String.fromCharCode(...control.subarray(text + 1, text + 1 + control[text]));
    },

    run(job: Job, exports: WebAssembly.Exports): void {
      // A module that touches no tensor of a region need not export its address.
      const globals = { ...job.globals, tiles: job.tiles + index * job.tileStride };
      for (const [name, address] of Object.entries(globals)) {
        const global = exports[name];
        if (global instanceof WebAssembly.Global) global.value = address | 0;
      }
      thread.play(job.moves, job.first, job, exports);
    },

    obey(order: Order): Answer | undefined {
      if (order.do === "load") {
        const { machine, module, memory } = order;
        try {
          machines.set(machine, new WebAssembly.Instance(module, { env: { memory } }).exports);
          return { machine, failure: undefined };
        } catch (thrown) {
          return { machine, failure: String(thrown) };
        }
      }
      if (order.do === "run") thread.run(order.job, machines.get(order.job.machine)!);
      else machines.delete(order.machine);
      return undefined;
    },
  };
  return thread;
}
