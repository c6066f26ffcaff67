/** The same model compiled for other batch sizes, to serve a session's batches of those sizes. */
import type { Backend, LoadedExecutable } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { allFillers } from "./fillers.ts";
import { differencesOf } from "./identity.ts";
import { elementsOf, type Kept, keptTensors } from "./layout.ts";
import type { Executable, Plan } from "./plan.ts";
import { Runner } from "./runner.ts";
import { repeatLastRow } from "./statistics.ts";

interface Variant {
  readonly runner: Runner;
  /** Which version of the parameters and statistics it holds. */
  version: number;
}

/** Each variant has a machine of its own, which is sent the parameters and statistics before it runs. */
export class BatchVariants {
  readonly #main: Runner;
  readonly #backend: Backend;
  readonly #variants = new Map<number, Variant>();

  constructor(main: Runner, backend: Backend) {
    this.#main = main;
    this.#backend = backend;
  }

  /** Replaces what was attached for that size. Errors: C0403, naming what differs, if it is another model. */
  async add(executable: Executable): Promise<void> {
    // Opening it checks the plan itself.
    const runner = await Runner.open(executable, this.#backend, allFillers);
    try {
      checkVariant(runner.plan, this.#main.plan);
    } catch (error) {
      runner.machine.close();
      throw error;
    }
    this.#variants.get(runner.plan.dims.batch)?.runner.machine.close();
    this.#variants.set(runner.plan.dims.batch, { runner, version: -1 });
  }

  planFor(examples: number): Plan | undefined {
    return this.#variants.get(examples)?.runner.plan;
  }

  /** The runner for this many examples, if it has version `version` already. */
  ready(examples: number, version: number): Runner | undefined {
    const variant = this.#variants.get(examples);
    return variant?.version === version ? variant.runner : undefined;
  }

  /** The runner for this many examples, with version `version` of the session's parameters and statistics. */
  async runnerFor(examples: number, version: number): Promise<Runner | undefined> {
    const variant = this.#variants.get(examples);
    if (variant === undefined || variant.version === version) return variant?.runner;
    await copyKept(this.#main.plan, this.#main.machine, variant.runner.plan, variant.runner.machine);
    variant.version = version;
    return variant.runner;
  }

  /** Copies the statistics that a runner has collected back to the session. Errors: C0406, if they have a different number of rows. */
  async takeStatistics(from: Runner): Promise<void> {
    if (from === this.#main) return;
    const own = statisticsOf(this.#main.plan);
    const theirs = new Map(statisticsOf(from.plan).map((kept) => [kept.name, kept]));
    const found = own.map(({ name }) => theirs.get(name)!);
    if (own.some(({ shape }, i) => shape[0] !== found[i].shape[0])) {
      throw new RuntimeError(
        "C0406",
        `${from.plan.name} for batches of ${from.plan.dims.batch} keeps statistics of other steps than the session`,
        "compile both for the same sequence length to estimate from both",
      );
    }
    const data = await from.machine.read(found.map(({ range }) => range));
    for (const [index, { range }] of own.entries()) await this.#main.machine.write(range, data[index]);
  }

  close(): void {
    for (const { runner } of this.#variants.values()) runner.machine.close();
  }
}

/** What inference reads: parameters and statistics. */
const inferenceTensors = (plan: Plan): readonly Kept[] => keptTensors(plan).filter(({ kind }) => kind !== "slot");

const statisticsOf = (plan: Plan): readonly Kept[] => keptTensors(plan).filter(({ kind }) => kind === "stat");

/**
 * Throws C0403, naming what differs, unless `attached` is `plan` at another batch size. Loss and metrics must agree too, since an
 * evaluation averages over both. It may keep statistics of more steps, if it is compiled for longer sequences, but not of fewer.
 */
function checkVariant(attached: Plan, plan: Plan): void {
  const theirs = new Map(inferenceTensors(attached).map((kept) => [kept.name, kept]));
  const wrong = inferenceTensors(plan).flatMap(({ name, kind, shape }) => {
    const found = theirs.get(name);
    if (found === undefined) return [`it lacks \`${name}\``];
    const [rows, ...row] = shape;
    const [theirRows, ...theirRow] = found.shape;
    const fits = row.join() === theirRow.join() && (kind === "stat" ? theirRows >= rows : theirRows === rows);
    return fits ? [] : [`its \`${name}\` is [${found.shape.join(", ")}], this one's [${shape.join(", ")}]`];
  });
  const differences = wrong.length > 0 ? wrong : differencesOf(attached, plan, "all");
  if (differences.length === 0) return;
  throw new RuntimeError(
    "C0403",
    `${attached.name} is not ${plan.name} at another batch size: ${differences.join("; ")}`,
    "compile the same model, with the same placements, dimensions and sequence length",
  );
}

/** Copies parameters and statistics from a session's machine. Its last row of statistics also serves any further steps. */
async function copyKept(plan: Plan, from: LoadedExecutable, attached: Plan, to: LoadedExecutable): Promise<void> {
  const theirs = new Map(inferenceTensors(attached).map((other) => [other.name, other]));
  const ours = inferenceTensors(plan);
  const data = await from.read(ours.map(({ range }) => range));
  for (const [index, { name, kind, shape }] of ours.entries()) {
    const { shape: wanted, range } = theirs.get(name)!;
    await to.write(range, kind === "stat" ? withRows(data[index], shape[0], wanted) : data[index]);
  }
}

/** A statistic with `known` rows, extended to `shape`, which has as many or more. */
function withRows(statistic: Float32Array, known: number, shape: readonly number[]): Float32Array {
  if (shape[0] === known) return statistic;
  const longer = new Float32Array(elementsOf(shape));
  longer.set(statistic);
  return repeatLastRow(longer, shape[0], known);
}
