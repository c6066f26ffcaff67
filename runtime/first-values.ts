/** The initial values of a plan's parameters and constants. */
import { RuntimeError } from "./error.ts";
import { type FirstValue, initialise } from "./initialise.ts";
import type { Kept } from "./layout.ts";
import type { Plan } from "./plan.ts";
import { keyOf } from "./random.ts";

/** Their values under a seed, by name. Errors: C0502, if one is not finite. */
export function firstValues({ name: model }: Plan, kept: readonly Kept[], seed: number): FirstValue {
  const first = (name: string): Float32Array => {
    const tensor = kept.find((one) => one.name === name)?.tensor;
    if (tensor?.role.kind !== "param") throw new Error(`there is no parameter \`${name}\``);
    const values = initialise(tensor.role.init, tensor.shape, keyOf(seed, name), first);
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong < 0) return values;
    throw new RuntimeError(
      "C0502",
      `the initial value of \`${name}\` of ${model} is ${values[wrong]} at ${wrong}`,
      "see what its initialiser divides by zero, or takes a root or log of",
    );
  };
  return first;
}

/** Refuses to train a plan without an update, if there is nothing that it could update. Errors: C0406. */
export function refuseUntrainable(plan: Plan, kept: readonly Kept[]): void {
  const parameters = kept.flatMap(({ kind, tensor: { role } }) =>
    kind === "param" && role.kind === "param" ? role : [],
  );
  if (plan.entries.update !== undefined || parameters.some(({ constant }) => !constant)) return;
  throw new RuntimeError(
    "C0406",
    `${plan.name} has no parameters to train${parameters.length > 0 ? ": all that it has are constants" : ""}`,
    "declare as param what is to be trained",
  );
}
