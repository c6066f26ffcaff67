import type { Range } from "./layout.ts";
import type { Code, EntryName, Executable, Feature, HostRegion } from "./plan.ts";
import type { Simd } from "./wasm/module.ts";

/**
 * Where executables run. A backend is opened once and serves any number of executables. It holds the device, so close it when the
 * last of them is done: Node does not exit while a GPU device is open.
 */
export interface Backend {
  /** The kind of code that it runs. */
  readonly name: Code["kind"];
  /** How many threads it has, started or not, if that number can be chosen. */
  readonly threads?: number;
  /** Which of WebAssembly's vector instructions it uses. */
  readonly simd?: Simd;
  /** The optional features of WebGPU that its device has. */
  readonly features?: readonly Feature[];
  /**
   * How WebGL2's passes run: by driving the programs that gpu.js makes or, where a test at the start finds that this does not work,
   * by calling its kernels, which is slower.
   */
  readonly passes?: "driven" | "called";
  /** Why it was chosen, if `openBackend` chose it. */
  readonly reason?: string;
  /** Loads the code and lays out memory, zeroed. Errors: C0505 (memory), C0506 (code). */
  open(executable: Executable): Promise<LoadedExecutable>;
  close(): void;
}

/** How long the device took for consecutive kernels of a run. */
export interface Timing {
  /** The names of the kernels: for a loop over the steps, those of one step. */
  readonly kernels: readonly string[];
  /** As coarse as the device's clock: browsers round to 100,000. */
  readonly nanoseconds: number;
}

/** A machine whose memory the host can see, and which runs entries on the calling thread. */
export interface Direct {
  /** A region, all of it. Ask for it each time: it moves when memory grows. */
  region(name: HostRegion): Float32Array;
  /** Runs an entry at once, on one thread. Errors: C0506, C0508. */
  run(entry: EntryName, steps: number, first: number): void;
  /** Whether `LoadedExecutable.run` uses a single thread for a step of this entry, too. */
  isAlone(entry: EntryName): boolean;
}

/**
 * A loaded executable: its memory and code. Calls take effect in the order they are made. All entries share `param`, `grad`, `slot`
 * and `stat`, which keep their contents; `input` and `work` are as large as the largest entry needs, and lose their contents when
 * they grow.
 */
export interface LoadedExecutable {
  /** Makes room for sequences of `steps` steps. Call it before writing anything for a run of that length. */
  prepare(steps: number): Promise<void>;
  /**
   * Runs an entry. Outside of loops, t is `first` (default: 0). It may return before the work is done; if that fails, the next call
   * rejects.
   */
  run(entry: EntryName, steps: number, first?: number): Promise<void>;
  /**
   * Runs an entry as `run` does, timed by the device's own clock: one timing for each kernel outside of loops over the steps and
   * one for each such loop, in order. Missing if the device has no such clock.
   */
  time?(entry: EntryName, steps: number): Promise<readonly Timing[]>;
  /** Missing if the memory is a device's. */
  readonly direct?: Direct;
  /** Writes a range, whose pieces follow one another in `data`. */
  write(range: Range, data: Float32Array): Promise<void>;
  /** Waits for all runs, then reads ranges, the pieces of each one after another. */
  read(ranges: readonly Range[]): Promise<Float32Array[]>;
  close(): void;
}
