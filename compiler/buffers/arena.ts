/**
 * Shares one stretch of memory among buffers that hold something at different times.
 *
 * Moments are compared by their parts, first things first, so a loop's moments lie within the moment of the command that runs
 * it. A life runs from the moment of the first write to that of the last read, both included: what a kernel reads and what it
 * writes do not share, because one of its workgroups may write before another has read, but for what `aliasing.ts` finds.
 */

export type ProgramPoint = readonly number[];

interface Interval {
  readonly from: ProgramPoint;
  readonly to: ProgramPoint;
}

/** Of a buffer with frames, when each of those is in use that belong to a step. */
export interface LiveInterval extends Interval {
  /** When the frame behind the last step's is in use; not there where it never is: of most buffers. */
  readonly behind?: Interval;
}

const all: Interval = { from: [Number.NEGATIVE_INFINITY], to: [Number.POSITIVE_INFINITY] };
export const always: LiveInterval = { ...all, behind: all };
/** Of what nobody uses: it meets nothing. */
export const never: LiveInterval = { from: [Number.POSITIVE_INFINITY], to: [Number.NEGATIVE_INFINITY] };

/** Below 0 when `a` is before `b`, 0 when they are one moment. Parts that are not there count as 0. */
export function comparePoints(a: ProgramPoint, b: ProgramPoint): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** Whether two buffers hold something at the same time. */
export const interfere = (a: LiveInterval, b: LiveInterval): boolean =>
  overlap(a, b) || (a.behind !== undefined && b.behind !== undefined && overlap(a.behind, b.behind));

const overlap = (a: Interval, b: Interval): boolean =>
  comparePoints(a.from, b.to) <= 0 && comparePoints(b.from, a.to) <= 0;

/** The shortest life that holds both. */
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
 * An offset for each request, and how much is needed in all. Largest first, each in the smallest gap that the larger ones alive
 * with it leave (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 */
export function pack(requests: readonly Request[]): { readonly offsets: readonly number[]; readonly size: number } {
  const interferes = interferences(requests.map(({ interval }) => interval));
  const offsets: number[] = requests.map(() => 0);
  const order = requests.map((_, i) => i).sort((a, b) => requests[b].size - requests[a].size || a - b);
  /** By where they begin. */
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
    const behind = placed.findIndex((k) => offsets[k] > offsets[i]);
    placed.splice(behind < 0 ? placed.length : behind, 0, i);
    size = Math.max(size, offsets[i] + wanted);
  }
  return { offsets, size };
}

/** Whether two of `lives` meet, told by numbers in the order of the moments: it is asked of every two. */
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
  // A frame that is never in use ends before all begin.
  const [behindFrom, behindTo] = [ranks((l) => l.behind?.from, number + 1), ranks((l) => l.behind?.to, 0)];
  return (i, k) =>
    (from[i] <= to[k] && from[k] <= to[i]) || (behindFrom[i] <= behindTo[k] && behindFrom[k] <= behindTo[i]);
}
