import type { Batch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import type { Over, Tensor } from "./plan.ts";

/** Loss and metrics of many batches. */
export interface Averages {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The tensors that an average is made of. */
export const isMeasure = ({ role: { kind } }: Pick<Tensor, "role">): boolean =>
  kind === "loss" || kind === "loss_term" || kind === "metric";

interface Mean {
  readonly kind: "loss" | "loss_term" | "metric";
  readonly over: Over | undefined;
  /** Of value · weight, in f64. */
  sum: number;
  weight: number;
}

/**
 * Puts together what batches make of the loss and the metrics, so that it is what one batch of all their examples would make: a mean
 * over steps weighs a batch by the steps that count, a mean over examples by its examples, and a loss that is a sum of both kinds is
 * averaged term by term.
 */
export class Averager {
  readonly #name: string;
  readonly #means = new Map<string, Mean>();
  #batches = 0;

  /** @param name of the model, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** Counts a batch in. Errors: C0406, where a measure is no mean and there was a batch before. */
  add(
    measured: readonly (readonly [tensor: Tensor, value: number])[],
    batch: Pick<Batch, "steps" | "examples" | "lengths">,
  ): void {
    this.#batches++;
    const inTerms = measured.some(([{ role }]) => role.kind === "loss_term");
    for (const [{ name, role }, value] of measured) {
      if (role.kind !== "loss" && role.kind !== "loss_term" && role.kind !== "metric") continue;
      if (role.kind === "loss" && inTerms) continue;
      if (role.over === undefined && this.#batches > 1) throw this.#unknown(role.kind, name);
      const weight = weightOf(batch, role.over);
      const mean = this.#means.get(name) ?? { kind: role.kind, over: role.over, sum: 0, weight: 0 };
      mean.sum += value * weight;
      mean.weight += weight;
      this.#means.set(name, mean);
    }
  }

  /** Of all batches so far; the loss is NaN where there is none. */
  result(): Averages {
    const of = (isWanted: (kind: Mean["kind"]) => boolean) =>
      [...this.#means]
        .filter(([, { kind }]) => isWanted(kind))
        .map(([name, mean]) => [name, mean.sum / mean.weight] as const);
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
      `${which} of ${this.#name} is no mean over examples or their steps, so several batches do not make one number of it`,
      "evaluate one batch of all examples, or infer each batch for itself",
    );
  }
}

/** How much a batch counts in a mean. */
function weightOf(
  { steps, examples, lengths }: Pick<Batch, "steps" | "examples" | "lengths">,
  over: Over | undefined,
): number {
  if (over !== "steps") return examples;
  return lengths === undefined ? steps * examples : Array.from(lengths).reduce((sum, length) => sum + length, 0);
}
