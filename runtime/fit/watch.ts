/** Signs that training goes wrong, each said once with the step: what a person would see on the curve, too late. */
import type { TrainReport } from "../session-types.ts";

/** A sign that training goes wrong. */
export interface TrainingWarning {
  readonly kind: "loss above its start" | "gradient exploded" | "gradient vanished" | "dead units";
  readonly step: number;
  /** A sentence without the step. */
  readonly message: string;
}

/** How many steps are the start, and how many the present: single batches say little. */
const WINDOW = 20;
/** Of the loss: a start of ln 10 = 2.3 for ten classes would be 6.9, which is worse than not knowing. */
const ABOVE = 3;
/** Of the gradient's norm, against the median of the start. Between good steps it varies by some ten times. */
const EXPLODED = 1e3;
const VANISHED = 1e-6;

type Watched = Pick<TrainReport, "step" | "loss" | "gradientNorm">;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export class Watch {
  readonly #said = new Set<TrainingWarning["kind"]>();
  readonly #losses: number[] = [];
  readonly #norms: number[] = [];
  #start: { readonly loss: number; readonly norm: number } | undefined;

  /** What the step shows for the first time. */
  note({ step, loss, gradientNorm }: Watched): readonly TrainingWarning[] {
    this.#losses.push(loss);
    if (gradientNorm !== undefined) this.#norms.push(gradientNorm);
    if (this.#losses.length < WINDOW) return [];
    if (this.#start === undefined) {
      this.#start = {
        loss: mean(this.#losses),
        norm: this.#norms.length === WINDOW ? median(this.#norms) : Number.NaN,
      };
      return [];
    }
    this.#losses.shift();
    if (this.#norms.length > WINDOW) this.#norms.shift();
    const { loss: first, norm: usual } = this.#start;
    const now = mean(this.#losses);
    const found: TrainingWarning[] = [];
    const say = (kind: TrainingWarning["kind"], message: string): void => {
      if (this.#said.has(kind)) return;
      this.#said.add(kind);
      found.push({ kind, step, message });
    };
    const shown = (value: number): string => String(Number(value.toPrecision(3)));
    if (first > 0 && now > ABOVE * first)
      say(
        "loss above its start",
        `the loss is ${shown(now)}, and was ${shown(first)} at the start: use a smaller learning rate`,
      );
    if (gradientNorm !== undefined && usual > 0) {
      if (gradientNorm > EXPLODED * usual)
        say(
          "gradient exploded",
          `the gradient's norm is ${shown(gradientNorm)}, and was ${shown(usual)} at the start: clip it, or use a smaller learning rate`,
        );
      // At a loss of almost nothing, there is nothing left to learn.
      if (median(this.#norms) < VANISHED * usual && now > first / 10)
        say(
          "gradient vanished",
          `the gradient's norm is ${shown(median(this.#norms))}, and was ${shown(usual)} at the start: units may be saturated`,
        );
    }
    return found;
  }
}
