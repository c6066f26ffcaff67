/**
 * Shares one stretch of memory among buffers that hold something at different times.
 *
 * Moments are compared by their parts, first things first, so a loop's moments lie within the moment of the command that runs
 * it. A life runs from the moment of the first write to that of the last read, both included: what a kernel reads and what it
 * writes do not share, because one of its workgroups may write before another has read, but for what `in-place.ts` finds.
 */

export type Moment = readonly number[];

interface Stretch {
  readonly from: Moment;
  readonly to: Moment;
}

/** Of a buffer with frames, when each of those is in use that belong to a step. */
export interface Life extends Stretch {
  /** When the frame behind the last step's is in use; not there where it never is: of most buffers. */
  readonly behind?: Stretch;
}

const all: Stretch = { from: [Number.NEGATIVE_INFINITY], to: [Number.POSITIVE_INFINITY] };
export const always: Life = { ...all, behind: all };
/** Of what nobody uses: it meets nothing. */
export const never: Life = { from: [Number.POSITIVE_INFINITY], to: [Number.NEGATIVE_INFINITY] };

/** Below 0 when `a` is before `b`, 0 when they are one moment. Parts that are not there count as 0. */
export function compareMoments(a: Moment, b: Moment): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

export const meet = (a: Life, b: Life): boolean =>
  overlap(a, b) || (a.behind !== undefined && b.behind !== undefined && overlap(a.behind, b.behind));

const overlap = (a: Stretch, b: Stretch): boolean =>
  compareMoments(a.from, b.to) <= 0 && compareMoments(b.from, a.to) <= 0;

/** The shortest life that holds both. */
export function around(a: Life, b: Life): Life {
  const behind = a.behind && b.behind ? both(a.behind, b.behind) : (a.behind ?? b.behind);
  return { ...both(a, b), ...(behind && { behind }) };
}

const both = (a: Stretch, b: Stretch): Stretch => ({
  from: compareMoments(a.from, b.from) <= 0 ? a.from : b.from,
  to: compareMoments(a.to, b.to) >= 0 ? a.to : b.to,
});

export interface Request {
  /** In floats, a multiple of the alignment. */
  readonly size: number;
  readonly life: Life;
}

/**
 * An offset for each request, and how much is needed in all. Largest first, each in the smallest gap that the larger ones alive
 * with it leave (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 */
export function pack(requests: readonly Request[]): { readonly offsets: readonly number[]; readonly size: number } {
  const meets = meetings(requests.map(({ life }) => life));
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
      if (!meets(k, i)) continue;
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
function meetings(lives: readonly Life[]): (i: number, k: number) => boolean {
  const moments = lives.flatMap(({ from, to, behind }) => [from, to, ...(behind ? [behind.from, behind.to] : [])]);
  const rank = new Map<Moment, number>();
  let last: Moment | undefined;
  let number = 1;
  for (const moment of moments.sort(compareMoments)) {
    if (last !== undefined && compareMoments(last, moment) !== 0) number++;
    rank.set(moment, number);
    last = moment;
  }
  const ranks = (of: (life: Life) => Moment | undefined, none: number) =>
    Int32Array.from(lives, (life) => {
      const moment = of(life);
      return moment === undefined ? none : rank.get(moment)!;
    });
  const [from, to] = [ranks((l) => l.from, 0), ranks((l) => l.to, 0)];
  // A frame that is never in use ends before all begin.
  const [behindFrom, behindTo] = [ranks((l) => l.behind?.from, number + 1), ranks((l) => l.behind?.to, 0)];
  return (i, k) =>
    (from[i] <= to[k] && from[k] <= to[i]) || (behindFrom[i] <= behindTo[k] && behindFrom[k] <= behindTo[i]);
}
