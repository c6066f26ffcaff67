/** Shares an entry's work out between threads: which dispatches all take part in, and where they must meet. */
import type { Command, Plan } from "../plan.ts";
import type { Move } from "./thread.ts";

/** What threads cost, in the operations that one thread could do meanwhile. */
export interface Costs {
  /** Of a barrier. */
  readonly barrier: number;
  /** Of waking workers for an entry. */
  readonly start: number;
}

/**
 * A thread does some 10 operations a nanosecond, whole vectors at a time. A barrier by itself takes 0.1 to 0.2 µs between two
 * cores, waking a worker for an entry 30 to 40 µs (bench/barrier.ts); a barrier counts 1 µs, because behind it stands what
 * another core has just written and must be fetched from there.
 */
export const usualCosts: Costs = { barrier: 10_000, start: 400_000 };

export interface Partition {
  readonly moves: readonly Move[];
  /** 1 if no worker is needed. */
  readonly threads: number;
}

/** Workgroups of the largest grid of a plan for sequences of `steps` steps: more threads than that have nothing to do. */
export function largestGrid(plan: Plan, steps: number): number {
  const grids = Object.values(plan.entries).flatMap(({ commands }) => dispatchesOf(bind(commands, steps)));
  return Math.max(1, ...grids.map(groupsOf));
}

/**
 * What `threads` threads do for an entry of a plan, for sequences of `steps` steps. A dispatch is shared out if that saves
 * more than the barriers before and behind it cost, and an entry if its dispatches save more than starting costs.
 */
export function partition(
  plan: Plan,
  commands: readonly Command[],
  steps: number,
  threads: number,
  costs: Costs,
): Partition {
  const work = new Map(plan.kernels.map(({ name, work }) => [name, work.fixed + work.perStep * steps]));
  const saved = (move: Dispatch): number => {
    const groups = groupsOf(move);
    const most = Math.ceil(groups / threads);
    return work.get(move.kernel)! * (groups - most) - 2 * costs.barrier;
  };
  const whole = (moves: readonly Move[]): number =>
    moves.reduce((sum, move) => {
      if (move.do === "loop") return sum + move.count * whole(move.moves);
      return sum + (move.do === "dispatch" ? Math.max(0, saved(move)) : 0);
    }, 0);
  const bound = bind(commands, steps);
  if (!(whole(bound) > costs.start)) return { moves: bound, threads: 1 };
  const shared = share(bound, (move) => saved(move) > 0);
  // The calling thread goes on when all are done.
  return { moves: [...withBarriers(shared, undefined), { do: "meet" }], threads };
}

type Dispatch = Extract<Move, { do: "dispatch" }>;

/** The commands with their grids worked out, for one thread. */
const bind = (commands: readonly Command[], steps: number): readonly Move[] =>
  commands.flatMap((command): readonly Move[] => {
    if (command.do === "segments") return segments(command, steps);
    if (command.do === "steps") return [loop(0, steps, 1, command.reverse, bind(command.commands, steps))];
    const [x, y, z] = command.grid.map(({ fixed, perStep }) => fixed + perStep * steps);
    return [{ do: "dispatch", kernel: command.kernel, grid: [x, y, z], shared: false }];
  });

const loop = (from: number, count: number, stride: number, reverse: boolean, moves: readonly Move[]): Move => ({
  do: "loop",
  from,
  count,
  stride,
  reverse,
  moves,
});

/** The last segment by itself, since its grids are those of fewer steps. */
function segments(command: Extract<Command, { do: "segments" }>, steps: number): readonly Move[] {
  const { length, reverse, commands } = command;
  const whole = Math.ceil(steps / length) - 1;
  const last = loop(whole * length, 1, length, reverse, bind(commands, steps - whole * length));
  if (whole === 0) return [last];
  const others = loop(0, whole, length, reverse, bind(commands, length));
  return reverse ? [last, others] : [others, last];
}

const share = (moves: readonly Move[], worth: (move: Dispatch) => boolean): readonly Move[] =>
  moves.map((move): Move => {
    if (move.do === "loop") return { ...move, moves: share(move.moves, worth) };
    return move.do === "dispatch" ? { ...move, shared: worth(move) } : move;
  });

/**
 * A barrier between any two dispatches, unless thread 0 runs both. `before` is what ran before, if anything did.
 */
function withBarriers(moves: readonly Move[], before: Dispatch | undefined): readonly Move[] {
  let last = before;
  return moves.flatMap((move): readonly Move[] => {
    if (move.do === "meet") return [move];
    if (move.do === "dispatch") {
      const apart = last !== undefined && (last.shared || move.shared);
      last = move;
      return apart ? [{ do: "meet" }, move] : [move];
    }
    // Before a step stands the step before, or what stands before the loop: the more demanding of the two.
    const own = dispatchesOf(move.moves).at(-1);
    const inner = withBarriers(move.moves, last?.shared ? last : own);
    last = own ?? last;
    return [{ ...move, moves: inner }];
  });
}

const dispatchesOf = (moves: readonly Move[]): readonly Dispatch[] =>
  moves.flatMap((move) => (move.do === "loop" ? dispatchesOf(move.moves) : move.do === "dispatch" ? [move] : []));

const groupsOf = ({ grid: [x, y, z] }: Dispatch): number => x * y * z;
