/** What a schedule must know of a machine. A target's `machine.ts` fills it in; nothing else of a target is known here. */
export interface Machine {
  readonly name: string;
  /** Invocations of a workgroup; 1: no lanes, the CPU. */
  readonly lanes: number;
  /**
   * How many neighbours a loop over points takes at once: 4, or 1. Machines with lanes take one a lane, and use vectors for
   * what one lane has four of.
   */
  readonly vector: 1 | 4;
  /** Workgroup memory in bytes; on a CPU the scratch a workgroup should not exceed to stay in cache. */
  readonly tileBytes: number;
  /** Largest grid along one axis. */
  readonly maxGrid: number;
  /** Lanes run in subgroups that can add up among themselves. */
  readonly subgroups?: boolean;
  /** Can store f16, in the region `half`. */
  readonly halves?: boolean;
  /** Storage buffers a kernel may bind. */
  readonly maxRegions: number;
  readonly rates: Rates;
}

/** How fast a machine is, as far as a choice between schedules asks. Times in µs. */
export interface Rates {
  /** From one dispatch to the next that waits for it. */
  readonly dispatch: number;
  /** Workgroups that run at a time. */
  readonly units: number;
  /** Operations on f32 that one of them does in a µs with all its lanes. */
  readonly flops: number;
  /** Bytes that one of them reads or writes in a µs: from the caches, where what is read again and again stands. */
  readonly bytes: number;
  /** A barrier behind which other lanes read from storage what was stored before it. */
  readonly barrier: number;
  /** A barrier that orders workgroup memory alone. */
  readonly tileBarrier: number;
  /** How much longer arithmetic takes in a loop that workgroups own by rows than in one that they own by columns. */
  readonly rows: number;
}
