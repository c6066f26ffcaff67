/** The measure that placements are ranked by. */
import { exit, Failure } from "../failure.ts";

export interface RankedBy {
  /** `loss`, or a metric of the model. */
  readonly measure: string;
  /** Whether small or large values are good. */
  readonly direction: "min" | "max";
}

/** Names whose direction everybody knows. */
const DIRECTIONS: Readonly<Record<RankedBy["direction"], readonly string[]>> = {
  min: [
    "loss",
    "error",
    "mse",
    "rmse",
    "mae",
    "mape",
    "smape",
    "nll",
    "perplexity",
    "bits",
    "bpc",
    "bpb",
    "wer",
    "cer",
  ],
  max: ["accuracy", "top5", "precision", "recall", "f1", "auc", "auroc", "r2", "correlation", "bleu"],
};

/**
 * Reads `--by NAME` or `--by NAME:min` or `:max`, for a model with these metrics. Default: `accuracy` if the model has it, else `loss`.
 * Throws C0301 for a measure that the model does not have, and for one whose direction would be a guess.
 */
export function rankedBy(text: string | undefined, metrics: readonly string[]): RankedBy {
  if (text === undefined)
    return metrics.includes("accuracy")
      ? { measure: "accuracy", direction: "max" }
      : { measure: "loss", direction: "min" };
  const [measure, direction, ...rest] = text.split(":");
  const known = ["loss", ...metrics];
  if (!known.includes(measure) || rest.length > 0)
    throw new Failure(
      "C0301",
      exit.usage,
      `--by ${text}: the model measures no ${measure === "" || rest.length > 0 ? `"${text}"` : measure}`,
      `it measures ${known.join(", ")}`,
    );
  if (direction === "min" || direction === "max") return { measure, direction };
  if (direction !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `--by ${text}: ${direction === "" ? "nothing" : direction} is no direction`,
      `--by ${measure}:min, or --by ${measure}:max`,
    );
  const found = (["min", "max"] as const).find((one) => DIRECTIONS[one].includes(measure.toLowerCase()));
  if (found !== undefined) return { measure, direction: found };
  throw new Failure(
    "C0301",
    exit.usage,
    `--by ${text}: nothing says whether a large ${measure} is good or bad`,
    `--by ${measure}:min if small values are good, --by ${measure}:max if large ones are`,
  );
}

/** Whether `a` is better than `b`. */
export const isBetter = ({ direction }: RankedBy, a: number, b: number): boolean =>
  direction === "max" ? a > b : a < b;

/** The value with its sign such that more is better. */
export const merit = ({ direction }: RankedBy, value: number): number => (direction === "max" ? value : -value);
