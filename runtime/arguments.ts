/** Checks what callers pass to a session before anything is run or changed: types do not protect a caller that is JavaScript. */

import type { Batch, OwnBatch } from "./batch.ts";
import type { Going } from "./carriers.ts";
import { RuntimeError } from "./error.ts";
import { checkHyper } from "./hyper.ts";
import { noise, ownBatch } from "./inference-arguments.ts";
import { flag, number, optionParser, type Rule } from "./option-parser.ts";
import type { Plan } from "./plan.ts";
import type { Batches, EstimateOptions, SessionInferOptions, SessionOptions, TrainOptions } from "./session-types.ts";
import { isRecord, shown } from "./shown.ts";

/** Means "no clipping": near the largest f32, and unlike infinity a number that shaders can compute with. */
export const noClipping = 3.4e38;

/** Default weight of the newest batch in the population statistics that training keeps. */
const defaultMomentum = 0.1;

/** The hyper-parameters that the runtime sets itself. */
const runtimeHyper = ["lr", "clip", "step", "momentum", "momentum_step", "between"];

const carry: Rule = ["true, false or an object", (value) => typeof value === "boolean" || isRecord(value)];

const parseTrainOptions = optionParser<TrainOptions>("the options of a training step", {
  lr: number("a finite number above 0", (lr) => lr > 0 && lr < Number.POSITIVE_INFINITY),
  clip: number("a number above 0, Infinity for none", (clip) => clip > 0),
  momentum: number("a number from 0 to 1", (momentum) => momentum >= 0 && momentum <= 1),
  hyper: ["an object", isRecord],
  report: flag,
  outputs: flag,
  carry,
});

/** The options of a training step, with their defaults. Errors: C0406. */
export function trainOptions(given: TrainOptions, plan: Plan): Required<TrainOptions> {
  const parsed = parseTrainOptions(given);
  const { lr, clip = noClipping, momentum = defaultMomentum, hyper, report = true, outputs = false } = parsed;
  if (lr === undefined) throw new RuntimeError("C0406", "a training step needs a learning rate", "pass { lr: 1e-3 }");
  if (outputs && !report)
    throw new RuntimeError("C0406", "outputs are part of the report of a training step", "leave `report` out");
  const rest = { report, outputs, carry: parsed.carry ?? false };
  const options = { lr, clip: Math.min(clip, noClipping), momentum, ...rest };
  const known = modelHyper(plan);
  if (hyper === undefined && known.size === 0) return { ...options, hyper: {} };
  const others = new Map(Object.entries(hyper ?? {}));
  for (const name of others.keys()) if (!known.has(name)) throw unknownHyper(name, plan, known);
  for (const name of known) checkHyper(name, others.get(name));
  return { ...options, hyper: Object.fromEntries(others) };
}

/** Checks the hyper-parameters of a run: the model's own, and those that the runtime sets. Errors: C0406. */
export function checkRunHyper(given: unknown, plan: Plan): void {
  if (!isRecord(given)) throw new RuntimeError("C0406", `hyper-parameters are an object, not ${shown(given)}`);
  const known = new Set([...runtimeHyper, ...modelHyper(plan)]);
  for (const name in given) if (!known.has(name)) throw unknownHyper(name, plan, known);
}

function unknownHyper(name: string, plan: Plan, known: ReadonlySet<string>): RuntimeError {
  if (runtimeHyper.includes(name)) {
    const help = "`lr`, `clip` and `momentum` are options of their own";
    return new RuntimeError("C0406", `\`hyper\` does not set \`${name}\``, help);
  }
  const help = known.size > 0 ? `there are ${[...known].join(", ")}` : "there are none";
  return new RuntimeError("C0406", `${plan.name} has no hyper-parameter \`${name}\``, help);
}

/** For each plan, the hyper-parameters that the runtime does not set itself. */
const modelHyperByPlan = new WeakMap<Plan, ReadonlySet<string>>();

function modelHyper(plan: Plan): ReadonlySet<string> {
  const known = modelHyperByPlan.get(plan);
  if (known !== undefined) return known;
  const tensors = Object.values(plan.entries).flatMap((entry) => entry.tensors);
  const found = new Set(
    tensors.flatMap(({ name, role }) =>
      role.kind === "hyper" && !runtimeHyper.includes(name.split("/")[0]) ? [name] : [],
    ),
  );
  modelHyperByPlan.set(plan, found);
  return found;
}

/** Errors: C0406. */
export const estimateOptions = optionParser<EstimateOptions>("the options of an estimate", {
  variance: ["within or total", (value) => value === "within" || value === "total"],
  carry,
});

/** Errors: C0406. */
export const sessionInferOptions = optionParser<SessionInferOptions>("the options of an inference", {
  noise,
  carry,
  statistics: ["population or batch", (value) => value === "population" || value === "batch"],
});

const parseSessionOptions = optionParser<SessionOptions>("the options of a session", {
  seed: ["a whole number", Number.isSafeInteger],
  // `restore` checks what is in it.
  state: ["the state of a session", isRecord],
  carrying: ["the function of that name", (value) => typeof value === "function"],
});

/** The seed counts only without a state, which has its own. Errors: C0406. */
export function sessionOptions(given: SessionOptions | null | undefined): SessionOptions & { readonly seed: number } {
  const { seed, state, carrying } = parseSessionOptions(given ?? {});
  if (state !== undefined) return { seed: 0, state, carrying };
  if (seed !== undefined) return { seed, carrying };
  throw new RuntimeError("C0406", "a session needs a seed", "pass { seed: 1 }");
}

/** Checks that these are batches, and not a single batch, say. Errors: C0406. */
export function eachBatch(batches: Batches): Batches {
  const given = batches as Partial<Iterable<Batch> & AsyncIterable<Batch>> | null | undefined;
  const iterates = typeof (given?.[Symbol.asyncIterator] ?? given?.[Symbol.iterator]) === "function";
  if (iterates && !ArrayBuffer.isView(batches)) return batches;
  throw new RuntimeError("C0406", `batches are a list, or an iterable, of them, not ${shown(batches)}`);
}

/**
 * The batches of one step, of which there is at least one. What carries states, or reads outputs, does so for a single batch. Errors:
 * C0406.
 */
export function trainingBatches(
  given: Batch | readonly Batch[],
  plan: Plan,
  { going, outputs }: { readonly going?: Pick<Going, "batch">; readonly outputs: boolean },
): readonly OwnBatch[] {
  const batches: readonly Batch[] = Array.isArray(given) ? given : [given];
  if (batches.length === 0) throw new RuntimeError("C0406", "there is no batch to train on");
  if (batches.length > 1 && (going !== undefined || outputs)) {
    const message = `\`${going ? "carry" : "outputs"}\` is for a step on a single batch, not on ${batches.length}`;
    throw new RuntimeError("C0406", message, "train on one batch after the other");
  }
  return batches.map((batch) => trainingBatch(going?.batch(batch) ?? batch, plan));
}

/** As `ownBatch`, for a batch to train on, which has all inputs: zeros for a missing target would train towards zero. */
function trainingBatch(given: Batch, plan: Plan): OwnBatch {
  const batch = ownBatch(given, plan);
  const missing = Object.keys(batch.inputs).find((name) => batch.inputs[name] === null);
  if (missing === undefined) return batch;
  throw new RuntimeError("C0406", `a batch to train on has all inputs, and this one leaves out \`${missing}\``);
}
