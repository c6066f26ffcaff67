import { mainAxis, type OwnBatch } from "./batch.ts";
import { collectPart, rowOf, withRowsFrom } from "./carried-rows.ts";
import type { CollectPart } from "./collected-population.ts";
import { RuntimeError } from "./error.ts";
import type { Feed } from "./feed.ts";
import type { EntryName, Plan, Tensor } from "./plan.ts";
import type { Runner } from "./runner.ts";
import type { SavedTensor } from "./state.ts";

/** The states that a batch has ended with, and where its sequences are, as plain data. */
export interface CarriedState {
  /** The step of the longest sequence that comes next. */
  readonly step: number;
  /** For each example, the step at which its sequence would have begun if it had had all steps since. */
  readonly began: readonly number[];
  /** By name, [B, …]: `state/h`. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** A run that goes on from the one before. */
export interface Continuation {
  readonly stream: NonNullable<Feed["stream"]>;
  /** The step of the sequence at which statistics kept per step begin. */
  readonly first: number;
  /** Collects statistics from it; undefined if it does so as a whole sequence does. */
  readonly collect?: CollectPart;
  /** Runs an inference by `act`, with the statistics of its steps. */
  infer(runner: Runner, act: () => Promise<void>): Promise<void>;
  /** Reads the states that the runner has just ended with. Nothing goes on from them until what is returned is called. */
  ended(runner: Runner): Promise<() => void>;
}

/** What says how a batch goes on. */
export interface Next {
  readonly entry: EntryName;
  readonly batch: OwnBatch;
  /** The examples whose sequences begin with it. */
  readonly reset: readonly number[];
  readonly statistics: "continue" | "window";
  /** Rows of the statistic that has the most. */
  readonly rows: number;
}

const nothing: CarriedState = { step: 0, began: [], tensors: new Map() };

/** Keeps the states that sequences go on with from batch to batch. */
export class Carrier {
  #now: CarriedState = nothing;

  /** What is carried; undefined before the first batch. */
  get state(): CarriedState | undefined {
    return this.#now.began.length === 0 ? undefined : this.#now;
  }

  set state(state: CarriedState | undefined) {
    this.#now = state ?? nothing;
  }

  /** How the next batch goes on, in a runner of `plan`. Errors: C0406. */
  next(plan: Plan, { entry, batch, reset, statistics, rows }: Next): Continuation {
    if (statesOf(plan, entry, "input").length === 0)
      throw new RuntimeError(
        "C0406",
        `sequences of ${plan.name} do not go on from batch to batch: it was compiled without \`carry\``,
        "compile it with `carry: true`, on the command line --carry",
      );
    const { examples } = batch;
    const { began, tensors } = this.#now;
    const anew = began.length === 0 || reset.length === examples;
    if (!anew && began.length !== examples)
      throw new RuntimeError(
        "C0406",
        `a batch of ${examples} examples cannot go on from one of ${began.length}`,
        'begin anew, with `reset: "all"` in the batch, or keep batches of one size',
      );
    const step = anew ? 0 : this.#now.step;
    const next = anew ? new Array<number>(examples).fill(0) : began.map((at, b) => (reset.includes(b) ? step : at));
    const states = new Map([...tensors].map(([name, { data }]) => [name, data] as const));
    const perStep = statistics === "continue" && rows > 1;
    if (perStep) requireAlike(plan, { step, began: next, batch, rows });
    const stream = { states: anew ? new Map() : states, step, began: next };
    const first = perStep ? step : 0;
    return {
      ...{ stream, first },
      ...(first > 0 && {
        collect: (statistics, filled, momentum, run) => collectPart(statistics, filled, momentum, run, { first, rows }),
      }),
      infer: (runner, act) => withRowsFrom(runner, first, act),
      ended: async (runner) => {
        const tensors = statesOf(runner.plan, entry, "work");
        const data = await runner.read(tensors);
        const own = stepsOf(batch);
        return () => {
          this.#now = {
            step: step + batch.steps,
            began: next.map((at, b) => at + batch.steps - own[b]),
            tensors: new Map(tensors.map(({ name, shape }, i) => [name, { shape, data: data[i] }])),
          };
        };
      },
    };
  }
}

/** The states of an entry, as they come in or go out. */
export const statesOf = (plan: Plan, entry: EntryName, region: "input" | "work"): readonly Tensor[] =>
  (plan.entries[entry]?.tensors ?? []).filter(({ role, region: where }) => role.kind === "state" && where === region);

/** How many steps of the batch each example has. */
function stepsOf({ axes, steps, examples }: OwnBatch): readonly number[] {
  const { existing } = axes[mainAxis];
  const own = new Array<number>(examples).fill(existing ? 0 : steps);
  if (existing) for (let i = 0; i < existing.has.length; i++) own[i % examples] += existing.has[i];
  return own;
}

interface Places {
  readonly step: number;
  readonly began: readonly number[];
  readonly batch: OwnBatch;
  readonly rows: number;
}

/** Throws if an example is at another row of the statistics than the batch, which all its examples share. */
function requireAlike({ name }: Plan, { step, began, batch, rows }: Places): void {
  const own = stepsOf(batch);
  const row = rowOf(step, rows);
  const other = began.findIndex((at, b) => own[b] > 0 && rowOf(step - at, rows) !== row);
  if (other < 0) return;
  throw new RuntimeError(
    "C0406",
    `${name} has statistics for each step, and example ${other} is at step ${step - began[other]} where the batch is at step ${step}`,
    'keep one set for all steps, with `stats = shared` at its norms; or count steps from each batch on, with carry: { statistics: "window" }; or begin all sequences anew together',
  );
}
