/** Tasks whose states go on from example to example, with `--carry`. */
import { exit, Failure } from "../failure.ts";
import type { DataOptions } from "./data-options.ts";
import type { Task, TaskCarry } from "./task.ts";

/**
 * How states go on, as the options say; undefined if they do not. `streams`: sequences side by side. Throws C0301 for a command that
 * takes each example by itself, which names no streams.
 */
export function carryOf(options: DataOptions, streams: number | undefined): TaskCarry | undefined {
  checkCarry(options);
  if (options.carry !== true) return undefined;
  if (streams === undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      "--carry lets states go on from window to window, and this command takes each window by itself",
      'leave it out here, in a task file "carry"; it is for train, eval, stats, predict and explore',
    );
  return { statistics: options.carryStatistics ?? "continue" };
}

/** Throws C0301 for an option about states that go on where none do. */
export function checkCarry({ carry, carryStatistics }: DataOptions): void {
  if (carryStatistics === undefined || carry === true) return;
  throw new Failure(
    "C0301",
    exit.usage,
    "--carry-statistics says how steps are counted where states go on, and nothing lets them",
    "add --carry",
  );
}

/** A task that is no file of one's own, with states that go on. Throws C0406 for one that does not say which examples follow each other. */
export function goingOn(task: Task, carry: TaskCarry): Task {
  if (task.sequences !== undefined) return { ...task, carry };
  throw new Failure(
    "C0406",
    exit.input,
    `no example of ${task.name} goes on in the next, so there is nothing for --carry to let on`,
    "leave --carry out; a module of yours says with `sequences` which examples follow each other",
  );
}

/** Throws C0406 unless there is a training sequence of several parts. */
export function requireParts({ name, steps, sequences, carry }: Task): void {
  if (carry === undefined || sequences === undefined || sequences("train").some((parts) => parts > 1)) return;
  throw new Failure(
    "C0406",
    exit.input,
    `no sequence of ${name} has more than one part of ${steps} steps, so no state would go on from one to the next`,
    "take a smaller --window, or a smaller --batch if a single sequence is cut into so many; or leave --carry out",
  );
}

/** `states go on from window to window (--carry), statistics of each step: continue`. */
export const carryWords = ({ statistics }: TaskCarry): string =>
  `states go on from window to window (--carry); statistics of each step: ${statistics}`;
