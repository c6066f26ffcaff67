import { RuntimeError } from "./error.ts";
import { differencesOf, type KnownIdentity } from "./identity.ts";
import type { Kept } from "./layout.ts";
import type { Plan } from "./plan.ts";

/** Numbers that go with the tensors. */
export interface Counters {
  readonly seed: number;
  /** Updates done. */
  readonly step: number;
  /** Training runs done, failed ones included, which tells apart the noise of each. */
  readonly run: number;
  /** For each step, the batches that statistics were collected from, parts of batches as fractions; empty: none were collected. */
  readonly seen: readonly number[];
  /** Statistics that were written by hand while others were not known; none: there are none such. */
  readonly written?: readonly string[];
  /**
   * `run` when statistics were last estimated; none: never. Where more runs were done since, they are moving averages that began
   * with those estimates.
   */
  readonly estimated?: number;
}

/** A tensor of a state: its numbers, row-major. */
export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A session's whole state, apart from any backend. Of which model it is, says what it has of a plan's identity. */
export interface SessionState extends KnownIdentity {
  /** Of the cell or model. */
  readonly name: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly optimizer: string;
  /** As a plan has them. */
  readonly optimizerOptions?: Readonly<Record<string, string>>;
  readonly counters: Counters;
  /** Parameters, optimiser slots and statistics, by name. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** What `Session.restore` takes. */
export interface RestoreOptions {
  /**
   * Take the numbers of a model whose parameters and statistics have the same names and shapes, but whose equations, norms' arguments,
   * loss or optimiser's options are others: for a change that is meant. Off by default: they would mean something else without a word.
   */
  readonly allowOtherEquations?: boolean;
}

/**
 * Throws C0403, naming what differs, unless the state is one of this plan. What differs in equations or the optimiser's options and
 * was allowed to, a phrase each; none where nothing does.
 */
export function compareState(
  state: SessionState,
  plan: Plan,
  kept: readonly Kept[],
  { allowOtherEquations = false }: RestoreOptions = {},
): readonly string[] {
  const named = differencesInNames(state, plan, kept);
  const equations = [...differencesOf(state, plan, "loss"), ...differencesInOptions(state, plan)];
  if (named.length === 0 && (equations.length === 0 || allowOtherEquations)) return equations;
  throw new RuntimeError(
    "C0403",
    `the checkpoint of ${state.name} does not fit ${plan.name}: ${(named.length > 0 ? named : equations).join("; ")}`,
    named.length > 0
      ? "compile the model with the placements, dimensions and optimiser it was saved with"
      : "use the model it was saved with; or, if the change is meant, --allow-other-equations, in a program restore(state, { allowOtherEquations: true })",
  );
}

/** Options of the same optimiser, where the plan has any use for them. */
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
  if (state.optimizer !== plan.optimizer) {
    differences.push(`its optimiser is ${state.optimizer}, this one's ${plan.optimizer}`);
  }
  for (const { name, shape } of kept) {
    const saved = state.tensors.get(name);
    if (saved === undefined) differences.push(`it lacks \`${name}\``);
    else if (saved.shape.join() !== shape.join()) {
      differences.push(`its \`${name}\` is [${saved.shape.join(", ")}], this one's [${shape.join(", ")}]`);
    }
  }
  const names = new Set(kept.map(({ name }) => name));
  for (const name of state.tensors.keys()) if (!names.has(name)) differences.push(`it has \`${name}\` besides`);
  return differences;
}
