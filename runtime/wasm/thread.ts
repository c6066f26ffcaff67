/**
 * What every thread runs: the calling one as thread 0, and each worker. A worker is started from the source text of
 * `createThread`, so that no bundler or loader has to find a file. The function therefore refers to nothing outside itself, and
 * its inner functions are methods, because tools that keep function names wrap all others in a helper.
 */

/** A machine's code and memory, as a worker gets them. */
export interface Loadable {
  readonly machine: number;
  readonly module: WebAssembly.Module;
  readonly sequencer: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The kernels' names, in the order of the sequencer's table. */
  readonly kernels: readonly string[];
}

/** A loaded machine: what the modules of its kernels and of its sequencer export. */
export interface Loaded extends Pick<Loadable, "machine" | "memory" | "kernels"> {
  readonly exports: WebAssembly.Exports;
  readonly sequencer: WebAssembly.Exports;
}

/** One run of an entry. */
export interface Job {
  readonly machine: number;
  readonly entry: string;
  /** Where thread 0's program stands, and how far apart the programs of two threads are, in bytes. */
  readonly program: number;
  readonly programStride: number;
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
  | { readonly do: "load"; readonly loadable: Loadable }
  | { readonly do: "run"; readonly job: Job }
  | { readonly do: "drop"; readonly machine: number };
/** A worker's answer to `load`: the machine, and why it does not load if it does not. */
export type Answer = { readonly machine: number; readonly failure: string | undefined };

/**
 * Bytes of the control block with which the memory of a machine for so many threads begins. It has cache lines for what threads tell
 * each other, so that one that waits does not disturb one that works, and a message.
 */
export const controlBytes = (threads: number): number => 1024 + 64 * threads;

export interface Thread {
  /** Takes in a machine whose modules have instances. */
  hold(loaded: Loaded): void;
  /** Makes ready for a job with several threads. */
  prepare(job: Job): void;
  /**
   * Does this thread's part of a job; the calling thread waits for the others. A kernel that traps leaves its message in the control
   * block, and the other threads stop at their next barrier. Returns the message to the calling thread, if there is one.
   */
  run(job: Job): string | undefined;
  /** Forgets a machine. */
  drop(machine: number): void;
  /** Carries out an order. */
  obey(order: Order): Answer | undefined;
}

/** Thread `index` of those that share a machine. `mayWait` says whether it may sleep: a browser's main thread may not. */
export function createThread(index: number, mayWait: boolean): Thread {
  const failed = 0;
  const finished = 32;
  /** The message's length, followed by the message. */
  const text = 48;
  /** Where the threads tell how many barriers they have reached. */
  const reached = 256;
  const line = 16;
  const spins = 5_000;
  interface Instance {
    readonly loaded: Loaded;
    readonly start: (program: number, t: number, steps: number) => number;
    globals: Job["globals"] | undefined;
  }
  const machines = new Map<number, Instance>();

  const thread = {
    hold(loaded: Loaded): void {
      const { machine, exports, sequencer, kernels } = loaded;
      const table = sequencer.kernels as WebAssembly.Table;
      table.grow(kernels.length);
      for (const [number, name] of kernels.entries()) table.set(number, exports[name]);
      (sequencer.index as WebAssembly.Global).value = index;
      (sequencer.sleeps as WebAssembly.Global).value = Number(mayWait);
      machines.set(machine, { loaded, start: sequencer.start as Instance["start"], globals: undefined });
    },

    control({ memory }: Loaded): Int32Array {
      return new Int32Array(memory.buffer);
    },

    prepare(job: Job): void {
      const control = thread.control(machines.get(job.machine)!.loaded);
      Atomics.store(control, failed, 0);
      Atomics.store(control, finished, 0);
      for (let k = 0; k < job.threads; k++) Atomics.store(control, reached + k * line, 0);
    },

    run(job: Job): string | undefined {
      const instance = machines.get(job.machine)!;
      const { loaded } = instance;
      if (instance.globals !== job.globals) {
        // A module that uses no tensor of a region need not export the region's address.
        const globals = { ...job.globals, tiles: job.tiles + index * job.tileStride };
        for (const [name, address] of Object.entries(globals)) {
          const global = loaded.exports[name];
          if (global instanceof WebAssembly.Global) global.value = address | 0;
        }
        instance.globals = job.globals;
      }
      (loaded.sequencer.threads as WebAssembly.Global).value = job.threads;
      let stopped = false;
      try {
        const program = job.program + index * job.programStride;
        stopped = instance.start(program, job.first, job.steps) !== 0;
      } catch (thrown) {
        thread.fail(job, loaded, thrown);
        stopped = true;
      }
      if (job.threads > 1) {
        const control = thread.control(loaded);
        if (index > 0) {
          Atomics.add(control, finished, 1);
          Atomics.notify(control, finished);
          return undefined;
        }
        thread.join(control, job.threads - 1);
        stopped = Atomics.load(control, failed) !== 0;
      }
      return stopped ? thread.failure(thread.control(loaded)) : undefined;
    },

    /** Waits until so many others have finished. */
    join(control: Int32Array, others: number): void {
      for (let spin = 0; ; spin++) {
        const count = Atomics.load(control, finished);
        if (count === others) return;
        if (mayWait && spin >= spins) Atomics.wait(control, finished, count);
      }
    },

    fail({ entry }: Job, loaded: Loaded, thrown: unknown): void {
      const control = thread.control(loaded);
      if (Atomics.compareExchange(control, failed, 0, 1) !== 0) return;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const at = Number((loaded.sequencer.at as WebAssembly.Global).value);
      const kernel = loaded.kernels[control[at / 4 + 1]];
      const sentence = `kernel \`${kernel}\` of entry \`${entry}\` failed: ${reason}`;
      const length = Math.min(sentence.length, reached - text - 1);
      control[text] = length;
      for (let i = 0; i < length; i++) control[text + 1 + i] = sentence.charCodeAt(i);
      // Nobody waits for this thread any more.
      const own = reached + index * line;
      Atomics.store(control, own, 0x7fffffff);
      Atomics.notify(control, own);
    },

    failure(control: Int32Array): string {
      Atomics.store(control, failed, 0);
      return String.fromCharCode(...control.subarray(text + 1, text + 1 + control[text]));
    },

    drop(machine: number): void {
      machines.delete(machine);
    },

    obey(order: Order): Answer | undefined {
      if (order.do === "load") {
        const { machine, module, sequencer, memory, kernels } = order.loadable;
        try {
          const env = { memory };
          const { exports } = new WebAssembly.Instance(module, { env });
          const own = new WebAssembly.Instance(sequencer, { env }).exports;
          thread.hold({ machine, memory, kernels, exports, sequencer: own });
          return { machine, failure: undefined };
        } catch (thrown) {
          return { machine, failure: String(thrown) };
        }
      }
      if (order.do === "run") thread.run(order.job);
      else thread.drop(order.machine);
      return undefined;
    },
  };
  return thread;
}
