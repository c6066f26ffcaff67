/** Sequences in parts that follow each other, so that states go on from part to part: what runs as one sequence, and where it is cut. */
import { lastAtMost } from "./last-at-most.ts";
import type { Examples, Segment, Segments } from "./segments.ts";
import type { Split } from "./task.ts";

/** Sequences that run side by side. */
interface Streams {
  /** Each with the steps behind its last one that its last target needs. */
  readonly pieces: readonly Segment[];
  /** Steps at the end of the data in no piece, which there are where all pieces are equally long. */
  readonly left: number;
  /** Segments without a single step. */
  readonly short: number;
}

export interface Cut {
  /** Sequences side by side. */
  readonly streams: number;
  /** Steps of a part. */
  readonly window: number;
  /** Steps behind a segment's last one that its last target needs. */
  readonly ahead: number;
}

/**
 * The parts, at least, of each piece that a single sequence is cut into to be measured. A piece begins without a past, which is
 * so in one part of these at most.
 */
const LEAST_MEASURED = 20;

/**
 * What training runs side by side: a single sequence in as many equal pieces as there are streams. Of many sequences, each by itself,
 * but that longer ones than a stream's fair share are cut, in which a batch would have no others beside them.
 */
export function trainingStreams(segments: readonly Segment[], { streams, window, ahead }: Cut): Streams {
  const { own, short } = usable(segments, ahead);
  if (own.length === 1) return { ...equal(own[0], streams, ahead), short };
  const total = own.reduce((sum, segment) => sum + stepsIn(segment, ahead), 0);
  const most = Math.max(window, Math.floor(total / streams));
  return { pieces: own.flatMap((segment) => nearlyEqual(segment, most, ahead)), left: 0, short };
}

/** The same for a measurement: only a single sequence is cut, into pieces that are long enough for what they begin without. */
export function measuredStreams(segments: readonly Segment[], { streams, window, ahead }: Cut): Streams {
  const { own, short } = usable(segments, ahead);
  if (own.length !== 1) return wholeStreams(segments, { streams, window, ahead });
  const fitting = Math.floor(stepsIn(own[0], ahead) / (LEAST_MEASURED * window));
  return { ...equal(own[0], Math.max(1, Math.min(streams, fitting)), ahead), short };
}

/** Each sequence by itself. */
function wholeStreams(segments: readonly Segment[], { ahead }: Cut): Streams {
  const { own, short } = usable(segments, ahead);
  return { pieces: own, left: 0, short };
}

const stepsIn = ({ from, to }: Segment, ahead: number): number => to - from - ahead;

function usable(
  segments: readonly Segment[],
  ahead: number,
): { readonly own: readonly Segment[]; readonly short: number } {
  const own = segments.filter((segment) => stepsIn(segment, ahead) > 0);
  return { own, short: segments.length - own.length };
}

function equal(segment: Segment, count: number, ahead: number): Pick<Streams, "pieces" | "left"> {
  const { sequence, from } = segment;
  const steps = stepsIn(segment, ahead);
  const each = Math.floor(steps / count);
  const pieces = Array.from({ length: each === 0 ? 0 : count }, (_, at) => ({
    sequence,
    from: from + at * each,
    to: from + (at + 1) * each + ahead,
  }));
  return { pieces, left: steps - count * each };
}

/** As few pieces of up to `most` steps as there can be; the first ones may be a step longer. */
function nearlyEqual(segment: Segment, most: number, ahead: number): readonly Segment[] {
  const { sequence, from } = segment;
  const steps = stepsIn(segment, ahead);
  const count = Math.ceil(steps / most);
  const start = (at: number): number => from + at * Math.floor(steps / count) + Math.min(at, steps % count);
  return Array.from({ length: count }, (_, at) => ({ sequence, from: start(at), to: start(at + 1) + ahead }));
}

/** The parts of pieces as examples, of `window` steps but for the last one of each piece. */
export interface Parts extends Examples {
  /** How many parts each piece has. */
  readonly sequences: Uint32Array;
  /** Steps in no part, which there are where a single sequence is cut into equal pieces. */
  readonly left: number;
  /** Whether pieces differ in length. */
  readonly uneven: boolean;
}

export type CarriedParts = Readonly<Record<Split, Parts>>;

/** The parts of a data set. What is predicted is whole sequences, however long. */
export function carriedParts(segments: Segments, cut: Cut, predicting: boolean): CarriedParts {
  const measured = (of: readonly Segment[]): Parts =>
    partsOf(predicting ? wholeStreams(of, cut) : measuredStreams(of, cut), cut);
  const { train, validation, test } = segments;
  return {
    train: predicting ? measured(train) : partsOf(trainingStreams(train, cut), cut),
    validation: measured(validation),
    test: measured(test),
  };
}

function partsOf({ pieces, short, left }: Streams, { window, ahead }: Cut): Parts {
  const steps = pieces.map((piece) => stepsIn(piece, ahead));
  const sequences = Uint32Array.from(steps, (own) => Math.ceil(own / window));
  const firsts: number[] = [];
  let count = 0;
  for (const parts of sequences) {
    firsts.push(count);
    count += parts;
  }
  return {
    ...{ count, short, sequences, left },
    uneven: steps.some((own) => own !== steps[0]),
    place(index) {
      const at = lastAtMost(firsts, index);
      return { segment: pieces[at], from: pieces[at].from + (index - firsts[at]) * window };
    },
  };
}
