/** What a session carries from call to call: of its training, and of its inference, which do not disturb each other. */
import { type CarriedState, Carrier, statesOf } from "./carrier.ts";
import { contradictory } from "./check-state.ts";
import { RuntimeError } from "./error.ts";
import { elementsOf } from "./layout.ts";
import type { EntryName, Plan, Tensor } from "./plan.ts";
import type { CarryPurpose } from "./session-types.ts";
import { isCount, isRecord, shown } from "./shown.ts";

/** For each purpose that has carried something. */
export type CarriedStates = Readonly<Partial<Record<CarryPurpose, CarriedState>>>;

const purposes: readonly CarryPurpose[] = ["train", "infer"];

export class Carriers {
  readonly #of: Readonly<Record<CarryPurpose, Carrier>> = { train: new Carrier(), infer: new Carrier() };

  /** Errors: C0406. */
  of(purpose: CarryPurpose): Carrier {
    if (purposes.includes(purpose)) return this.#of[purpose];
    throw new RuntimeError("C0406", `states go on in train and in infer, not in ${shown(purpose)}`);
  }

  /** A copy of what is carried for a purpose. Errors: C0406. */
  copy(purpose: CarryPurpose): CarriedState | undefined {
    const { state } = this.of(purpose);
    return state && copyOf(state);
  }

  /** A copy of everything that is carried; undefined if there is nothing. */
  save(): CarriedStates | undefined {
    const found = purposes.flatMap((purpose) => {
      const state = this.copy(purpose);
      return state ? [[purpose, state] as const] : [];
    });
    return found.length === 0 ? undefined : Object.fromEntries(found);
  }

  /**
   * Takes what `save` gave, once what is returned is called. States of batches of another size, or of a plan that carries none, are no
   * beginning for this plan's: it begins anew then. Errors: C0404.
   */
  restoring(given: unknown, plan: Plan): () => void {
    const carried = ownCarried(given);
    return () => {
      for (const purpose of purposes) {
        const found = carried[purpose];
        this.#of[purpose].state = found && fits(found, plan, purpose) ? found : undefined;
      }
    };
  }
}

/** A copy of what a state has carried, for each purpose. Errors: C0404. */
function ownCarried(given: unknown): CarriedStates {
  if (given === undefined) return {};
  if (!isRecord(given)) throw contradictory("what it carries is not an object");
  return Object.fromEntries(
    purposes.flatMap((purpose) => (given[purpose] === undefined ? [] : [[purpose, ownState(given[purpose])] as const])),
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
