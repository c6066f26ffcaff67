import { Session } from "../session.ts";
import type { SessionOptions } from "../session-types.ts";
import { checkVersion, held, type ModuleParts, type OpenOptions } from "./module.ts";
import type { Signature } from "./signature.ts";
import { TrainingModel } from "./training-model.ts";

/** A cell or model that can be opened to train. */
export interface TrainingModule<S extends Signature, Target extends string = string, M = TrainingModel<S>> {
  /** Loads it and initialises its parameters from the seed. Errors: C0406 (options), C0503 … C0507 (the machine). */
  open(options: OpenOptions<Target> & SessionOptions): Promise<M>;
}

/** Errors: C0411, if the module was made for another version of the runtime. */
export function trainingModule<S extends Signature, Target extends string>(
  parts: ModuleParts,
): TrainingModule<S, Target> {
  checkVersion(parts);
  return {
    async open(given) {
      const { backend, ...options } = given ?? {};
      return new TrainingModel(
        await held(parts, backend ?? undefined, (executable, on) => Session.open(executable, on, options)),
      );
    },
  };
}
