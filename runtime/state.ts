import { RuntimeError } from "./error.ts";
import { differencesOf, type KnownIdentity } from "./identity.ts";
import type { Kept } from "./layout.ts";
import type { Plan } from "./plan.ts";

/** The counters that are saved with the tensors. */
export interface Counters {
  readonly seed: number;
  /** The number of updates so far. */
  readonly step: number;
  /** The number of training runs so far, failed ones included, which distinguishes the noise of each. */
  readonly run: number;
  /** For each step, how many batches statistics were collected from, partial batches as fractions; empty if none were collected. */
  readonly seen: readonly number[];
  /** The same for each time axis but the main one. */
  readonly seenOver?: Readonly<Record<string, readonly number[]>>;
  /** Statistics that were written by hand while others were not known yet. */
  readonly written?: readonly string[];
  /**
   * `run` when statistics were last estimated; undefined if they never were. After further runs they are moving averages that
   * started from those estimates.
   */
  readonly estimated?: number;
}

/** A tensor of a state: its numbers, row-major. */
export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A session's whole state, independent of the backend, with the identity of the model it belongs to. */
export interface SessionState extends KnownIdentity {
  /** The name of the cell or model. */
  readonly name: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly optimizer: string;
  /** As in a plan. */
  readonly optimizerOptions?: Readonly<Record<string, string>>;
  readonly counters: Counters;
  /** Parameters, optimiser slots and statistics, by name. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** The moving average of the parameters, by their names, if training keeps one: `fit` goes on with it, a session ignores it. */
  readonly average?: ReadonlyMap<string, SavedTensor>;
  /** Free texts that belong to the numbers, by key, such as how inputs were scaled. */
  readonly notes?: Readonly<Record<string, string>>;
  /** What batches with `carry` go on from. */
  readonly carried?: SavedCarry;
}

/** Precedes the names of averaged parameters in a file. No name of a cell, a scan or a parameter holds a colon. */
export const averagePrefix = "average:";

/** What names the tensors of it: `carried:train/state/h`. No tensor of a model has a colon in its name. */
export const carriedPrefix = "carried:";

/** The states that batches with `carry` go on from, in `train` and in `infer`. */
export interface SavedCarry {
  /** Where the sequences are, for each purpose. */
  readonly steps: Readonly<Record<string, { readonly step: number; readonly began: readonly number[] }>>;
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** What `Session.restore` takes. */
export interface RestoreOptions {
  /**
   * Accept a state whose parameters and statistics have the same names and shapes, but whose equations, norm arguments, loss or
   * optimiser options differ: for a change made on purpose. Default: false, since the numbers would silently change their meaning.
   */
  readonly allowOtherEquations?: boolean;
}

/**
 * Throws C0403, naming what differs, unless the state belongs to this plan. Returns the differences in equations and optimiser options
 * that were allowed, a phrase each.
 */
export function compareState(
  state: SessionState,
  plan: Plan,
  kept: readonly Kept[],
  { allowOtherEquations = false }: RestoreOptions = {},
): readonly string[] {
  const named = differencesInNames(state, plan, kept);
  const equations = [...differencesOf(state, plan, "loss"), ...differencesInOptions(state, plan)];
  return allowed(state, plan, { named, equations, allowOtherEquations }, [
    "compile the model with the placements, dimensions and optimiser it was saved with",
    "use the model it was saved with; or, if the change is meant, --allow-other-equations, in a program restore(state, { allowOtherEquations: true })",
  ]);
}

/**
 * The same for what inference needs, the parameters and statistics `kept`: the optimiser and its slots may be any. It does not say
 * which equations differ, which takes more code than all the rest.
 */
export function compareWeights(
  state: SessionState,
  plan: Plan,
  kept: readonly Kept[],
  { allowOtherEquations = false }: RestoreOptions,
): readonly string[] {
  const { loss } = plan.measures;
  const isSame = state.fingerprint === plan.fingerprint && (loss === undefined || state.measures?.loss === loss);
  const equations = isSame ? [] : ["its equations differ"];
  return allowed(state, plan, { named: differencesInShapes(state, kept), equations, allowOtherEquations }, [
    "compile the model with the placements and dimensions it was saved with",
    "use the model it was saved with; or, if the change is meant, pass { allowOtherEquations: true }",
  ]);
}

interface Differences {
  /** In the names and shapes of tensors. */
  readonly named: readonly string[];
  readonly equations: readonly string[];
  readonly allowOtherEquations: boolean;
}

/** The differences in equations, or an error. `help`: what to do about those in names and shapes, and in equations alone. */
function allowed(
  state: SessionState,
  plan: Plan,
  { named, equations, allowOtherEquations }: Differences,
  help: readonly [string, string],
): readonly string[] {
  if (named.length === 0 && (equations.length === 0 || allowOtherEquations)) return equations;
  throw new RuntimeError(
    "C0403",
    `the checkpoint of ${state.name} does not fit ${plan.name}: ${(named.length > 0 ? named : equations).join("; ")}`,
    help[Number(named.length === 0)],
  );
}

/** Differences in the options of the optimiser, if the plan has one. */
function differencesInOptions(state: SessionState, plan: Plan): readonly string[] {
  if (plan.entries.update === undefined) return [];
  const [there, here] = [state, plan].map(({ optimizerOptions = {} }) => new Map(Object.entries(optimizerOptions)));
  return [...new Set([...there.keys(), ...here.keys()])].flatMap((name) => {
    const [was, is] = [there, here].map((options) => options.get(name) ?? "the default");
    return was === is ? [] : [`its ${plan.optimizer} has ${name} ${was}, this one's ${is}`];
  });
}

function differencesInNames(state: SessionState, plan: Plan, kept: readonly Kept[]): readonly string[] {
  const differences: string[] = [];
  // Without `update`, it does not matter how the numbers were trained.
  const trains = plan.entries.update !== undefined;
  if (trains && state.optimizer !== plan.optimizer) {
    differences.push(`its optimiser is ${state.optimizer}, this one's ${plan.optimizer}`);
  }
  const names = new Set(kept.map(({ name }) => name));
  const isSlot = (name: string): boolean => name.startsWith("slot/");
  const isExported = plan.slots.length > 0 && ![...state.tensors.keys()].some(isSlot);
  if (isExported)
    differences.push("it has nothing of the optimiser's state, as what cellc export writes, and only infers");
  // Whether something is trained is said once, and not for each of its slots.
  const constants = new Set(
    kept.flatMap(({ name, tensor: { role } }) => (role.kind === "param" && role.constant ? [name] : [])),
  );
  const isSlotOfConstant = (name: string): boolean => isSlot(name) && constants.has(name.replace(/^slot\/[^/]*\//, ""));
  for (const { name, shape, kind, tensor } of kept) {
    if (kind === "slot" && (isExported || Object.hasOwn(state.equations ?? {}, `const ${tensor.name}`))) continue;
    const saved = state.tensors.get(name);
    if (saved === undefined) differences.push(`it lacks \`${name}\``);
    else if (saved.shape.join() !== shape.join()) {
      differences.push(`its \`${name}\` is [${saved.shape.join(", ")}], this one's [${shape.join(", ")}]`);
    }
  }
  for (const name of state.tensors.keys()) {
    if (!names.has(name) && (trains || !isSlot(name)) && !isSlotOfConstant(name))
      differences.push(`it has \`${name}\` besides`);
  }
  return differences;
}

/** Differences in the names and shapes of what inference needs. */
function differencesInShapes(state: SessionState, kept: readonly Kept[]): readonly string[] {
  return kept.flatMap(({ name, shape }) => {
    const saved = state.tensors.get(name);
    if (saved === undefined) return [`it lacks \`${name}\``];
    if (saved.shape.join() === shape.join()) return [];
    return [`its \`${name}\` is [${saved.shape.join(", ")}], this one's [${shape.join(", ")}]`];
  });
}
