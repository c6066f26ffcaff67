import type { OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { elementsOf, type Range, rangeOf, whole } from "./layout.ts";
import { type Averages, isMeasure, MetricAverager, type Weighed } from "./metric-averager.ts";
import type { Tensor } from "./plan.ts";
import type { Runner } from "./runner.ts";

/** How far the weights of two terms of a loss may differ, relative to each other: rounding of a f32. */
const SLACK = 1e-6;

/**
 * The gradient over several batches, for one update: what one batch of all their examples would have. A mean over steps weighs a batch by
 * its valid steps, one over examples by its examples. It is summed in f64 on the host, so that a GPU's gradients travel there and back.
 */
export class GradientSum {
  readonly #runner: Runner;
  readonly #gradients: readonly Range[];
  readonly #sums: readonly Float64Array[];
  readonly #averager: MetricAverager;
  #weight = 0;
  #first: readonly Weighed[] | undefined;

  constructor(runner: Runner) {
    this.#runner = runner;
    this.#gradients = runner
      .entry("train")
      .tensors.flatMap(({ role, offset, shape }) =>
        role.kind === "grad" ? [whole("grad", offset, elementsOf(shape))] : [],
      );
    this.#sums = this.#gradients.map(({ length }) => new Float64Array(length));
    this.#averager = new MetricAverager(runner.plan.name);
  }

  /** Adds the gradient of the batch that `train` has just run on. Errors: C0406, if the loss is not a mean or a sum of unlike means. */
  async add(batch: OwnBatch): Promise<void> {
    const measures = (this.#runner.last?.entry.tensors ?? []).filter(isMeasure);
    const values = await this.#runner.read(measures);
    const weighed = this.#averager.add(
      measures.map((tensor, i): [Tensor, number] => [tensor, values[i][0]]),
      batch,
    );
    const weight = this.#weightOf(weighed.filter(({ kind }) => kind !== "metric"));
    const gradients = await this.#runner.machine.read(this.#gradients);
    for (const [i, sum] of this.#sums.entries()) {
      const gradient = gradients[i];
      // A batch without a valid step has a gradient of zero, and counts nothing.
      for (let k = 0; k < sum.length; k++) sum[k] += weight * gradient[k];
    }
    this.#weight += weight;
  }

  /** Writes the mean gradient, and the mean loss, to where the optimiser reads them. Returns the averages over all batches. */
  async settle(): Promise<Averages> {
    const { machine, last } = this.#runner;
    if (last === undefined) throw new Error("nothing has run yet");
    const scale = this.#weight === 0 ? 0 : 1 / this.#weight;
    for (const [i, range] of this.#gradients.entries())
      await machine.write(
        range,
        Float32Array.from(this.#sums[i], (sum) => sum * scale),
      );
    const averages = this.#averager.result();
    const loss = last.entry.tensors.find(({ role }) => role.kind === "loss");
    // The optimiser skips a step whose loss is not finite, whichever batch it was.
    if (loss !== undefined)
      await machine.write(rangeOf(loss, last.entry, last.batch.steps), Float32Array.of(averages.loss));
    return averages;
  }

  /** The weight of the batch's loss. Terms with weights of their own must share out the batches alike. */
  #weightOf(terms: readonly Weighed[]): number {
    this.#first ??= terms;
    const [{ weight }] = terms;
    const [{ weight: before }] = this.#first;
    for (const [i, term] of terms.entries()) {
      const [one, other] = [term.weight * before, this.#first[i].weight * weight];
      if (Math.abs(one - other) <= SLACK * Math.max(one, other)) continue;
      throw new RuntimeError(
        "C0406",
        `the loss of ${this.#runner.plan.name} is a sum of means over different numbers of steps or examples, so no weight of these batches gives the gradient of all`,
        "accumulate over batches that are equally long, or use a larger batch",
      );
    }
    return weight;
  }
}
