/** Opens the model on the backend of choice, and says why it is that one. */
import type { Choice, Target } from "./backends.ts";
import { type Model, waves } from "./waves.cell";

export interface Opened {
  readonly model: Model;
  readonly choice: Choice;
  readonly backend: Target;
  readonly why: string;
}

/** Errors: C0503 … C0507, if the browser has no backend that was asked for. */
export async function openModel(choice: Choice, seed: number): Promise<Opened> {
  const model = await waves.open(choice === "auto" ? { seed } : { seed, backend: choice });
  const why = choice === "auto" ? model.reason || "the fastest of those that this browser has" : "you chose it";
  return { model, choice, backend: model.backend.name, why };
}
