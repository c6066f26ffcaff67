/** Writes what a run does into its folder while it trains: the curve, and the checkpoints of evaluations. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { FitEvaluation } from "../../runtime/fit/fit.ts";
import type { SessionState } from "../../runtime/state.ts";
import type { CurvePoint, EvaluationPoint, TrainPoint } from "../report/curve-log.ts";
import type { EventWriter } from "../report/tensorboard.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { CurveWords, RunFolder } from "./run-folder.ts";

/** Milliseconds between additions to the curve's file. */
const PACE = 1000;

export class RunLog {
  readonly #folder: RunFolder;
  readonly #words: CurveWords;
  readonly #events: EventWriter | undefined;
  /** Seconds of training before a resume. */
  readonly #before: number;
  #points: CurvePoint[] = [];
  #written = performance.now();

  constructor(folder: RunFolder, words: CurveWords, before: number, events?: EventWriter) {
    this.#folder = folder;
    this.#words = words;
    this.#before = before;
    this.#events = events;
  }

  /** Adds a step to the curve, at most a second later. Throws C0409 if the file cannot be written. */
  async step(point: TrainPoint): Promise<void> {
    this.#points.push({ ...point, seconds: this.#before + point.seconds });
    if (performance.now() - this.#written >= PACE) await this.#write();
  }

  /**
   * Adds an evaluation, and saves what it measured. The curve comes first: going on drops points after the checkpoint, but it could not
   * restore missing ones. Throws C0409.
   */
  async evaluation(point: EvaluationPoint, { best, measured, state }: FitEvaluation): Promise<void> {
    const { files } = this.#folder;
    this.#points.push({ ...point, seconds: this.#before + point.seconds });
    await this.finish();
    if (best) await saveCheckpoint(files.best, measured);
    if (state.average !== undefined) await saveCheckpoint(files.averaged, measured);
    await saveCheckpoint(files.model, state);
  }

  /** Saves a state that was not measured. Throws C0409. */
  save(state: SessionState): Promise<void> {
    return saveCheckpoint(this.#folder.files.model, state);
  }

  /** Writes what is not written yet, and draws the curve. */
  async finish(): Promise<void> {
    await this.#write();
    await this.#folder.drawCurve(this.#words);
  }

  async #write(): Promise<void> {
    const points = this.#points.splice(0);
    await this.#folder.extendCurve(points);
    await this.#events?.add(points);
    this.#written = performance.now();
  }
}

/**
 * Removes checkpoints of evaluations after `step`, from which a run goes on: one that was killed between two files has written the
 * first. Returns their paths.
 */
export async function dropLaterCheckpoints({ files }: RunFolder, step: number): Promise<readonly string[]> {
  const dropped: string[] = [];
  for (const path of [files.best, files.averaged]) {
    if (!existsSync(path) || (await loadCheckpoint(path)).counters.step <= step) continue;
    await rm(path);
    dropped.push(path);
  }
  return dropped;
}
