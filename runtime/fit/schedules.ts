/** How the learning rate goes over training: a row a schedule. `fit`, the command line and the documents walk this table. */
import { RuntimeError } from "../error.ts";
import { isRecord, shown } from "../shown.ts";
import type { Progress } from "./progress.ts";

/** An option of a schedule, a number. */
export interface ScheduleOption {
  readonly doc: string;
  readonly default: number;
  /** `a number from 0 to 1`. */
  readonly must: string;
  test(value: number): boolean;
}

const fraction = (doc: string, preset: number): ScheduleOption => ({
  doc,
  default: preset,
  must: "a number from 0 to 1",
  test: (value) => value >= 0 && value <= 1,
});

const count = (doc: string, preset: number): ScheduleOption => ({
  doc,
  default: preset,
  must: preset === 0 ? "a whole number" : "a whole number above 0",
  test: (value) => Number.isSafeInteger(value) && value >= Math.min(1, preset),
});

const floor = (preset = 0): ScheduleOption => fraction("the factor at the end", preset);

/** Where training is, after the warm-up. */
interface Position {
  /** Updates so far. */
  readonly done: number;
  /** Updates in all; undefined if that is not known. */
  readonly of: number | undefined;
  readonly progress: Progress;
}

type Options = Readonly<Record<string, ScheduleOption>>;

export interface ScheduleRow<O extends Options = Options> {
  readonly doc: string;
  /** Whether it ends with training, whose length must then be known. */
  readonly ends: boolean;
  /** Whether it begins with a warm-up of its own. */
  readonly warms?: true;
  readonly options: O;
  /** The factor on the learning rate. */
  factor(at: Position, options: { readonly [K in keyof O]: number }): number;
}

/** Gives a row's `factor` the names of its options. */
const row = <O extends Options>(made: ScheduleRow<O>): ScheduleRow<O> => made;

/** From `from` to `to`, along half a cosine. */
const eased = (from: number, to: number, part: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(1, part)))) / 2;

/** The part of training that is done. Schedules that end are refused without a number of steps. */
const partOf = ({ done, of }: Position): number => Math.min(1, done / (of ?? Number.POSITIVE_INFINITY));

export const schedules = {
  none: row({ doc: "constant", ends: false, options: {}, factor: () => 1 }),
  linear: row({
    doc: "falls by equal amounts",
    ends: true,
    options: { floor: floor() },
    factor: (at, { floor }) => 1 - (1 - floor) * partOf(at),
  }),
  cosine: row({
    doc: "falls along half a cosine (Loshchilov & Hutter 2017)",
    ends: true,
    options: { floor: floor() },
    factor: (at, { floor }) => eased(1, floor, partOf(at)),
  }),
  step: row({
    doc: "falls by `factor` every `every` steps",
    ends: false,
    options: {
      factor: fraction("by what it is multiplied", 0.1),
      every: count("steps between falls; 0: a third of all", 0),
    },
    factor: ({ done, of }, { factor, every }) => {
      if (every === 0 && of === undefined) throw unknownLength("step", "give `every`");
      return factor ** Math.floor(done / (every || Math.ceil(of! / 3)));
    },
  }),
  "one-cycle": row({
    doc: "rises to the learning rate and falls to almost nothing, along half a cosine each (Smith & Topin 2018)",
    ends: true,
    warms: true,
    options: {
      rise: fraction("the part of training in which it rises", 0.3),
      start: fraction("the factor at the start", 0.04),
      floor: floor(4e-6),
    },
    factor: (at, { rise, start, floor }) => {
      const part = partOf(at);
      return part < rise ? eased(start, 1, part / rise) : eased(1, floor, rise < 1 ? (part - rise) / (1 - rise) : 1);
    },
  }),
  plateau: row({
    doc: "falls by `factor` after `patience` evaluations in a row that were no better than the best",
    ends: false,
    options: {
      factor: fraction("by what it is multiplied", 0.1),
      patience: count("evaluations in a row", 5),
      floor: floor(),
    },
    factor: ({ progress }, { factor, patience, floor }) => Math.max(floor, factor ** progress.plateaus(patience)),
  }),
} as const satisfies Readonly<Record<string, ScheduleRow>>;

type Table = typeof schedules;

/** The name of a schedule of the learning rate. */
export type ScheduleName = keyof Table;

/** Every schedule by name. */
export const scheduleNames: readonly ScheduleName[] = Object.keys(schedules) as readonly ScheduleName[];

/** A schedule by its name, or with options: `{ name: "cosine", floor: 0.1 }`. */
export type ScheduleChoice =
  | ScheduleName
  | {
      [N in ScheduleName]: { readonly name: N } & { readonly [O in keyof Table[N]["options"]]?: number };
    }[ScheduleName];

/** What all schedules share. */
export interface RateOptions {
  /** The learning rate that the schedule's factor is of. */
  readonly lr: number;
  /** Default: `none`. */
  readonly schedule?: ScheduleChoice;
  /** Steps in which the learning rate first rises by equal amounts, to the whole of it; the schedule begins after them. Default: 0. */
  readonly warmup?: number;
  /** Updates in all. */
  readonly steps?: number;
}

/** The learning rate by the number of updates so far and the evaluations so far. Errors: C0406 (an option). */
export function learningRate({
  lr,
  schedule = "none",
  warmup = 0,
  steps,
}: RateOptions): (progress: Progress) => number {
  const given: Readonly<Record<string, unknown>> = isRecord(schedule) ? schedule : { name: schedule };
  const { name, ...options } = given;
  const row: ScheduleRow | undefined =
    typeof name === "string" && Object.hasOwn(schedules, name) ? schedules[name as ScheduleName] : undefined;
  if (row === undefined)
    throw new RuntimeError("C0406", `there is no schedule ${shown(name)}`, `there are ${scheduleNames.join(", ")}`);
  const chosen = Object.fromEntries(
    Object.entries(row.options).map(([option, { default: preset }]) => [option, preset]),
  );
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const offered = Object.hasOwn(row.options, option) ? row.options[option] : undefined;
    if (offered === undefined) throw new RuntimeError("C0406", `the schedule ${name} has no option \`${option}\``);
    if (typeof value !== "number" || !offered.test(value))
      throw new RuntimeError("C0406", `\`${option}\` of the schedule ${name} is ${offered.must}, not ${shown(value)}`);
    chosen[option] = value;
  }
  if (!Number.isFinite(lr) || lr <= 0)
    throw new RuntimeError("C0406", `a learning rate is a finite number above 0, not ${shown(lr)}`);
  if (!Number.isSafeInteger(warmup) || warmup < 0)
    throw new RuntimeError("C0406", `\`warmup\` is a whole number of steps, not ${shown(warmup)}`);
  if (row.ends && steps === undefined) throw unknownLength(String(name), "give the number of steps");
  if (row.warms && warmup > 0)
    throw new RuntimeError("C0406", `the schedule ${name} rises by itself`, "leave the warm-up out, or set `rise`");
  if (steps !== undefined && warmup >= steps && warmup > 0)
    throw new RuntimeError("C0406", `a warm-up of ${warmup} steps takes all of ${steps}`);
  return (progress) => {
    if (progress.step < warmup) return (lr * (progress.step + 1)) / warmup;
    const at = { done: progress.step - warmup, of: steps === undefined ? undefined : steps - warmup, progress };
    return lr * row.factor(at, chosen);
  };
}

const unknownLength = (name: string, help: string): RuntimeError =>
  new RuntimeError("C0406", `the schedule ${name} depends on how long training is, which nothing says`, help);
