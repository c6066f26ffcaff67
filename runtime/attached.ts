import type { Backend } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { keptTensors, type Range, regionSizes, whole } from "./layout.ts";
import type { Executable, Plan } from "./plan.ts";
import { Runner } from "./runner.ts";

interface Other {
  readonly runner: Runner;
  /** Which version of the parameters and statistics it has. */
  version: number;
}

/** A session's model compiled for other batch sizes: each a machine of its own, which gets parameters and statistics before it runs. */
export class Attached {
  readonly #main: Runner;
  readonly #backend: Backend;
  readonly #others = new Map<number, Other>();

  constructor(main: Runner, backend: Backend) {
    this.#main = main;
    this.#backend = backend;
  }

  /** Takes the place of what was attached for that size. Errors: C0403, if it is another model. */
  async add(executable: Executable): Promise<void> {
    const { plan } = this.#main;
    if (executable.plan.fingerprint !== plan.fingerprint) {
      throw new RuntimeError("C0403", `${executable.plan.name} is not ${plan.name} at another batch size`);
    }
    if (layoutOf(executable.plan) !== layoutOf(plan)) {
      throw new RuntimeError(
        "C0403",
        `${executable.plan.name} keeps statistics of other steps than ${plan.name}`,
        "compile it with the same `time`",
      );
    }
    const runner = await Runner.open(executable, this.#backend);
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
    await this.#copy(["param", "stat"], this.#main, other.runner);
    other.version = version;
    return other.runner;
  }

  /** Brings the statistics that a runner has collected back to the session's. */
  async takeStatistics(from: Runner): Promise<void> {
    if (from !== this.#main) await this.#copy(["stat"], from, this.#main);
  }

  close(): void {
    for (const { runner } of this.#others.values()) runner.machine.close();
  }

  /** Both keep them alike, as `add` made sure. */
  async #copy(regions: readonly ("param" | "stat")[], from: Runner, to: Runner): Promise<void> {
    const sizes = regionSizes(this.#main.plan, 0);
    const ranges = regions
      .filter((region) => sizes[region] > 0)
      .map((region): Range => whole(region, 0, sizes[region]));
    const data = await from.machine.read(ranges);
    for (const [index, range] of ranges.entries()) await to.machine.write(range, data[index]);
  }
}

/** Where parameters and statistics stand, and their shapes. */
const layoutOf = (plan: Plan): string =>
  JSON.stringify(
    keptTensors(plan).flatMap(({ kind, name, shape, range }) => (kind === "slot" ? [] : [[name, shape, range.offset]])),
  );
