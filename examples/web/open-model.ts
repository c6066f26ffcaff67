/** Opens the model on the backend of choice, and says why it is that one. */
import { RuntimeError } from "cellc/runtime";
import { type Choice, nameOf, type Target, targets } from "./backends.ts";
import { type Model, waves } from "./waves.cell";

export interface Opened {
  readonly model: Model;
  readonly choice: Choice;
  readonly backend: Target;
  readonly why: string;
}

/** The codes of errors that say what this browser lacks: another backend may do without. */
const lacking: readonly string[] = ["C0503", "C0504", "C0507"];

/** Errors: C0503 … C0507, if the browser has no backend that was asked for. */
export async function openModel(choice: Choice, seed: number): Promise<Opened> {
  if (choice !== "auto") {
    return { model: await waves.open({ backend: choice, seed }), choice, backend: choice, why: "you chose it" };
  }
  const missing: string[] = [];
  for (const backend of targets) {
    try {
      const model = await waves.open({ backend, seed });
      const why = missing.length > 0 ? missing.join("; ") : "it is the fastest of those that this browser has";
      return { model, choice, backend, why };
    } catch (error) {
      const isLast = backend === targets.at(-1);
      if (isLast || !(error instanceof RuntimeError && lacking.includes(error.code))) throw error;
      missing.push(`${nameOf(backend)} cannot be used, since ${error.message}`);
    }
  }
  throw new Error("the page was built without kernels");
}
