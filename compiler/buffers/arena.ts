/**
 * Arena allocation: buffers that are live at different times share memory.
 *
 * A program point is a list of numbers in lexicographic order, so that the points of a loop lie within the point of the command
 * that runs it. A live interval runs from the first write to the last read, both included. What a kernel reads and what it writes
 * do not share memory, because one workgroup may write before another has read, except for the aliases that `aliasing.ts` finds.
 */

export type ProgramPoint = readonly number[];

interface Interval {
  readonly from: ProgramPoint;
  readonly to: ProgramPoint;
}

/** When a buffer is live. For a buffer with frames: when each frame is live that belongs to a step. */
export interface LiveInterval extends Interval {
  /** When the frame after the last step's is live. Absent if it never is, as in most buffers. */
  readonly behind?: Interval;
}

const all: Interval = { from: [Number.NEGATIVE_INFINITY], to: [Number.POSITIVE_INFINITY] };
export const always: LiveInterval = { ...all, behind: all };
/** The interval of an unused buffer: it overlaps no other. */
export const never: LiveInterval = { from: [Number.POSITIVE_INFINITY], to: [Number.NEGATIVE_INFINITY] };

/** Below 0 if `a` is before `b`, 0 if they are the same point. Missing parts count as 0. */
export function comparePoints(a: ProgramPoint, b: ProgramPoint): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** Whether two buffers are live at the same time. */
export const interfere = (a: LiveInterval, b: LiveInterval): boolean =>
  overlap(a, b) || (a.behind !== undefined && b.behind !== undefined && overlap(a.behind, b.behind));

const overlap = (a: Interval, b: Interval): boolean =>
  comparePoints(a.from, b.to) <= 0 && comparePoints(b.from, a.to) <= 0;

/** The shortest interval that contains both. */
export function span(a: LiveInterval, b: LiveInterval): LiveInterval {
  const behind = a.behind && b.behind ? both(a.behind, b.behind) : (a.behind ?? b.behind);
  return { ...both(a, b), ...(behind && { behind }) };
}

const both = (a: Interval, b: Interval): Interval => ({
  from: comparePoints(a.from, b.from) <= 0 ? a.from : b.from,
  to: comparePoints(a.to, b.to) >= 0 ? a.to : b.to,
});

export interface Request {
  /** In floats, a multiple of the alignment. */
  readonly size: number;
  readonly interval: LiveInterval;
}

/**
 * An offset for each request, and the total size. Largest first, each goes into the smallest gap between larger ones that interfere
 * with it (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 */
export function pack(requests: readonly Request[]): { readonly offsets: readonly number[]; readonly size: number } {
  const interferes = interferences(requests.map(({ interval }) => interval));
  const offsets: number[] = requests.map(() => 0);
  const order = requests.map((_, i) => i).sort((a, b) => requests[b].size - requests[a].size || a - b);
  /** In the order of offsets. */
  const placed: number[] = [];
  let size = 0;
  for (const i of order) {
    const wanted = requests[i].size;
    let best: { readonly at: number; readonly room: number } | undefined;
    let end = 0;
    for (const k of placed) {
      if (!interferes(k, i)) continue;
      const room = offsets[k] - end;
      if (room >= wanted && room < (best?.room ?? Number.POSITIVE_INFINITY)) best = { at: end, room };
      end = Math.max(end, offsets[k] + requests[k].size);
    }
    offsets[i] = best?.at ?? end;
    const next = placed.findIndex((k) => offsets[k] > offsets[i]);
    placed.splice(next < 0 ? placed.length : next, 0, i);
    size = Math.max(size, offsets[i] + wanted);
  }
  return { offsets, size };
}

/** Whether two of the intervals interfere. Compares ranks of points instead of points, because every pair is asked for. */
function interferences(intervals: readonly LiveInterval[]): (i: number, k: number) => boolean {
  const points = intervals.flatMap(({ from, to, behind }) => [from, to, ...(behind ? [behind.from, behind.to] : [])]);
  const rank = new Map<ProgramPoint, number>();
  let last: ProgramPoint | undefined;
  let number = 1;
  for (const point of points.sort(comparePoints)) {
    if (last !== undefined && comparePoints(last, point) !== 0) number++;
    rank.set(point, number);
    last = point;
  }
  const ranks = (of: (interval: LiveInterval) => ProgramPoint | undefined, none: number) =>
    Int32Array.from(intervals, (interval) => {
      const point = of(interval);
      return point === undefined ? none : rank.get(point)!;
    });
  const [from, to] = [ranks((l) => l.from, 0), ranks((l) => l.to, 0)];
  // An absent interval ends before all others begin.
  const [behindFrom, behindTo] = [ranks((l) => l.behind?.from, number + 1), ranks((l) => l.behind?.to, 0)];
  return (i, k) =>
    (from[i] <= to[k] && from[k] <= to[i]) || (behindFrom[i] <= behindTo[k] && behindFrom[k] <= behindTo[i]);
}
