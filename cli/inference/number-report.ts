/** How far predicted numbers are off, in the data's own units. */
import { formatCount } from "../output.ts";
import type { PrintedTable } from "./class-report.ts";

export interface Errors {
  /** The mean of |error|. */
  readonly mae: number;
  /** The root of the mean of error². */
  readonly rmse: number;
}

/** Errors of the model and, if the task has one, of its baseline. */
export interface Compared extends Errors {
  readonly baseline?: Errors;
}

export interface ColumnReport extends Compared {
  readonly column: string;
  /** Of each step of the horizon, if it has several. */
  readonly steps?: readonly Compared[];
}

export interface NumberReport {
  readonly kind: "numbers";
  readonly columns: readonly ColumnReport[];
  /** The baseline's name. */
  readonly baseline?: string;
  /** Whether the model's MAE is lower, in the mean over columns in units of the baseline's. */
  readonly better?: boolean;
}

export class NumberErrors {
  readonly #columns: readonly string[];
  readonly #horizon: number;
  /** By step and column: count, Σ|e|, Σe², and both sums of the baseline. */
  readonly #sums: Float64Array;

  constructor(columns: readonly string[], horizon: number) {
    this.#columns = columns;
    this.#horizon = horizon;
    this.#sums = new Float64Array(5 * columns.length * horizon);
  }

  /** `place`: step of the horizon times columns, plus the column. A truth that is missing counts nowhere. */
  add(place: number, truth: number, predicted: number, baseline: number | undefined): void {
    if (Number.isNaN(truth)) return;
    const at = 5 * place;
    const error = predicted - truth;
    this.#sums[at]++;
    this.#sums[at + 1] += Math.abs(error);
    this.#sums[at + 2] += error ** 2;
    if (baseline === undefined) return;
    this.#sums[at + 3] += Math.abs(baseline - truth);
    this.#sums[at + 4] += (baseline - truth) ** 2;
  }

  report(baseline: string | undefined): NumberReport {
    const width = this.#columns.length;
    const of = (places: readonly number[]): Compared => {
      const [count, ...sums] = [0, 1, 2, 3, 4].map((k) =>
        places.reduce((sum, place) => sum + this.#sums[5 * place + k], 0),
      );
      const [absolute, squares, without, withoutSquares] = sums.map((sum) => sum / count);
      const own = { mae: absolute, rmse: Math.sqrt(squares) };
      if (baseline === undefined) return own;
      return { ...own, baseline: { mae: without, rmse: Math.sqrt(withoutSquares) } };
    };
    const columns = this.#columns.map((column, c): ColumnReport => {
      const places = Array.from({ length: this.#horizon }, (_, h) => h * width + c);
      return {
        column,
        ...of(places),
        ...(this.#horizon > 1 && { steps: places.map((place) => of([place])) }),
      };
    });
    if (baseline === undefined) return { kind: "numbers", columns };
    // Columns have units of their own.
    const relative = columns.reduce((sum, { mae, baseline }) => sum + mae / baseline!.mae, 0) / width;
    return { kind: "numbers", columns, baseline, better: relative < 1 };
  }
}

/** The most steps of a horizon that are printed; there are always the first and the last. */
const MOST_STEPS = 8;

/** A table of the errors: of each column, and of steps of its horizon. */
export function numberTable(target: string, { columns, baseline }: NumberReport): PrintedTable {
  const shown = ({ mae, rmse, baseline }: Compared): readonly string[] =>
    [mae, rmse, ...(baseline === undefined ? [] : [baseline.mae, baseline.rmse])].map(formatCount);
  return {
    header: [target, ...["MAE", "RMSE"], ...(baseline === undefined ? [] : [`${baseline}: MAE`, "RMSE"])],
    rows: columns.flatMap(({ column, steps = [], ...all }) => {
      const last = steps.length - 1;
      const count = Math.min(steps.length, MOST_STEPS);
      const chosen = new Set(
        Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((i * last) / (count - 1)))),
      );
      return [[column, ...shown(all)], ...[...chosen].map((h) => [`${column}+${h + 1}`, ...shown(steps[h])])];
    }),
  };
}

/** `MAE of load 1.2, better than without learning (persistence): 2.3`. */
export function numberWords({ columns, baseline, better }: NumberReport): string {
  const own = columns.map(({ column, mae }) => `${column} ${formatCount(mae)}`).join(", ");
  if (baseline === undefined) return `MAE of ${own}`;
  const without = columns.map(({ baseline }) => formatCount(baseline!.mae)).join(", ");
  return `MAE of ${own}, ${better ? "better than" : "no better than"} without learning (${baseline}): ${without}`;
}
