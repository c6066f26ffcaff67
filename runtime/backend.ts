import type { Range } from "./layout.ts";
import type { Code, EntryName, Executable } from "./plan.ts";

/**
 * Where an executable runs. A backend is opened once and serves any number of executables; it holds the device, so it
 * is closed when the last of them is done (Node does not exit while a GPU device is open).
 */
export interface Backend {
  /** The kind of code it runs. */
  readonly name: Code["kind"];
  /** Threads that it has, started or not, where their number can be chosen. */
  readonly threads?: number;
  /** Loads the code and lays out memory, zeroed. Errors: C0505 (memory), C0506 (code). */
  open(executable: Executable): Promise<Machine>;
  close(): void;
}

/** How long the device took for some kernels of a run, one after another. */
export interface Timing {
  /** Their names; of a loop over the steps those of one step. */
  readonly kernels: readonly string[];
  /** As coarse as the device's clock: browsers round to 100,000. */
  readonly nanoseconds: number;
}

/**
 * An executable's memory and code, loaded. Calls take effect in the order they are made. `param`, `grad`, `slot` and `stat`
 * are one for all entries and keep their contents; `input` and `work` are as large as the largest entry needs, and lose
 * their contents when they grow.
 */
export interface Machine {
  /** Makes room for sequences of `steps` steps; to be called before what is written for a run of that length. */
  prepare(steps: number): Promise<void>;
  /**
   * Runs an entry, t outside of loops being `first`, by default 0. It may return before the work is done; a failure of it then
   * rejects the next call.
   */
  run(entry: EntryName, steps: number, first?: number): Promise<void>;
  /**
   * Runs an entry as `run` does, and has the device's own clock say what took how long: one figure for each kernel outside of
   * loops over the steps and one for each such loop, in order. Missing where the device has no such clock.
   */
  time?(entry: EntryName, steps: number): Promise<readonly Timing[]>;
  /** Writes a range, the pieces one after another in `data`. */
  write(range: Range, data: Float32Array): Promise<void>;
  /** Waits for all runs and reads ranges, the pieces of each one after another. */
  read(ranges: readonly Range[]): Promise<Float32Array[]>;
  close(): void;
}
