/**
 * What every thread runs: the calling one as thread 0, and each worker. A worker is started from the source text of
 * `createThread`, so that no bundler or loader has to find a file. The function therefore refers to nothing outside itself, and
 * its inner functions are methods, because tools that keep function names wrap all others in a helper.
 */

/** One thing that a thread does for an entry. */
export type ThreadInstruction =
  | {
      readonly do: "dispatch";
      readonly kernel: string;
      readonly grid: readonly [number, number, number];
      /** Whether its workgroups are split between the threads; otherwise thread 0 runs them all. */
      readonly split: boolean;
    }
  /** Waits until every thread has arrived. */
  | { readonly do: "barrier" }
  /** For `count` steps or segments, first to last or last to first: at step `from` and every `stride` steps after it. */
  | {
      readonly do: "loop";
      readonly from: number;
      readonly count: number;
      readonly stride: number;
      readonly reverse: boolean;
      readonly body: ThreadProgram;
    };

/** What a thread does for an entry, in order. */
export type ThreadProgram = readonly ThreadInstruction[];

/** One run of an entry. */
export interface Job {
  readonly machine: number;
  readonly entry: string;
  readonly program: ThreadProgram;
  /** T, the length of the sequences. */
  readonly steps: number;
  /** t outside of loops. */
  readonly first: number;
  /** How many threads take part: those whose index is smaller. */
  readonly threads: number;
  /** Where regions start, in bytes, by the name of the global. */
  readonly globals: Readonly<Record<string, number>>;
  /** Where thread 0's tiles start, and how far apart the tiles of two threads are, in bytes. */
  readonly tiles: number;
  readonly tileStride: number;
}

/** What a worker is told. */
export type Order =
  | {
      readonly do: "load";
      readonly machine: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    }
  | { readonly do: "run"; readonly job: Job }
  | { readonly do: "drop"; readonly machine: number };
/** A worker's answer to `load`: the machine, and why it does not load if it does not. */
export type Answer = { readonly machine: number; readonly failure: string | undefined };

/** Words of the control block: four cache lines, so that threads that spin do not disturb one that counts, and a text. */
export const controlWords = 1024;

export interface Thread {
  /** Does this thread's part of a job. A kernel that traps leaves its message in the control block; the other threads still finish. */
  run(job: Job, exports: WebAssembly.Exports): void;
  /** What went wrong in the last run, on any thread; undefined if nothing did. Clears it. */
  failure(): string | undefined;
  /** Carries out an order. */
  obey(order: Order): Answer | undefined;
}

/**
 * Thread `index` of those that share `control`. `mayWait` says whether it may sleep: a browser's main thread may not.
 *
 * At a barrier a thread spins for a while, and then sleeps. To sleep and be woken takes some 50 µs here, and 5,000 spins of 9 ns
 * take about as long: whatever the others do, waiting costs at most twice the least it can.
 */
export function createThread(index: number, control: Int32Array, mayWait: boolean): Thread {
  const arrived = 0;
  const generation = 16;
  const sleeping = 32;
  const failed = 48;
  /** The message's length, followed by the message. */
  const text = 49;
  const spins = 5_000;
  const machines = new Map<number, WebAssembly.Exports>();

  const thread = {
    barrier(threads: number): void {
      const now = Atomics.load(control, generation);
      if (Atomics.add(control, arrived, 1) === threads - 1) {
        Atomics.store(control, arrived, 0);
        Atomics.add(control, generation, 1);
        if (Atomics.load(control, sleeping) > 0) Atomics.notify(control, generation);
        return;
      }
      for (let spin = 0; spin < spins || !mayWait; spin++) if (Atomics.load(control, generation) !== now) return;
      Atomics.add(control, sleeping, 1);
      while (Atomics.load(control, generation) === now) Atomics.wait(control, generation, now);
      Atomics.sub(control, sleeping, 1);
    },

    execute(program: ThreadProgram, t: number, job: Job, exports: WebAssembly.Exports): void {
      const { steps, threads } = job;
      for (const instruction of program) {
        if (instruction.do === "loop") {
          const { from, count, stride } = instruction;
          for (let i = 0; i < count; i++)
            thread.execute(
              instruction.body,
              t + from + (instruction.reverse ? count - 1 - i : i) * stride,
              job,
              exports,
            );
        } else if (instruction.do === "barrier") {
          thread.barrier(threads);
        } else if (instruction.split || index === 0) {
          const [gx, gy, gz] = instruction.grid;
          const groups = gx * gy * gz;
          // Always the same part of a grid, so that its weights stay in the cache of the core that used them.
          const from = instruction.split ? Math.floor((groups * index) / threads) : 0;
          const to = instruction.split ? Math.floor((groups * (index + 1)) / threads) : groups;
          if (from === to || Atomics.load(control, failed) !== 0) continue;
          try {
            (exports[instruction.kernel] as (...args: number[]) => void)(t, steps, gx, gy, gz, from, to);
          } catch (thrown) {
            const reason = thrown instanceof Error ? thrown.message : String(thrown);
            thread.fail(`kernel \`${instruction.kernel}\` of entry \`${job.entry}\` failed: ${reason}`);
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
      // A module that uses no tensor of a region need not export the region's address.
      const globals = { ...job.globals, tiles: job.tiles + index * job.tileStride };
      for (const [name, address] of Object.entries(globals)) {
        const global = exports[name];
        if (global instanceof WebAssembly.Global) global.value = address | 0;
      }
      thread.execute(job.program, job.first, job, exports);
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
