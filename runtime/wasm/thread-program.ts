/** A thread's program as words in memory, which the sequencer runs (`sequencer.wat`). */
import type { Command } from "../plan.ts";
import type { ThreadProgram } from "./thread-schedule.ts";

const END = 0;
const DISPATCH = 1;
const BARRIER = 2;
const LOOP = 3;
/** Bytes of a word. */
const WORD = 4;

/** The most words that the program of a thread has for these commands, however long the sequence is. */
export const mostWords = (commands: readonly Command[]): number => 1 + wordsIn(commands);

const wordsIn = (commands: readonly Command[]): number =>
  commands.reduce((sum, command) => {
    // A dispatch may have a barrier before it. The last segment is a loop of its own.
    if (command.do === "dispatch") return sum + 8;
    return sum + (command.do === "segments" ? 2 : 1) * (6 + wordsIn(command.commands));
  }, 0);

/**
 * What thread `index` of `threads` does of a program. A thread always takes the same part of a grid, so that its weights stay in the
 * cache of the core that used them.
 */
export function programWords(
  program: ThreadProgram,
  index: number,
  threads: number,
  numbers: ReadonlyMap<string, number>,
): readonly number[] {
  const words = program.flatMap((instruction): readonly number[] => {
    if (instruction.do === "barrier") return [BARRIER];
    if (instruction.do === "loop") {
      const { from, count, stride, reverse } = instruction;
      if (count === 0) return [];
      const body = programWords(instruction.body, index, threads, numbers);
      const first = reverse ? from + (count - 1) * stride : from;
      return [LOOP, first, count, reverse ? -stride : stride, WORD * (5 + body.length), ...body];
    }
    const [gx, gy, gz] = instruction.grid;
    const groups = gx * gy * gz;
    const share = (k: number): number => Math.floor((groups * k) / threads);
    const [from, to] = instruction.split ? [share(index), share(index + 1)] : [0, index === 0 ? groups : 0];
    return from === to ? [] : [DISPATCH, numbers.get(instruction.kernel)!, gx, gy, gz, from, to];
  });
  return [...words, END];
}
