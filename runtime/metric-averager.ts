import { axisOf, type OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { countOf } from "./existing.ts";
import type { Over, Tensor } from "./plan.ts";

/** Loss and metrics averaged over many batches. */
export interface Averages {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Whether a tensor takes part in an average. */
export const isMeasure = ({ role: { kind } }: Pick<Tensor, "role">): boolean =>
  kind === "loss" || kind === "loss_term" || kind === "metric" || kind === "weight";

/** A measure of one batch, and the weight of that batch in its mean. */
export interface Weighed {
  readonly kind: "loss" | "loss_term" | "metric";
  readonly weight: number;
}

interface Mean {
  readonly kind: "loss" | "loss_term" | "metric";
  readonly over: Over | undefined;
  /** The sum of value · weight, in f64. */
  sum: number;
  weight: number;
}

/**
 * Averages the loss and the metrics over batches, so that the result is that of one batch of all their examples: a mean over steps
 * weighs a batch by its valid steps, a mean over examples by its examples, a ratio of sums by its divisor, and a loss that is a sum of
 * several kinds is averaged term by term.
 */
export class MetricAverager {
  readonly #name: string;
  readonly #means = new Map<string, Mean>();
  #batches = 0;

  /** @param name the model's, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** Adds a batch. Returns the weights of its measures. Errors: C0406, if a measure is not a mean and this is not the first batch. */
  add(
    measured: readonly (readonly [tensor: Tensor, value: number])[],
    batch: Pick<OwnBatch, "examples" | "axes">,
  ): readonly Weighed[] {
    this.#batches++;
    const weighed: Weighed[] = [];
    const weights = new Map(
      measured.flatMap(([{ role }, value]) => (role.kind === "weight" ? [[role.of, value]] : [])),
    );
    const inTerms = measured.some(([{ role }]) => role.kind === "loss_term");
    for (const [tensor, value] of measured) {
      const { name, role } = tensor;
      if (role.kind !== "loss" && role.kind !== "loss_term" && role.kind !== "metric") continue;
      if (role.kind === "loss" && inTerms) continue;
      if (role.over === undefined && this.#batches > 1) throw this.#unknown(role.kind, name);
      const weight =
        role.over === "weights" ? weights.get(name)! : role.over === "steps" ? stepsOf(batch, tensor) : batch.examples;
      const mean = this.#means.get(name) ?? { kind: role.kind, over: role.over, sum: 0, weight: 0 };
      // A batch whose weights are all 0 has no mean, and counts nothing.
      mean.sum += weight === 0 ? 0 : value * weight;
      mean.weight += weight;
      this.#means.set(name, mean);
      weighed.push({ kind: role.kind, weight });
    }
    return weighed;
  }

  /** The averages over all batches so far; the loss is NaN if there is none. */
  result(): Averages {
    const of = (isWanted: (kind: Mean["kind"]) => boolean) =>
      [...this.#means]
        .filter(([, { kind }]) => isWanted(kind))
        // Without any step, a mean is 0.
        .map(([name, { sum, weight }]) => [name, weight === 0 ? 0 : sum / weight] as const);
    const losses = of((kind) => kind !== "metric");
    return {
      loss: losses.length === 0 ? Number.NaN : losses.reduce((sum, [, loss]) => sum + loss, 0),
      metrics: Object.fromEntries(of((kind) => kind === "metric")),
    };
  }

  #unknown(kind: Mean["kind"], name: string): RuntimeError {
    const which = kind === "metric" ? `the metric \`${name}\`` : "the loss";
    return new RuntimeError(
      "C0406",
      `${which} of ${this.#name} is not a mean over examples or their steps, so it cannot be averaged over batches`,
      "evaluate one batch of all examples, or infer each batch for itself",
    );
  }
}

/** How many steps the examples have together along the axis of a mean. */
function stepsOf(batch: Pick<OwnBatch, "examples" | "axes">, tensor: Tensor): number {
  const { steps, existing } = axisOf(batch, tensor);
  return existing === undefined ? steps * batch.examples : countOf(existing);
}
