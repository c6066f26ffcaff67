/** Spreads an entry over threads: which dispatches are split between them, and where barriers are needed. */
import type { Command, Plan } from "../plan.ts";

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

/** What threads cost, in the operations that one thread could do meanwhile. */
export interface Costs {
  /** Of a barrier. */
  readonly barrier: number;
  /** Of waking workers for an entry. */
  readonly start: number;
}

/**
 * A thread does some 10 operations a nanosecond, whole vectors at a time. A barrier by itself takes 0.1 to 0.2 µs between two
 * cores, and waking a worker for an entry 30 to 40 µs (bench/barrier.ts). A barrier counts as 1 µs, because what another core has
 * just written must be fetched from that core afterwards.
 */
export const usualCosts: Costs = { barrier: 10_000, start: 400_000 };

export interface ThreadSchedule {
  readonly program: ThreadProgram;
  /** 1 if no worker is needed. */
  readonly threads: number;
}

/** Workgroups of the largest grid of a plan for sequences of `steps` steps: more threads than that have nothing to do. */
export function largestGrid(plan: Plan, steps: number): number {
  const grids = Object.values(plan.entries).flatMap(({ commands }) => dispatchesOf(bind(commands, steps)));
  return Math.max(1, ...grids.map(groupsOf));
}

/**
 * What `threads` threads do for an entry of a plan, for sequences of `steps` steps. A dispatch is split between threads if that
 * saves more than the barriers before and after it cost, and workers are woken if all dispatches together save more than that costs.
 */
export function scheduleThreads(
  plan: Plan,
  commands: readonly Command[],
  steps: number,
  threads: number,
  costs: Costs,
): ThreadSchedule {
  const work = new Map(plan.kernels.map(({ name, work }) => [name, work.fixed + work.perStep * steps]));
  const saved = (dispatch: Dispatch): number => {
    const groups = groupsOf(dispatch);
    const most = Math.ceil(groups / threads);
    return work.get(dispatch.kernel)! * (groups - most) - 2 * costs.barrier;
  };
  const total = (program: ThreadProgram): number =>
    program.reduce((sum, instruction) => {
      if (instruction.do === "loop") return sum + instruction.count * total(instruction.body);
      return sum + (instruction.do === "dispatch" ? Math.max(0, saved(instruction)) : 0);
    }, 0);
  const serial = bind(commands, steps);
  if (!(total(serial) > costs.start)) return { program: serial, threads: 1 };
  const parallel = split(serial, (dispatch) => saved(dispatch) > 0);
  return { program: withBarriers(parallel, undefined), threads };
}

type Dispatch = Extract<ThreadInstruction, { do: "dispatch" }>;

/** The commands with their grids worked out, for one thread. */
const bind = (commands: readonly Command[], steps: number): ThreadProgram =>
  commands.flatMap((command): ThreadProgram => {
    if (command.do === "segments") return segments(command, steps);
    if (command.do === "steps") return [loop(0, steps, 1, command.reverse, bind(command.commands, steps))];
    const [x, y, z] = command.grid.map(({ fixed, perStep }) => fixed + perStep * steps);
    return [{ do: "dispatch", kernel: command.kernel, grid: [x, y, z], split: false }];
  });

const loop = (
  from: number,
  count: number,
  stride: number,
  reverse: boolean,
  body: ThreadProgram,
): ThreadInstruction => ({ do: "loop", from, count, stride, reverse, body });

/** The last segment is a loop of its own, since its grids are those of fewer steps. */
function segments(command: Extract<Command, { do: "segments" }>, steps: number): ThreadProgram {
  const { length, reverse, commands } = command;
  const whole = Math.ceil(steps / length) - 1;
  const last = loop(whole * length, 1, length, reverse, bind(commands, steps - whole * length));
  if (whole === 0) return [last];
  const others = loop(0, whole, length, reverse, bind(commands, length));
  return reverse ? [last, others] : [others, last];
}

const split = (program: ThreadProgram, isWorthIt: (dispatch: Dispatch) => boolean): ThreadProgram =>
  program.map((instruction): ThreadInstruction => {
    if (instruction.do === "loop") return { ...instruction, body: split(instruction.body, isWorthIt) };
    return instruction.do === "dispatch" ? { ...instruction, split: isWorthIt(instruction) } : instruction;
  });

/** Puts a barrier between any two dispatches, unless thread 0 runs both. `before` ran before the program, if anything did. */
function withBarriers(program: ThreadProgram, before: Dispatch | undefined): ThreadProgram {
  let last = before;
  return program.flatMap((instruction): ThreadProgram => {
    if (instruction.do === "barrier") return [instruction];
    if (instruction.do === "dispatch") {
      const apart = last !== undefined && (last.split || instruction.split);
      last = instruction;
      return apart ? [{ do: "barrier" }, instruction] : [instruction];
    }
    // A step follows the step before it or, the first one, whatever ran before the loop: the more demanding of the two decides.
    const own = dispatchesOf(instruction.body).at(-1);
    const body = withBarriers(instruction.body, last?.split ? last : own);
    last = own ?? last;
    return [{ ...instruction, body }];
  });
}

const dispatchesOf = (program: ThreadProgram): readonly Dispatch[] =>
  program.flatMap((instruction) => {
    if (instruction.do === "loop") return dispatchesOf(instruction.body);
    return instruction.do === "dispatch" ? [instruction] : [];
  });

const groupsOf = ({ grid: [x, y, z] }: Dispatch): number => x * y * z;
