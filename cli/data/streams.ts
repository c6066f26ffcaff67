/** Random streams for generated tasks and orders, from the runtime's counter-based generator. */
import { keyOf, uniformAt } from "../../runtime/random.ts";
import type { RandomStreams } from "./task.ts";

/** Named after the paper, arXiv 1603.09025. Fixed, so that a task's examples are the same for every `--seed`. */
const TASK_SEED = 160309025;

export const taskStreams: RandomStreams = seededStreams(TASK_SEED);

export function seededStreams(seed: number): RandomStreams {
  return (name) => {
    const key = keyOf(seed, name);
    return (index) => uniformAt(key, index);
  };
}
