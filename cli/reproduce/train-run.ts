/** Trains a run of a study by the command line's own `train`, so that its settings mean what they mean there. */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { packageRoot } from "../package.ts";
import { RunFolder, type RunRecord } from "../training/run-folder.ts";
import type { LineContext } from "./command-line.ts";
import type { PlannedRun } from "./plan.ts";
import { wordsOf } from "./settings.ts";

/** What a run is told that does not decide its numbers. */
export interface Where {
  /** The `.cell` file, in examples/. */
  readonly file: string;
  readonly folder: string;
  /** `--threads`, `--target`, `--max-time`: words of the command line. */
  readonly words: readonly string[];
}

/** How a run ended: `diverged` is a result, too. After `time`, it can go on. */
export type RunEnd = "finished" | "diverged" | "interrupted" | "time";

export const cellFile = (file: string): string => join(packageRoot, "examples", file);

/** The path from here, if the file is below. */
export function shownFile(file: string): string {
  const path = cellFile(file);
  const way = relative(process.cwd(), path);
  return way.startsWith("..") ? path : way;
}

/**
 * Trains a run, or goes on with it, to its last step. A finished run is left as it is. Throws C0408 for a folder in which a run with other
 * settings is, and what `train` throws, but for a loss that is no number: `diverged`.
 */
export async function trainRun(context: LineContext, run: PlannedRun, where: Where): Promise<RunEnd> {
  const { file, folder, words } = where;
  const before = await new RunFolder(folder).read();
  const { options, train } = await parsed(context, run, [
    cellFile(file),
    ...wordsOf(run.settings),
    ...words,
    "--out",
    folder,
    ...(before === undefined ? [] : ["--resume"]),
  ]);
  if (before !== undefined) {
    checkSameSettings(before, options, folder);
    if (before.status === "diverged") return "diverged";
    if (isWhole(before, options)) {
      context.output.say(`finished before, after ${before.step} steps`);
      return "finished";
    }
  }
  try {
    if ((await train()) === exit.interrupted) return "interrupted";
    const after = await new RunFolder(folder).read();
    return after?.stopped === "time" ? "time" : "finished";
  } catch (error) {
    if (error instanceof Failure && error.code === "C0502" && existsSync(join(folder, "run.json"))) return "diverged";
    throw error;
  }
}

/** Whether a run has done all that it is told to do now: its steps, and its measurement on test examples. */
function isWhole(
  { status, stopped, step, test, options: before }: RunRecord,
  { steps, epochs, test: isTested }: ParsedRun["options"],
): boolean {
  if (status !== "finished" || stopped !== undefined || (isTested && test === undefined)) return false;
  return typeof steps === "number" ? step >= steps : before.steps === undefined && before.epochs === epochs;
}

interface ParsedRun {
  readonly options: Readonly<Record<string, unknown>>;
  train(): Promise<ExitCode>;
}

/** Parses the words of a run as `cellc train` does. */
async function parsed(context: LineContext, { seed }: PlannedRun, words: readonly string[]): Promise<ParsedRun> {
  const { command, work } = await context.parse(["train", ...words]);
  // Its result is a part of the study's.
  const output = { ...context.output, result: () => {} };
  return { options: command.opts(), train: () => work({ ...context, output, seed }) };
}

/** Options that say where, for how long and on what a run trains, not what it computes. */
const ASIDE: ReadonlySet<string> = new Set([
  ...["out", "resume", "seed", "steps", "epochs", "maxTime", "threads", "target", "tuned", "offline", "data", "file"],
]);

/** Throws C0408 if a folder's run was told something else than it is told now. */
function checkSameSettings({ options: before }: RunRecord, now: ParsedRun["options"], folder: string): void {
  const text = (value: unknown): string => JSON.stringify(value) ?? "nothing";
  for (const [option, wanted] of Object.entries(now)) {
    if (ASIDE.has(option) || sameOptions(before[option], wanted)) continue;
    throw new Failure(
      "C0408",
      exit.usage,
      `${folder} holds a run with ${option} ${text(before[option])}, not ${text(wanted)}`,
      "choose another --out for other settings",
    );
  }
}

/** Whether two options are recorded alike. */
const sameOptions = (a: unknown, b: unknown): boolean => isDeepStrictEqual(asRecorded(a), asRecorded(b));

/** As `run.json` has it: what is undefined is left out. */
const asRecorded = (value: unknown): unknown => (value === undefined ? value : JSON.parse(JSON.stringify(value)));
