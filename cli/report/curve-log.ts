/** A run's learning curve as JSON Lines: one line a point, so that a run that was stopped still has all its lines. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { exit, Failure } from "../failure.ts";
import { writeAtomically } from "./files.ts";

/** After a training step: the loss of its batch, in the loss's own units (nats for cross-entropy). */
export interface TrainPoint {
  readonly kind: "train";
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  /** Global L2 norm of the batch's gradient, before clipping. */
  readonly gradientNorm?: number;
  /** Seconds of training so far. */
  readonly seconds: number;
}

/** After an evaluation with population statistics. */
export interface EvaluationPoint {
  readonly kind: "evaluation";
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export type CurvePoint = TrainPoint | EvaluationPoint;

/** Text of the points, one JSON document a line. */
export function curveLines(points: readonly CurvePoint[]): string {
  return points.map((point) => `${JSON.stringify(point)}\n`).join("");
}

/** Adds points to the end of the file at `path`, which is made where it is missing. */
export async function appendCurve(path: string, points: readonly CurvePoint[]): Promise<void> {
  if (points.length === 0) return;
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, curveLines(points));
}

/** Reads a curve; [] where there is no file. A last line cut short by a crash is left out; any other bad line is C0402. */
export async function readCurve(path: string): Promise<readonly CurvePoint[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line, at) => {
    const point = parsePoint(line);
    if (point === undefined)
      throw new Failure("C0402", exit.input, `${path}:${at + 1}: not a point of a learning curve`);
    return point;
  });
}

/** Keeps the points up to `step`: what a run resumed from the checkpoint of that step still stands by. */
export async function truncateCurve(path: string, step: number): Promise<void> {
  const points = await readCurve(path);
  await writeAtomically(path, curveLines(points.filter((point) => point.step <= step)));
}

function parsePoint(line: string): CurvePoint | undefined {
  try {
    const point = JSON.parse(line) as Partial<CurvePoint> | null;
    const known = point?.kind === "train" || point?.kind === "evaluation";
    return known && typeof point.step === "number" ? (point as CurvePoint) : undefined;
  } catch {
    return undefined;
  }
}
