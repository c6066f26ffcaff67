/** How a checkpoint holds the states that batches go on from: their numbers as tensors, the rest in its metadata. */
import type { CarriedStates } from "./carriers.ts";
import { damaged } from "./safetensors.ts";
import { isRecord } from "./shown.ts";
import type { SavedTensor, SessionState } from "./state.ts";

/** `carried:train/state/h`. No tensor of a model has a colon in its name. */
const nameIn = (purpose: string, name: string): string => `carried:${purpose}/${name}`;

interface Packed {
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** Everything but the tensors, by purpose. */
  readonly steps: Readonly<Record<string, { readonly step: number; readonly began: readonly number[] }>>;
}

export function packed(carried: CarriedStates): Packed {
  const all = Object.entries(carried);
  return {
    tensors: new Map(
      all.flatMap(([purpose, { tensors }]) =>
        [...tensors].map(([name, saved]) => [nameIn(purpose, name), saved] as const),
      ),
    ),
    steps: Object.fromEntries(all.map(([purpose, { step, began }]) => [purpose, { step, began }])),
  };
}

/** The state that `state`, with all tensors of a checkpoint, and the metadata `steps` are. Errors: C0404. */
export function unpacked(state: SessionState, steps: string | undefined): SessionState {
  if (steps === undefined) return state;
  const known = parse(steps);
  const tensors = new Map(state.tensors);
  const carried = Object.entries(known).map(([purpose, said]) => {
    const start = nameIn(purpose, "");
    const own = [...state.tensors].filter(([name]) => name.startsWith(start));
    for (const [name] of own) tensors.delete(name);
    // `restore` checks what it carries.
    return [purpose, { ...(said as object), tensors: new Map(own.map(([name, t]) => [name.slice(start.length), t])) }];
  });
  return { ...state, tensors, carried: Object.fromEntries(carried) as CarriedStates };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  if (isRecord(found) && Object.values(found).every(isRecord)) return found;
  throw damaged("what it carries from batch to batch is not JSON");
}
