/** A run's learning curve as JSON Lines: one line per point, so that a run that was stopped keeps its points. */
import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Evaluated } from "../../runtime/fit/progress.ts";
import { exit, Failure } from "../failure.ts";
import { cannotWrite } from "../file-errors.ts";
import { readWhole, writeAtomically } from "./files.ts";
import { readJson } from "./json.ts";
import { dictionary, either, measure, number, oneOf, optional, record, type Schema, whole } from "./schema.ts";

/** A point after a training step: the loss of its batch, in the loss's own units (nats for cross-entropy). */
export interface TrainPoint {
  readonly kind: "train";
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  /** The model's metrics on the batch, if it has any. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Global L2 norm of the batch's gradient, before clipping. */
  readonly gradientNorm?: number;
  /** The learning rate of the step. */
  readonly lr?: number;
  /** Seconds of training so far. */
  readonly seconds: number;
}

/** A point after an evaluation with population statistics. */
export interface EvaluationPoint {
  readonly kind: "evaluation";
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export type CurvePoint = TrainPoint | EvaluationPoint;

const common = { step: whole(), epoch: whole(), loss: number, seconds: number };

export const curvePoint: Schema<CurvePoint> = either("kind", {
  train: record({
    kind: oneOf("train"),
    ...common,
    gradientNorm: optional(measure),
    lr: optional(measure),
    metrics: optional(dictionary(measure)),
  }),
  evaluation: record({ kind: oneOf("evaluation"), ...common, metrics: dictionary(measure) }),
});

/** The evaluations among the points, as `fit` takes those before a resume. */
export const evaluationsOf = (points: readonly CurvePoint[]): readonly Evaluated[] =>
  points.flatMap((point) =>
    point.kind === "evaluation" ? [{ step: point.step, loss: point.loss, metrics: point.metrics }] : [],
  );

/** The points as text, one JSON document per line. */
export function curveLines(points: readonly CurvePoint[]): string {
  return points.map((point) => `${JSON.stringify(point)}\n`).join("");
}

/** Appends points to the file at `path`, and creates it if it is missing. Throws C0409. */
export async function appendCurve(path: string, points: readonly CurvePoint[]): Promise<void> {
  if (points.length === 0) return;
  try {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, curveLines(points));
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

export interface Curve {
  readonly points: readonly CurvePoint[];
  /** Characters of a last line that a crash cut short, which is left out; 0 if there is none. */
  readonly cut: number;
}

/**
 * Reads a curve; it has no points if there is no file. A last line that a crash cut short is left out. Throws C0401, and C0402 with
 * the line that is not a point or is out of order.
 */
export async function readCurve(path: string): Promise<readonly CurvePoint[]> {
  return (await readWithCut(path)).points;
}

async function readWithCut(path: string): Promise<Curve> {
  const text = (await readWhole(path))?.toString("utf8") ?? "";
  const lines = text.split("\n");
  // Each line ends with a line break, so anything after the last break is an incomplete line.
  const rest = lines.pop() ?? "";
  let before = 0;
  const points = lines.map((line, at) => {
    const point = readJson(line, curvePoint, { path, what: "a point of a learning curve", line: at + 1 });
    if (point.step < before)
      throw new Failure(
        "C0402",
        exit.input,
        `${path}:${at + 1}: step ${point.step} stands behind step ${before}`,
        "nothing was changed; put a sound copy of the file back, or take it away",
      );
    before = point.step;
    return point;
  });
  return { points, cut: rest.length };
}

/** Keeps the points up to `step`, which a run that resumes from that step's checkpoint still agrees with. */
export async function truncateCurve(path: string, step: number): Promise<Curve> {
  const { points, cut } = await readWithCut(path);
  const kept = points.filter((point) => point.step <= step);
  await writeAtomically(path, curveLines(kept));
  return { points: kept, cut };
}
