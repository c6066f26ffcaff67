/** `cellc demo`: trains BN-LSTM and LSTM on generated digits for the same number of steps, and draws both curves. */
import { join } from "node:path";
import type { Context } from "../context.ts";
import { openTask } from "../data/catalogue.ts";
import { seededStreams, taskStreams } from "../data/streams.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { formatSeconds } from "../output.ts";
import { packageRoot } from "../package.ts";
import { type CurvePoint, curveLines } from "../report/curve-log.ts";
import { type CurveRun, drawCurves } from "../report/curves.ts";
import { writeAtomically } from "../report/files.ts";
import { sparkline } from "../report/sparkline.ts";
import type { TargetName } from "../targets.ts";
import { openBackend } from "../toolchain.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { openLearner } from "../training/open-learner.ts";
import { type Ending, evaluate, train } from "../training/train.ts";

export interface DemoOptions {
  readonly target: TargetName;
  readonly threads?: number;
  readonly steps: number;
  readonly out: string;
}

/** Cells of `examples/smnist.cell`, the one with batch normalization first. */
const CELLS = ["bnlstm", "lstm"] as const;

/** Small enough that both take about a minute on one core, and large enough for both to learn. */
const HIDDEN = 48;
const BATCH = 64;
/** Found by experiment: with this rate, falling to zero, both cells learn steadily from every seed tried. */
const LEARNING_RATE = 8e-3;
/** The summary counts the steps to this accuracy. */
const GOAL = 0.9;

export async function demo(context: Context, options: DemoOptions): Promise<ExitCode> {
  const { output } = context;
  const runs: TrainedCell[] = [];
  output.say(`${CELLS.join(" and ")} on digits, ${options.steps} steps each, H = ${HIDDEN}, batch ${BATCH}`);
  const ending = await withInterrupt(
    context.signals,
    () => output.warn("stopping after this step; Ctrl-C again to stop at once"),
    async (interrupt): Promise<Ending> => {
      for (const cell of CELLS) {
        const { ending, points, accuracy } = await trainCell(context, cell, options, interrupt);
        runs.push({ name: cell, points, accuracy });
        await writeAtomically(join(options.out, `${cell}.jsonl`), curveLines(points));
        if (ending.kind === "diverged") {
          throw new Failure(
            "C0502",
            exit.diverged,
            `${cell}: the loss stopped being a number after ${ending.step} steps`,
          );
        }
        if (ending.kind === "interrupted") return ending;
      }
      return { kind: "finished" };
    },
  );
  const picture = join(options.out, "curves.svg");
  await writeAtomically(
    picture,
    drawCurves({
      title: "BN-LSTM and LSTM on generated digits",
      subtitle: `54 steps of one pixel, H = ${HIDDEN}, batch ${BATCH}, Adam, learning rate ${LEARNING_RATE} falling to 0, seed ${context.seed}`,
      runs,
      measures: ["accuracy"],
    }),
  );
  const summaries = runs.map(summarise);
  output.say();
  output.table(
    ["cell", "test accuracy", `steps to ${100 * GOAL}%`, "time", "accuracy over steps"],
    summaries.map(({ cell, accuracy, stepsToGoal, seconds, curve }) => [
      cell,
      accuracy === undefined ? "–" : `${(100 * accuracy).toFixed(1)}%`,
      stepsToGoal === undefined ? "not reached" : String(stepsToGoal),
      formatSeconds(seconds),
      sparkline(curve, 0, 1),
    ]),
  );
  output.say(`\n${picture} shows both curves`);
  output.result({ ok: ending.kind === "finished", picture, runs: summaries });
  return ending.kind === "interrupted" ? exit.interrupted : exit.ok;
}

async function trainCell(
  context: Context,
  cell: string,
  options: DemoOptions,
  interrupt: AbortSignal,
): Promise<{ ending: Ending; points: readonly CurvePoint[]; accuracy?: number }> {
  const { output, seed } = context;
  const task = await openTask("digits", {
    files: { offline: true, environment: context.environment, say: output.warn },
    streams: taskStreams,
  });
  const backend = await openBackend(options.target, options.threads);
  try {
    const request = {
      file: join(packageRoot, "examples", "smnist.cell"),
      target: options.target,
      batch: BATCH,
      dims: { H: HIDDEN },
      cell: { rnn: cell },
      optimizer: "adam",
    } as const;
    const { learner } = await openLearner(request, task, "validation", backend, context);
    const points: CurvePoint[] = [];
    const progress = output.progress(options.steps, "steps");
    const { ending } = await train(
      learner,
      task,
      {
        steps: options.steps,
        batch: BATCH,
        learningRate: LEARNING_RATE,
        decay: "linear",
        clip: 1,
        momentum: 0.1,
        statistics: "exact",
        estimateExamples: 10 * BATCH,
        evaluateOn: "validation",
        evaluateEvery: Math.max(1, Math.ceil(options.steps / 20)),
      },
      seededStreams(seed),
      interrupt,
      {
        onStep(point) {
          points.push(point);
          progress.update(point.step, `${cell}  loss ${point.loss.toFixed(4)}`);
        },
        async onEvaluation(point) {
          points.push(point);
        },
      },
    ).finally(() => progress.stop());
    if (ending.kind !== "finished") return { ending, points };
    // With the statistics of the last evaluation. The test examples are as many as those for validation.
    const how = { statistics: "ema", batch: BATCH, estimateExamples: 0, evaluateOn: "test" } as const;
    const { metrics } = await evaluate(learner, task, how, interrupt);
    return { ending, points, accuracy: metrics.accuracy };
  } finally {
    backend.close();
  }
}

interface TrainedCell extends CurveRun {
  /** On the test examples, after the last step. */
  readonly accuracy: number | undefined;
}

interface CurveSummary {
  readonly cell: string;
  readonly accuracy: number | undefined;
  readonly stepsToGoal: number | undefined;
  readonly seconds: number;
  readonly curve: readonly number[];
}

function summarise({ name, points, accuracy }: TrainedCell): CurveSummary {
  const evaluations = points.filter((point) => point.kind === "evaluation");
  return {
    cell: name,
    accuracy,
    stepsToGoal: evaluations.find(({ metrics }) => metrics.accuracy >= GOAL)?.step,
    seconds: points.at(-1)?.seconds ?? 0,
    curve: evaluations.map(({ metrics }) => metrics.accuracy),
  };
}
