/** What a trained model's predictions are worth, target by target: classes that are confused, or errors in the data's own units. */
import type { NoiseMode } from "../../runtime/batch.ts";
import type { Session } from "../../runtime/session.ts";
import type { StatisticsMode } from "../../runtime/session-types.ts";
import type { Baseline, Split, Task, TaskOutput } from "../data/task.ts";
import type { Output } from "../output.ts";
import { numberedBatches } from "../training/batches.ts";
import { drawnInOrder, drawnWhole } from "../training/order.ts";
import { meanBaseline } from "../training/target-values.ts";
import { ClassCounts, type ClassReport, classTables, classWords } from "./class-report.ts";
import { NumberErrors, type NumberReport, numberTable, numberWords } from "./number-report.ts";
import { type ChosenOutput, outputSteps } from "./outputs.ts";
import { plainOutput } from "./prediction-rows.ts";
import { largest } from "./probabilities.ts";

/** How often the next symbol was the likeliest. */
export interface SymbolReport {
  readonly kind: "symbols";
  readonly accuracy: number;
  readonly baseline: { readonly name: string; readonly accuracy: number };
  readonly better: boolean;
}

export type Report = ClassReport | NumberReport | SymbolReport;

export interface ReportRequest {
  readonly task: Task;
  readonly split: Split;
  readonly batch: number;
  readonly session: Session;
  readonly chosen: readonly ChosenOutput[];
  readonly noise?: NoiseMode;
  /** Whose statistics predictions are made with. With the batches' own, a smaller last batch is left out. Default: the population's. */
  readonly statistics?: StatisticsMode;
}

/** A target and what is known of its predictions so far. */
interface Measured {
  readonly chosen: ChosenOutput;
  readonly target: string;
  readonly output: TaskOutput;
  readonly classes: ClassCounts | undefined;
  readonly numbers: NumberErrors | undefined;
  right: number;
  guessed: number;
  count: number;
}

/** The report of each target that an output predicts, by the target's name. `each` is called after every batch. */
export async function reportsOf(
  { task, split, batch: size, session, chosen, noise, statistics }: ReportRequest,
  each: () => Promise<void>,
): Promise<Readonly<Record<string, Report>>> {
  const means = task.splits.train > 0 ? meanBaseline(task) : undefined;
  const measured = chosen.flatMap((one): Measured[] => {
    if (one.target === undefined) return [];
    const output = task.outputs?.[one.target] ?? plainOutput(task, one.target);
    return [
      {
        ...{ chosen: one, target: one.target, output, right: 0, guessed: 0, count: 0 },
        classes: output.kind === "classes" ? new ClassCounts(output.names) : undefined,
        numbers: output.kind === "numbers" ? new NumberErrors(output.columns, output.horizon ?? 1) : undefined,
      },
    ];
  });
  const baselineOf = ({ numbers }: Measured): Baseline | undefined => task.baseline ?? (numbers && means);
  if (task.carry !== undefined) await session.resetCarry("infer");
  const drawing =
    statistics === "batch" ? drawnWhole(task, split, size, Number.POSITIVE_INFINITY) : drawnInOrder(task, split, size);
  for await (const { indices, batch } of numberedBatches(task, split, drawing)) {
    const { outputs } = await session.infer(batch, { noise, carry: task.carry, statistics });
    for (const one of measured) {
      const { target, chosen } = one;
      const given = batch.inputs[target];
      const inUnits = async (values: Float32Array): Promise<ArrayLike<number>> =>
        one.output.kind === "numbers" && task.inUnits ? task.inUnits(target, split, indices, values) : values;
      const truth = (await task.truth?.(target, split, indices)) ?? (await inUnits(given));
      const without = await baselineOf(one)?.predict(target, split, indices);
      const baseline = without && (await inUnits(without));
      const values = await inUnits(outputs[chosen.name]);
      const width = chosen.shape.reduce((product, extent) => product * extent, 1);
      const stepsOf = outputSteps(chosen, batch, outputs[chosen.name]);
      for (let e = 0; e < indices.length; e++) {
        const steps = chosen.time ? stepsOf(e) : 1;
        for (let t = 0; t < steps; t++) addRow(one, t * indices.length + e, width, { truth, values, baseline });
      }
    }
    await each();
  }
  return Object.fromEntries(
    measured.map((one) => {
      const baseline = baselineOf(one);
      const name = baseline?.nameOf?.(one.target) ?? baseline?.name;
      return [one.target, one.numbers?.report(name) ?? one.classes?.report(name) ?? symbolReport(one, name)];
    }),
  );
}

interface Row {
  readonly truth: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  readonly baseline: ArrayLike<number> | undefined;
}

/** Counts what stands at a place of a batch. */
function addRow(one: Measured, place: number, width: number, { truth, values, baseline }: Row): void {
  if (one.numbers !== undefined) {
    for (let i = 0; i < width; i++) {
      const at = place * width + i;
      one.numbers.add(i, truth[at], values[at], baseline?.[at]);
    }
    return;
  }
  const right = truth[place];
  if (Number.isNaN(right)) return;
  const scores = Float64Array.from({ length: width }, (_, k) => values[place * width + k]);
  const predicted = largest(scores);
  one.classes?.add(right, predicted, baseline?.[place]);
  one.count++;
  if (predicted === right) one.right++;
  if (baseline?.[place] === right) one.guessed++;
}

function symbolReport({ right, guessed, count }: Measured, name = "most frequent"): SymbolReport {
  const baseline = { name, accuracy: guessed / count };
  return { kind: "symbols", accuracy: right / count, baseline, better: right > guessed };
}

/** Prints the reports: tables, and whether the model is better than what needs no learning. */
export function sayReports(reports: Readonly<Record<string, Report>>, output: Output): void {
  for (const [target, report] of Object.entries(reports)) {
    const tables =
      report.kind === "classes"
        ? classTables(target, report)
        : report.kind === "numbers"
          ? [numberTable(target, report)]
          : [];
    for (const { header, rows } of tables) {
      output.say();
      output.table(header, rows);
    }
    output.say();
    output.say(report.kind === "numbers" ? numberWords(report) : classWords(target, report));
  }
}
