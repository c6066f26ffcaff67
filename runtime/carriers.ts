/**
 * What a session carries from call to call: of its training, and of its inference, which do not disturb each other. Who opens a session
 * names `carrying` if it is to carry something, so that a page without it has nothing of it.
 */
import type { Batch, OwnBatch } from "./batch.ts";
import { type CarriedState, Carrier, type Continuation, statesOf } from "./carrier.ts";
import { contradictory } from "./check-state.ts";
import { RuntimeError } from "./error.ts";
import { elementsOf } from "./layout.ts";
import { optionParser } from "./option-parser.ts";
import { ownPlaces } from "./places.ts";
import type { EntryName, Plan, Tensor } from "./plan.ts";
import type { CarryOptions, CarryPurpose } from "./session-types.ts";
import { isCount, isRecord, shown } from "./shown.ts";
import { carriedPrefix, type SavedCarry } from "./state.ts";

/** For each purpose that has carried something. */
type CarriedStates = Readonly<Partial<Record<CarryPurpose, CarriedState>>>;

const purposes: readonly CarryPurpose[] = ["train", "infer"];

/** For the option of this name: what a session carries states with from batch to batch. */
export function carrying(): Carriers {
  return new Carriers();
}

export class Carriers {
  readonly #of: Readonly<Record<CarryPurpose, Carrier>> = { train: new Carrier(), infer: new Carrier() };

  /** Errors: C0406. */
  of(purpose: CarryPurpose): Carrier {
    if (purposes.includes(purpose)) return this.#of[purpose];
    throw new RuntimeError("C0406", `states go on in train and in infer, not in ${shown(purpose)}`);
  }

  /** How the batches of a call go on: from the last one with this purpose, or, without one, from each other. Errors: C0406. */
  going(carry: true | CarryOptions, purpose?: CarryPurpose): Going {
    return new Going(purpose === undefined ? new Carrier() : this.of(purpose), carry);
  }

  /** A copy of what is carried for a purpose. Errors: C0406. */
  copy(purpose: CarryPurpose): CarriedState | undefined {
    const { state } = this.of(purpose);
    return state && copyOf(state);
  }

  /** Everything that is carried, as a state has it; undefined if there is nothing. */
  save(): SavedCarry | undefined {
    const found = purposes.flatMap((purpose) => {
      const state = this.copy(purpose);
      return state ? [[purpose, state] as const] : [];
    });
    if (found.length === 0) return undefined;
    return {
      steps: Object.fromEntries(found.map(([purpose, { step, began }]) => [purpose, { step, began }])),
      tensors: new Map(
        found.flatMap(([purpose, { tensors }]) =>
          [...tensors].map(([name, saved]) => [`${carriedPrefix}${purpose}/${name}`, saved] as const),
        ),
      ),
    };
  }

  /**
   * Takes what `save` gave, if it gave anything, once what is returned is called. States of batches of another size, or of a plan that carries none, are no
   * beginning for this plan's: it begins anew then. Errors: C0404.
   */
  restoring(given: unknown, plan: Plan): () => void {
    const carried = given === undefined ? {} : ownCarried(given);
    return () => {
      for (const purpose of purposes) {
        const found = carried[purpose];
        this.#of[purpose].state = found && fits(found, plan, purpose) ? found : undefined;
      }
    };
  }
}

/** How the batches of a call go on. */
export class Going {
  readonly #carrier: Carrier;
  readonly #statistics: "continue" | "window";
  #reset: readonly number[] = [];

  constructor(carrier: Carrier, carry: true | CarryOptions) {
    this.#carrier = carrier;
    this.#statistics = (carry === true ? undefined : parseCarryOptions(carry).statistics) ?? "continue";
  }

  /** The next batch without what it says of sequences that begin, which is kept for `next`. Errors: C0406. */
  batch(given: Batch): Batch {
    this.#reset = [];
    if (!isRecord(given) || given.reset === undefined) return given;
    const { reset, ...rest } = given as Batch;
    const all = isCount(rest.examples) ? rest.examples : 0;
    if (reset === "all") this.#reset = Array.from({ length: all }, (_, b) => b);
    else if (Array.isArray(reset) || ArrayBuffer.isView(reset))
      this.#reset = ownPlaces(reset as ArrayLike<number>, all, "batch");
    else throw new RuntimeError("C0406", `\`reset\` is a list of examples or "all", not ${shown(reset)}`);
    return rest;
  }

  /** How the batch goes on in an entry. `rows`: of the statistic that has the most. Errors: C0406. */
  next(plan: Plan, entry: EntryName, batch: OwnBatch, rows: number): Continuation {
    return this.#carrier.next(plan, { entry, batch, rows, reset: this.#reset, statistics: this.#statistics });
  }
}

const parseCarryOptions = optionParser<CarryOptions>("the options of `carry`", {
  statistics: ["continue or window", (value) => value === "continue" || value === "window"],
});

/** A copy of what a state has carried, for each purpose. Errors: C0404. */
function ownCarried(given: unknown): CarriedStates {
  const { steps, tensors } = isRecord(given) ? given : {};
  if (!isRecord(steps) || !(tensors instanceof Map)) throw contradictory("what it carries has no steps, or no states");
  return Object.fromEntries(
    purposes.flatMap((purpose) => {
      const said = steps[purpose];
      if (said === undefined) return [];
      const start = `${carriedPrefix}${purpose}/`;
      const own = [...tensors].filter(([name]) => String(name).startsWith(start));
      const named = own.map(([name, saved]) => [String(name).slice(start.length), saved] as const);
      return [[purpose, ownState({ ...(isRecord(said) ? said : {}), tensors: new Map(named) })] as const];
    }),
  );
}

function ownState(given: unknown): CarriedState {
  const { step, began, tensors } = isRecord(given) ? given : {};
  const areSteps = isCount(step) && Array.isArray(began) && began.every((at) => isCount(at) && at <= step);
  if (!areSteps || !(tensors instanceof Map)) throw contradictory("what it carries has no steps, or no states");
  for (const [name, saved] of tensors as ReadonlyMap<string, unknown>) {
    const { shape, data } = isRecord(saved) ? saved : {};
    if (!Array.isArray(shape) || !(data instanceof Float32Array) || elementsOf(shape) !== data.length)
      throw contradictory(`the state \`${name}\` that it carries has no numbers of its shape`);
    if (!data.every(Number.isFinite)) throw contradictory(`the state \`${name}\` that it carries is not finite`);
  }
  return copyOf({ step, began, tensors });
}

/** A copy that shares no numbers. */
function copyOf({ step, began, tensors }: CarriedState): CarriedState {
  const own = [...tensors].map(([name, { shape, data }]) => [name, { shape: [...shape], data: data.slice() }] as const);
  return { step, began: [...began], tensors: new Map(own) };
}

/** Whether what is carried is of an entry's states, in number, names and shapes. */
function fits({ began, tensors }: CarriedState, plan: Plan, entry: EntryName): boolean {
  const states = statesOf(plan, entry, "input");
  const isThere = ({ name, shape }: Tensor): boolean => tensors.get(name)?.shape.join() === shape.join();
  return began.length === plan.dims.batch && states.length === tensors.size && states.every(isThere);
}
