/** What training has come to: the evaluations so far, and what follows from them. All of it can be told again from the evaluations alone. */
import { RuntimeError } from "../error.ts";
import type { Averages } from "../metric-averager.ts";
import { shown } from "../shown.ts";

/** What makes an evaluation better than another. */
export interface Criterion {
  /** `loss`, or the name of a metric. Default: `loss`. */
  readonly metric?: string;
  /** Whether less is better, or more. Default: less for a loss, more for an `accuracy`; any other metric must say. */
  readonly direction?: "min" | "max";
  /** By how much it must be better, at least. Default: 0. */
  readonly minDelta?: number;
}

/** An evaluation and when it was made. */
export interface Evaluated extends Averages {
  readonly step: number;
}

/** Counts updates and evaluations. */
export class Progress {
  /** Updates so far. */
  step: number;
  readonly #metric: string;
  readonly #sign: 1 | -1;
  readonly #minDelta: number;
  #best: Evaluated | undefined;
  /** For each evaluation, whether it was better than all before. */
  readonly #better: boolean[] = [];
  #last: number | undefined;

  /** Errors: C0406 (a criterion). */
  constructor(step: number, { metric = "loss", direction, minDelta = 0 }: Criterion = {}) {
    this.step = step;
    this.#metric = metric;
    const way = direction ?? (metric === "loss" ? "min" : metric === "accuracy" ? "max" : undefined);
    if (way !== "min" && way !== "max")
      throw new RuntimeError("C0406", `nothing says whether less or more ${shown(metric)} is better`, "say min or max");
    this.#sign = way === "min" ? 1 : -1;
    if (!Number.isFinite(minDelta) || minDelta < 0)
      throw new RuntimeError("C0406", `\`minDelta\` is a number from 0 on, not ${shown(minDelta)}`);
    this.#minDelta = minDelta;
  }

  /** The best evaluation so far: the first of equal ones. */
  get best(): Evaluated | undefined {
    return this.#best;
  }

  /** The step of the last evaluation. */
  get evaluated(): number | undefined {
    return this.#last;
  }

  /** Adds an evaluation, and returns whether it is better than all before. Errors: C0406, if it has no such metric. */
  add(evaluation: Evaluated): boolean {
    const value = this.#valueOf(evaluation);
    const better = this.#best === undefined || value < this.#valueOf(this.#best) - this.#minDelta;
    if (better) this.#best = evaluation;
    this.#better.push(better);
    this.#last = evaluation.step;
    return better;
  }

  /** How many evaluations there were since the best. */
  get since(): number {
    return this.#better.length - 1 - this.#better.lastIndexOf(true);
  }

  /** How often `patience` evaluations in a row were no better; each time, the count begins anew. */
  plateaus(patience: number): number {
    let [found, waited] = [0, 0];
    for (const better of this.#better) {
      waited = better ? 0 : waited + 1;
      if (waited < patience) continue;
      found++;
      waited = 0;
    }
    return found;
  }

  #valueOf({ loss, metrics }: Averages): number {
    const value =
      this.#metric === "loss" ? loss : Object.hasOwn(metrics, this.#metric) ? metrics[this.#metric] : undefined;
    if (value !== undefined) return this.#sign * value;
    const names = ["loss", ...Object.keys(metrics)].join(", ");
    throw new RuntimeError("C0406", `the model has no metric ${shown(this.#metric)}`, `an evaluation has ${names}`);
  }
}
