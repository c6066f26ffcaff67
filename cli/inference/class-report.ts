/** How often classes are predicted as which: the confusion matrix, and what follows from it. */
import type { TableCell } from "../output.ts";

/** Of a class; undefined where nothing was predicted, or nothing is, of it. */
export interface ClassMeasures {
  readonly name: string;
  /** The share of what is predicted to be of the class that is. */
  readonly precision: number | undefined;
  /** The share of what is of the class that is predicted to be. */
  readonly recall: number | undefined;
  /** Their harmonic mean. */
  readonly f1: number | undefined;
  /** How many are of the class. */
  readonly count: number;
}

export interface ClassReport {
  readonly kind: "classes";
  readonly classes: readonly string[];
  /** A row for each true class, a column for each predicted one. */
  readonly confusion: readonly (readonly number[])[];
  readonly measures: readonly ClassMeasures[];
  readonly accuracy: number;
  readonly baseline: { readonly name: string; readonly accuracy: number };
  /** Whether the model has the higher accuracy. */
  readonly better: boolean;
}

export class ClassCounts {
  readonly #names: readonly string[];
  /** [true, predicted] */
  readonly #counts: Float64Array;
  #baseline = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#counts = new Float64Array(names.length ** 2);
  }

  /** `baseline`: what is predicted without learning, if the task says it. */
  add(truth: number, predicted: number, baseline: number | undefined): void {
    this.#counts[truth * this.#names.length + predicted]++;
    if (baseline === truth) this.#baseline++;
  }

  /** `baseline` is its name. Without one, what all are taken for is the most frequent class of what was measured. */
  report(baseline: string | undefined): ClassReport {
    const names = this.#names;
    const size = names.length;
    const confusion = names.map((_, row) => Array.from(this.#counts.subarray(row * size, (row + 1) * size)));
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    const actual = confusion.map(sum);
    const guessed = names.map((_, column) => sum(confusion.map((row) => row[column])));
    const total = sum(actual);
    const right = sum(confusion.map((row, at) => row[at]));
    const share = (part: number, whole: number): number | undefined => (whole === 0 ? undefined : part / whole);
    const measures = names.map((name, at): ClassMeasures => {
      const hits = confusion[at][at];
      return {
        name,
        precision: share(hits, guessed[at]),
        recall: share(hits, actual[at]),
        f1: share(2 * hits, guessed[at] + actual[at]),
        count: actual[at],
      };
    });
    const accuracy = right / total;
    const known = baseline === undefined ? Math.max(...actual) : this.#baseline;
    const without = { name: baseline ?? "most frequent", accuracy: known / total };
    return {
      kind: "classes",
      classes: names,
      confusion,
      measures,
      accuracy,
      baseline: without,
      better: accuracy > without.accuracy,
    };
  }
}

/** The most classes whose matrix is printed. */
const MOST_PRINTED = 16;

const percent = (value: number | undefined): string => (value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

export interface PrintedTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly TableCell[])[];
}

/** Tables of a report: the measures of each class, and the matrix if it is not too large. */
export function classTables(target: string, { classes, confusion, measures }: ClassReport): readonly PrintedTable[] {
  const each: PrintedTable = {
    header: [target, "precision", "recall", "F1", "examples"],
    rows: measures.map(({ name, precision, recall, f1, count }) => [
      name,
      ...[precision, recall, f1].map(percent),
      count,
    ]),
  };
  const matrix: PrintedTable = {
    header: ["true \\ predicted", ...classes],
    rows: classes.map((name, row) => [name, ...confusion[row]]),
  };
  return classes.length > MOST_PRINTED ? [each] : [matrix, each];
}

/** `accuracy of y 93.1 %, better than without learning (most frequent): 51.0 %`. */
export function classWords(
  target: string,
  { accuracy, baseline, better }: Pick<ClassReport, "accuracy" | "baseline" | "better">,
): string {
  const verdict = better ? "better than" : accuracy === baseline.accuracy ? "no better than" : "worse than";
  return `accuracy of ${target} ${percent(accuracy)}, ${verdict} without learning (${baseline.name}): ${percent(baseline.accuracy)}`;
}
