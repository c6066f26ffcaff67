/** The same model compiled for other batch sizes, which serves a session's batches of those sizes. */
import type { Backend, Machine } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { differencesOf } from "./identity.ts";
import { elementsOf, type Kept, keptTensors } from "./layout.ts";
import type { Executable, Plan } from "./plan.ts";
import { Runner } from "./runner.ts";
import { extend } from "./statistics.ts";

interface Other {
  readonly runner: Runner;
  /** Which version of the parameters and statistics it has. */
  version: number;
}

/** Each is a machine of its own, which gets parameters and statistics before it runs. */
export class Attached {
  readonly #main: Runner;
  readonly #backend: Backend;
  readonly #others = new Map<number, Other>();

  constructor(main: Runner, backend: Backend) {
    this.#main = main;
    this.#backend = backend;
  }

  /** Takes the place of what was attached for that size. Errors: C0403, naming what differs, if it is another model. */
  async add(executable: Executable): Promise<void> {
    // Opening checks the plan itself.
    const runner = await Runner.open(executable, this.#backend);
    try {
      checkAttached(runner.plan, this.#main.plan);
    } catch (error) {
      runner.machine.close();
      throw error;
    }
    this.#others.get(runner.plan.dims.batch)?.runner.machine.close();
    this.#others.set(runner.plan.dims.batch, { runner, version: -1 });
  }

  planFor(examples: number): Plan | undefined {
    return this.#others.get(examples)?.runner.plan;
  }

  /** The runner for so many examples, with the session's parameters and statistics, of which this is the `version`-th. */
  async runnerFor(examples: number, version: number): Promise<Runner | undefined> {
    const other = this.#others.get(examples);
    if (other === undefined || other.version === version) return other?.runner;
    await copyKept(this.#main.plan, this.#main.machine, other.runner.plan, other.runner.machine);
    other.version = version;
    return other.runner;
  }

  /** Brings the statistics that a runner has collected back to the session's. Errors: C0406, if it has other rows of them. */
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
    for (const { runner } of this.#others.values()) runner.machine.close();
  }
}

/** Parameters and statistics: what inference reads. */
const needed = (plan: Plan): readonly Kept[] => keptTensors(plan).filter(({ kind }) => kind !== "slot");

const statisticsOf = (plan: Plan): readonly Kept[] => keptTensors(plan).filter(({ kind }) => kind === "stat");

/**
 * Throws C0403, naming what differs, unless `attached` is `plan` at another batch size: equations, loss and metrics alike, since
 * an evaluation adds up what both measure. It may keep statistics of more steps, as compiled for longer sequences, but not of fewer.
 */
function checkAttached(attached: Plan, plan: Plan): void {
  const theirs = new Map(needed(attached).map((kept) => [kept.name, kept]));
  const wrong = needed(plan).flatMap(({ name, kind, shape }) => {
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

/** Copies parameters and statistics from a session's machine. Steps beyond its last row of statistics use that row. */
async function copyKept(plan: Plan, from: Machine, attached: Plan, to: Machine): Promise<void> {
  const theirs = new Map(needed(attached).map((other) => [other.name, other]));
  const ours = needed(plan);
  const data = await from.read(ours.map(({ range }) => range));
  for (const [index, { name, kind, shape }] of ours.entries()) {
    const { shape: wanted, range } = theirs.get(name)!;
    await to.write(range, kind === "stat" ? withRows(data[index], shape[0], wanted) : data[index]);
  }
}

/** A statistic of `known` rows as one of `shape`, which has as many or more. */
function withRows(statistic: Float32Array, known: number, shape: readonly number[]): Float32Array {
  if (shape[0] === known) return statistic;
  const longer = new Float32Array(elementsOf(shape));
  longer.set(statistic);
  return extend(longer, shape[0], known);
}
