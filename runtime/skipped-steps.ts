import { RuntimeError } from "./error.ts";
import { elementsOf, type Range, rangeOf, whole } from "./layout.ts";
import type { KnownStatistics } from "./population.ts";
import type { Runner } from "./runner.ts";

/** The counters before a step. */
export interface Snapshot {
  /** The number of updates so far. */
  readonly step: number;
  /** The number of training runs so far, which numbers the draws of noise. */
  readonly run: number;
  readonly known: KnownStatistics;
}

/** A step that was skipped, and how many steps after it were skipped with it. */
export interface Skip {
  readonly before: Snapshot;
  readonly followers: number;
}

/** The device is asked after this many unchecked steps at the latest, because each of them must be remembered until then. */
const mostUnchecked = 128;

/**
 * The training steps that the optimiser's entry skips: those whose loss, gradient or update is not finite, and all later ones until
 * the session has learnt of it. The device knows at once, and changes nothing. The session asks when it waits for the device
 * anyway, and then sets its counters back.
 */
export class SkippedSteps {
  readonly #runner: Runner;
  #unchecked: Snapshot[] = [];

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Whether there are steps that have not been checked yet. */
  get unchecked(): boolean {
    return this.#unchecked.length > 0;
  }

  /** Records a step that is about to run. Returns whether it is time to check. */
  note(before: Snapshot): boolean {
    return this.#unchecked.push(before) >= mostUnchecked;
  }

  /** Forgets all unchecked steps: parameters and counters have been replaced. */
  async forget(): Promise<void> {
    if (this.#unchecked.length === 0) return;
    this.#unchecked = [];
    await this.#runner.machine.write(this.#count(), Float32Array.of(0));
  }

  /** The step that was skipped, if one was, and the contents of other ranges, read in the same transfer. */
  async check(others: readonly Range[] = []): Promise<{ readonly skip?: Skip; readonly others: Float32Array[] }> {
    if (this.#unchecked.length === 0 && others.length === 0) return { others: [] };
    const { machine } = this.#runner;
    const [[skipped], ...data] = await machine.read([this.#count(), ...others]);
    const steps = this.#unchecked;
    this.#unchecked = [];
    if (skipped === 0) return { others: data };
    await machine.write(this.#count(), Float32Array.of(0));
    return { skip: { before: steps[Math.max(0, steps.length - skipped)], followers: skipped - 1 }, others: data };
  }

  /** The error for a step that was skipped. The loss and the norm of its gradient are known if it was the last one. */
  async error({ before, followers }: Skip, last: { readonly loss: number; readonly norm?: number } | undefined) {
    const step = before.step + 1;
    const same = "parameters, optimiser state and statistics are as before this step";
    if (last === undefined || followers > 0) {
      const others =
        followers > 0 ? `; the ${counted(followers)} after it ${followers > 1 ? "were" : "was"} skipped, too` : "";
      return new RuntimeError(
        "C0502",
        `the loss, the gradient or the update of step ${step}, which was not reported, is not finite; ${same}${others}`,
        "do that step with `report`, to be told of which tensor",
      );
    }
    const { loss, norm } = last;
    const gradients = await this.#gradients();
    const spoilt = gradients.filter(({ data }) => !data.every(Number.isFinite)).map(({ of }) => `\`${of}\``);
    const gradient = `the gradient of ${spoilt.join(", ")}`;
    const causes = "use a smaller learning rate or clip the gradient, and look for inputs that are not finite";
    if (!Number.isFinite(loss)) {
      const also = spoilt.length > 0 ? `, and ${gradient} is not finite` : "";
      return new RuntimeError("C0502", `the loss of step ${step} is ${loss}${also}; ${same}`, causes);
    }
    if (spoilt.length > 0) {
      return new RuntimeError(
        "C0502",
        `${gradient} is not finite in step ${step}, though the loss is ${loss}; ${same}`,
        `${causes}; the derivatives of log(x), 1 / x and x^p are infinite where x is 0, of exp(x) where x is large`,
      );
    }
    const sizes = gradients.map(({ of, data }) => ({ of, size: data.reduce((m, v) => Math.max(m, Math.abs(v)), 0) }));
    const { of, size } = sizes.reduce((a, b) => (b.size > a.size ? b : a));
    const largest = `the gradient of \`${of}\` goes up to ${size.toPrecision(3)}`;
    const what =
      norm !== undefined && !Number.isFinite(norm)
        ? `the norm of the gradient of step ${step} is not finite`
        : `step ${step} would make parameters, the optimiser's state or statistics infinite`;
    return new RuntimeError(
      "C0502",
      `${what}: ${largest}; ${same}`,
      "clip the gradient, or use a smaller learning rate",
    );
  }

  /** Where the optimiser counts skipped steps. */
  #count(): Range {
    const update = this.#runner.entry("update");
    const tensor = update.tensors.find(({ role, name }) => role.kind === "metric" && name === "skipped_steps");
    if (tensor === undefined) {
      const help = "compile it with this version";
      throw new RuntimeError("C0406", `${this.#runner.plan.name} does not say which steps it skips`, help);
    }
    return rangeOf(tensor, update, 0);
  }

  async #gradients(): Promise<readonly { readonly of: string; readonly data: Float32Array }[]> {
    const found = this.#runner
      .entry("train")
      .tensors.flatMap(({ role, offset, shape }) =>
        role.kind === "grad" ? [{ of: role.of, range: whole("grad", offset, elementsOf(shape)) }] : [],
      );
    const data = await this.#runner.machine.read(found.map(({ range }) => range));
    return found.map(({ of }, i) => ({ of, data: data[i] }));
  }
}

const counted = (steps: number): string => (steps === 1 ? "step" : `${steps} steps`);
